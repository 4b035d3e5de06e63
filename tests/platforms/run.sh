#!/usr/bin/env bash
# Runs the demo, and reads the facts, on Debian for other processors, below qemu-user.
#
#   tests/platforms/run.sh OUT [ARCHITECTURE...]
#
# ARCHITECTURE is Debian's name; left out, it is each of arm64, ppc64el, s390x and riscv64. What is
# printed goes to OUT/ARCHITECTURE.txt, too. Needs Debian, root, and a network; it installs
# debootstrap and qemu-user-static, and makes a system of 300 MB for each in a temporary folder, or
# in $SELECTOR_BACKEND_PLATFORMS, where they are kept and used again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
out=$(mkdir -p "${1:?OUT, the folder for the results, is missing}" && cd "$1" && pwd)
shift
architectures=("$@")
[ $# -gt 0 ] || architectures=(arm64 ppc64el s390x riscv64)

command -v debootstrap >/dev/null && [ -e /usr/bin/qemu-aarch64-static ] ||
    { apt-get update -q && apt-get install -qy debootstrap qemu-user-static binfmt-support; }
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
update-binfmts --enable

systems=${SELECTOR_BACKEND_PLATFORMS:-$(mktemp -d)}
mirror=$(sed -n 's/^URIs: //p; s/^deb \(\[.*\] \)\?\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -n 1 || true)

unmount() { for root in "$systems"/*; do mountpoint -q "$root/proc" && umount "$root/proc"; done; }
finish() {
    unmount || true
    [ -n "${SELECTOR_BACKEND_PLATFORMS:-}" ] || rm -rf "$systems"
}
trap finish EXIT

failed=0
for architecture in "${architectures[@]}"; do
    root=$systems/$architecture
    if [ ! -e "$root/ready" ]; then
        rm -rf "$root"
        # Unpacked and not configured: that runs hundreds of programs of the other processor, and
        # Python takes none of it.
        debootstrap --foreign --arch="$architecture" --variant=minbase \
            --include=python3-pip,python3-venv trixie "$root" "$mirror" \
            >"$out/$architecture.debootstrap.txt" 2>&1
        for package in "$root"/var/cache/apt/archives/*.deb; do
            dpkg-deb --fsys-tarfile "$package" | tar -C "$root" --keep-directory-symlink -xf -
        done
        mkdir -p "$root/etc/ssl/certs"
        touch "$root/ready"
    fi
    # pip and the loader find the index as they do here.
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    for configuration in /etc/pip.conf /etc/xdg/pip; do
        [ ! -e $configuration ] || { mkdir -p "$root/etc/xdg" && cp -r $configuration "$root${configuration%/pip}"; }
    done
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    rm -rf "$root/checkout" && mkdir "$root/checkout"
    git -C "$checkout" ls-files -z selector_backend runtime example-spam tests/platforms \
        pyproject.toml README.md LICENSE CHANGELOG.md |
        tar -C "$checkout" --null -T - -cf - | tar -C "$root/checkout" --no-same-owner -xf -
    env -u PIP_FIND_LINKS HOME=/root chroot "$root" sh /checkout/tests/platforms/inside.sh 2>&1 |
        tee "$out/$architecture.txt" || failed=1
done
exit $failed
