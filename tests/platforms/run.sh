#!/usr/bin/env bash
# Runs the demo, and reads the facts, on Debian for other processors, below qemu-user, and on musl.
#
#   tests/platforms/run.sh OUT [SYSTEM...]
#
# SYSTEM is Debian's name of an architecture, or musl, for this one; left out, it is each of arm64,
# ppc64el, s390x, riscv64 and musl. What is printed goes to OUT/SYSTEM.txt, too. Needs Debian, root,
# and a network; installs qemu-user-static and debootstrap, or what musl.sh compiles with; and makes
# a system of up to 400 MB for each in a temporary folder, or in $SELECTOR_BACKEND_PLATFORMS, where
# they are kept and used again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
out=$(mkdir -p "${1:?OUT, the folder for the results, is missing}" && cd "$1" && pwd)
shift
names=("$@")
[ $# -gt 0 ] || names=(arm64 ppc64el s390x riscv64 musl)

systems=${SELECTOR_BACKEND_PLATFORMS:-$(mktemp -d)}
systems=$(mkdir -p "$systems" && cd "$systems" && pwd)
[ -n "${SELECTOR_BACKEND_PLATFORMS:-}" ] || trap 'rm -rf "$systems"' EXIT
mirror=$(sed -n 's/^URIs: //p; s/^deb \(\[.*\] \)\?\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -n 1 || true)

failed=0
for name in "${names[@]}"; do
    root=$systems/$name
    if [ ! -e "$root/ready" ]; then
        rm -rf "$root"
        maker=debian.sh
        [ "$name" != musl ] || maker=musl.sh
        if ! "$here/$maker" "$root" "$mirror" "$name" >"$out/$name.making.txt" 2>&1; then
            echo "$name: the system could not be made; $out/$name.making.txt says why" >&2
            failed=1
            continue
        fi
        touch "$root/ready"
    fi
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    rm -rf "$root/checkout" && mkdir "$root/checkout"
    git -C "$checkout" ls-files -z selector_backend runtime example-spam tests/platforms \
        pyproject.toml README.md LICENSE CHANGELOG.md |
        tar -C "$checkout" --null -T - -cf - | tar -C "$root/checkout" --no-same-owner -xf -
    variables=(HOME=/root PATH=/usr/local/bin:/usr/bin:/bin)
    [ ! -e "$root/wheels" ] || variables+=(PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels)
    # Emulating how Arm signs pointers takes five times as long as all else.
    [ "$name" != arm64 ] || variables+=("QEMU_CPU=max,pauth-impdef=on")
    env -u PIP_FIND_LINKS "${variables[@]}" \
        unshare --mount-proc --root "$root" sh /checkout/tests/platforms/inside.sh 2>&1 |
        tee "$out/$name.txt" || failed=1
done
exit $failed
