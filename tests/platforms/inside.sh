#!/bin/sh
# What run.sh runs in each system: the demo, and the facts as an install reads them.
set -eu
cd /checkout
. /etc/os-release
echo "machine: $(uname -m), $PRETTY_NAME, $(python3 --version)"
rm -rf /tmp/demo
python3 example-spam/demo.py --keep /tmp/demo
echo
echo "The facts:"
/tmp/demo/tools/bin/python tests/platforms/facts.py
