#!/usr/bin/env bash
# Install servers from npm into .cache/npm of this checkout: Azurite, Azure's own emulator of its storage, and
# oidc-provider, an OpenID provider.
#
#   tests/install-npm.sh         install what is missing; at once when nothing is
set -euo pipefail
cd "$(dirname "$0")/.."

for package in azurite@3.37.0 oidc-provider@9.13.3; do
    place=$PWD/.cache/npm/${package/@/-}
    [[ -e $place/complete ]] && continue
    command -v npm >/dev/null || { echo 'npm is needed (Node.js 20 or newer)' >&2; exit 1; }
    mkdir -p "$place"
    npm install --prefix "$place" --silent --no-audit --no-fund --ignore-scripts "$package"
    touch "$place/complete"
done
