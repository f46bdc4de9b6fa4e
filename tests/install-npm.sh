#!/usr/bin/env bash
# Install Azurite, Azure's own emulator of its storage, from npm, into .cache/npm of this checkout.
#
#   tests/install-npm.sh         install what is missing; at once when nothing is
set -euo pipefail
cd "$(dirname "$0")/.."

azurite=3.37.0

place=$PWD/.cache/npm/azurite-$azurite
[[ -e $place/complete ]] && exit 0
command -v npm >/dev/null || { echo 'npm is needed (Node.js 20 or newer)' >&2; exit 1; }
mkdir -p "$place"
npm install --prefix "$place" --silent --no-audit --no-fund --ignore-scripts "azurite@$azurite"
touch "$place/complete"
