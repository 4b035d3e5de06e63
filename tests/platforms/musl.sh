#!/usr/bin/env bash
# Makes a system whose only C library is musl, with a Python 3.13 built from source, for run.sh.
#
#   tests/platforms/musl.sh ROOT MIRROR
#
# The system is in ROOT, for chroot. MIRROR has Debian's packages, and their sources. The Python has
# no TLS, so what the demo downloads elsewhere is in ROOT/wheels, fetched by the pip of python3 here.
set -euo pipefail
root=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

type musl-gcc make pkg-config xz bzip2 >/dev/null ||
    { apt-get update -q && apt-get install -qy gcc make pkg-config xz-utils bzip2 musl-tools; }

# The sources, without a change to this machine's lists. The older suite's libffi has its configure,
# and every mirror has its zlib.
mkdir -p apt/sources apt/lists/partial
cat >apt/sources/debian.sources <<END
Types: deb deb-src
URIs: $2
Suites: trixie bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
cat >apt/apt.conf <<END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/apt/sources";
Dir::State::Lists "$work/apt/lists";
END
export APT_CONFIG=$work/apt/apt.conf
apt-get update -q
apt-get source -q --download-only python3.13/trixie libffi/bookworm zlib/bookworm
apt-get download -q busybox-static/trixie
for archive in *.orig.tar.*z *.orig.tar.bz2; do
    mkdir -p "${archive%%_*}"
    tar -xf "$archive" --strip-components=1 -C "${archive%%_*}"
done

# What is around Python: musl, a shell and its programs in one file that needs no library, and wheels.
mkdir -p "$root"/{bin,dev,etc,lib,proc,root,tmp,wheels}
mknod -m 666 "$root/dev/null" c 1 3
cp -L /lib/ld-musl-*.so.1 "$root/lib/"
dpkg-deb --extract busybox-static_*.deb "$root"
chroot "$root" /usr/bin/busybox --install -s /bin
echo 'PRETTY_NAME="no distribution"' >"$root/etc/os-release"
python3 -m pip download -q --dest "$root/wheels" \
    'flit_core<5' packaging pyproject-metadata archspec nvidia-ml-py

# musl-gcc says that it compiles for glibc.
cat >compiler <<'END'
#!/bin/sh
[ "$*" != --print-multiarch ] || exec echo "$(uname -m)-linux-musl"
exec musl-gcc "$@"
END
chmod +x compiler
export CC=$work/compiler CFLAGS="-O1 -fPIC" PKG_CONFIG_LIBDIR=$work/libraries/lib/pkgconfig
(cd zlib && ./configure --prefix="$work/libraries" --static && make -s install)
(cd libffi && ./configure --prefix="$work/libraries" --disable-shared --disable-docs \
    --disable-exec-static-tramp && make -s install) # those need the kernel's headers
(cd python3.13 && ./configure --prefix=/usr --disable-test-modules &&
    make -s -j "$(nproc)" && make -s DESTDIR="$root" install)
