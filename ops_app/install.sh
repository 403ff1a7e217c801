#!/usr/bin/env bash
# Makes .venv from requirements.lock, needing nothing but Python 3.11.
set -euo pipefail
python=$1
venv=$2

command -v "$python" >/dev/null 2>&1 || python=python3
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true)
if [ "$version" != "3.11" ]; then
  echo "Recoup needs Python 3.11; '$python' is ${version:-not there}. Install it, or say where it is: make PYTHON=/path/to/python3.11" >&2
  exit 1
fi

echo "Preparing $venv from requirements.lock (once; 1 to 3 minutes)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
# uv installs the rest several times faster than pip and compiles bytecode; its own pin and hashes come from the lock
awk '/^[a-z]/ {inside = /^uv==/} inside' requirements.lock > "$venv/uv.lock"
"$venv/bin/python" -m pip install --quiet --require-hashes -r "$venv/uv.lock"
"$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" --require-hashes --compile-bytecode requirements.lock
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
