#!/bin/sh
# Makes the virtual environment $VENV with $PYTHON and everything that requirements-dev.lock pins.
set -eu

[ -n "$PYTHON" ] || { echo "Install Python 3.11, 3.12 or 3.13 first." >&2; exit 1; }
"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' ||
    { echo "$PYTHON is not Python 3.11, 3.12 or 3.13." >&2; exit 1; }
# Whoever has activated the environment would make it with itself.
PYTHON="$("$PYTHON" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')"

# Debian parts venv from Python.
if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    package="python$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing the Debian package $package."
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
    else
        echo "Install $package first: $PYTHON has no venv." >&2
        exit 1
    fi
fi

echo "Making $VENV with $("$PYTHON" --version)."
rm -rf "$VENV"
"$PYTHON" -m venv "$VENV"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
uv="$VENV/bin/uv"
export VIRTUAL_ENV="$VENV"
"$uv" pip sync --quiet --require-hashes requirements-dev.lock
"$uv" pip install --quiet --no-deps --no-build-isolation --editable contracts --editable .
