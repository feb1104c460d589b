#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the path of a Python with what tests/python/requirements.txt pins (PyTorch, transformers, pytest), making it first if need be.
# It lies outside the clone, in ${XDG_CACHE_HOME:-~/.cache}/heddle/venv-HASH, and is shared by all clones with the same
# requirements. It is built under another name and renamed when complete: an interrupted set-up leaves nothing half-made.
# With --if-there it only prints the path of a complete one (and fails when there is none).
set -eu
cd "$(dirname "$0")/.."
requirements=tests/python/requirements.txt
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
hash=$({ echo "$version"; cat "$requirements"; } | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/heddle
venv=$cache/venv-$hash

if "$venv/bin/python" -c '' 2>/dev/null; then
    echo "$venv/bin/python"
    exit 0
fi
[ "${1:-}" != --if-there ] || exit 1

mkdir -p "$cache"
find "$cache" -maxdepth 1 -name 'making-*' -mmin +120 -exec rm -rf {} + # left by a set-up that was killed
making=$(mktemp -d "$cache/making-XXXXXX")
trap 'rm -rf "$making"' EXIT
trap 'exit 1' HUP INT TERM
echo "making the tests' Python environment in $venv (about 3 GB, once)" >&2
if ! { python3 -m venv "$making/venv" &&
    "$making/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements"; } >"$making/log" 2>&1; then
    tail -n 20 "$making/log" >&2
    echo "tools/python_env.sh: could not install what $requirements pins; the network is needed once" >&2
    exit 1
fi
"$making/venv/bin/python" -c 'import torch, transformers, tokenizers, safetensors, numpy, pytest'
rm -rf "$venv" # one whose base Python has gone
mv -T "$making/venv" "$venv" 2>/dev/null || "$venv/bin/python" -c '' # or another set-up was quicker
echo "$venv/bin/python"
