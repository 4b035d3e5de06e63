#!/usr/bin/env bash
# Makes a Debian for another processor, with Python and pip, for run.sh.
#
#   tests/platforms/debian.sh ROOT MIRROR ARCHITECTURE
#
# The system is in ROOT, for chroot; qemu-user runs its programs. ARCHITECTURE is Debian's name.
set -euo pipefail
root=$1 mirror=$2 architecture=$3

type debootstrap update-binfmts qemu-aarch64-static >/dev/null ||
    { apt-get update -q && apt-get install -qy debootstrap qemu-user-static binfmt-support; }
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
update-binfmts --enable

# From the first suite that the mirror has all files of: of some architectures it names newer ones
# than it has.
for suite in trixie bookworm ''; do
    [ -n "$suite" ] || { echo "$mirror has no suite with all files for $architecture"; exit 1; }
    rm -rf "$root"
    debootstrap --foreign --arch="$architecture" --variant=minbase \
        --include=python3-pip,python3-venv $suite "$root" "$mirror" && break
done

# Unpacked and not configured: that runs hundreds of programs of the other processor, and Python
# takes none of it.
for package in "$root"/var/cache/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -C "$root" --keep-directory-symlink -xf -
done
# In a container, debootstrap makes it a link, to itself once it is the root's.
[ ! -L "$root/proc" ] || rm "$root/proc"
mkdir -p "$root/proc" "$root/etc/ssl/certs"

# pip finds the index as it does here.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cd /
for configuration in etc/pip.conf etc/xdg/pip; do
    [ ! -e $configuration ] || cp -r --parents $configuration "$root"
done
