#!/usr/bin/env bash
# Runs the demo, and reads the facts, on Debian for other processors, below qemu-user, and on musl.
#
#   tests/platforms/run.sh OUT [SYSTEM...]
#
# SYSTEM is Debian's name of an architecture, or musl, for this one; left out, it is each of arm64,
# ppc64el, s390x, riscv64 and musl. What is printed goes to OUT/SYSTEM.txt, too. Needs Debian, root,
# and a network; it installs debootstrap and qemu-user-static, or what musl.sh compiles with, and
# makes a system of up to 300 MB for each in a temporary folder, or in $SELECTOR_BACKEND_PLATFORMS,
# where they are kept and used again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
out=$(mkdir -p "${1:?OUT, the folder for the results, is missing}" && cd "$1" && pwd)
shift
names=("$@")
[ $# -gt 0 ] || names=(arm64 ppc64el s390x riscv64 musl)

systems=${SELECTOR_BACKEND_PLATFORMS:-$(mktemp -d)}
[ -n "${SELECTOR_BACKEND_PLATFORMS:-}" ] || trap 'rm -rf "$systems"' EXIT
mirror=$(sed -n 's/^URIs: //p; s/^deb \(\[.*\] \)\?\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -n 1 || true)

# Unpack Debian's packages for an architecture, from the first suite that the mirror has all files
# of: of some architectures it names newer ones than it has.
make_debian() {
    command -v debootstrap >/dev/null && [ -e /usr/bin/qemu-aarch64-static ] ||
        { apt-get update -q && apt-get install -qy debootstrap qemu-user-static binfmt-support; }
    mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    update-binfmts --enable
    for suite in trixie bookworm; do
        rm -rf "$2"
        # Nothing is configured: that runs hundreds of programs of the other processor, and Python
        # takes none of it.
        debootstrap --foreign --arch="$1" --variant=minbase \
            --include=python3-pip,python3-venv $suite "$2" $mirror || continue
        for package in "$2"/var/cache/apt/archives/*.deb; do
            dpkg-deb --fsys-tarfile "$package" | tar -C "$2" --keep-directory-symlink -xf -
        done
        # In a container, debootstrap makes it a link, to itself once it is the root's.
        [ ! -L "$2/proc" ] || rm "$2/proc"
        mkdir -p "$2/proc" "$2/etc/ssl/certs"
        # pip finds the index as it does here.
        cp /etc/ssl/certs/ca-certificates.crt "$2/etc/ssl/certs/"
        for configuration in etc/pip.conf etc/xdg/pip; do
            [ ! -e "/$configuration" ] || (cd / && cp -r --parents "$configuration" "$2")
        done
        return
    done
    return 1
}

failed=0
for name in "${names[@]}"; do
    root=$systems/$name
    if [ ! -e "$root/ready" ]; then
        rm -rf "$root"
        # As a command of its own: within a condition, bash would go on after an error.
        set +e
        (
            set -e
            if [ "$name" = musl ]; then "$here/musl.sh" "$root" "$mirror"; else make_debian "$name" "$root"; fi
            touch "$root/ready"
        ) >"$out/$name.making.txt" 2>&1
        made=$?
        set -e
        if [ $made -ne 0 ]; then
            echo "$name: the system could not be made; $out/$name.making.txt says why" >&2
            failed=1
            continue
        fi
    fi
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    rm -rf "$root/checkout" && mkdir "$root/checkout"
    git -C "$checkout" ls-files -z selector_backend runtime example-spam tests/platforms \
        pyproject.toml README.md LICENSE CHANGELOG.md |
        tar -C "$checkout" --null -T - -cf - | tar -C "$root/checkout" --no-same-owner -xf -
    variables=(HOME=/root PATH=/usr/local/bin:/usr/bin:/bin)
    [ ! -e "$root/wheels" ] || variables+=(PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels)
    env -u PIP_FIND_LINKS "${variables[@]}" \
        unshare --mount-proc --root "$root" sh /checkout/tests/platforms/inside.sh 2>&1 |
        tee "$out/$name.txt" || failed=1
done
exit $failed
