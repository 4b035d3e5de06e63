#!/usr/bin/env bash
# Shows on a real NVIDIA GPU that the facts are the driver's, and that pip installs by them.
#
#   tests/hardware/run.sh carry FOLDER    with a network: fill FOLDER with all that the rest takes
#   tests/hardware/run.sh FOLDER [OUT]    on the machine with the GPU, without a network
#
# Both need Python 3.9 or newer, its pip and venv; the second needs nvidia-smi, too, and writes the
# machine's profile to OUT/machine.json (OUT is the working directory if left out).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

case "${1:-}" in
carry) exec python3 "$here/carry.py" "${2:?carry: the folder to fill is missing}" "${@:3}" ;;
'' | -*) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 2 ;;
*) exec python3 "$here/check.py" "$1" "${2:-.}" ;;
esac
