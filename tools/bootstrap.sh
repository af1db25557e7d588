#!/bin/sh
# Makes the virtual environment $VENV ready for use, if it is not: finds a Python, and tools/setup does the work.
# The Python is $PYTHON, or else the one that $VENV was made with, or else the first of the usual names that fits.
set -eu
cd "$(dirname "$0")/.."
VENV="${VENV:-.venv}"
FITS='import sys; sys.exit(sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info[:2] <= (3, 13))'

if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
else
    set -- "$VENV/bin/python" python3 python3.13 python3.12 python3.11
fi
for python in "$@"; do
    # -E and -s: neither PYTHONPATH nor what the user installed for everything else gets in.
    if "$python" -E -s -c "$FITS" 2>/dev/null; then
        exec "$python" -E -s -m tools.setup "$VENV"
    fi
done

if [ -n "${PYTHON:-}" ]; then
    echo "$PYTHON is not CPython 3.11, 3.12 or 3.13: name one by \`make PYTHON=/its/path ...\`." >&2
else
    echo "No Python 3.11, 3.12 or 3.13 in PATH: install one, or name it by \`make PYTHON=/its/path ...\`." >&2
fi
exit 1
