#!/usr/bin/env bash
# Makes what is generated from docs/openapi.json: the cores of the clients and the collection of requests, below clients/
# or below another folder that is given. The generators come from npm and PyPI, once, in the versions that
# client-generators.txt pins. Ends with 69 (EX_UNAVAILABLE) if they cannot be had.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

pins=$root/tools/client-generators.txt
generators=$tools/client-generators
description=$root/docs/openapi.json
clients=$root/clients
into=$(mkdir -p "${1:-$clients}" && cd "${1:-$clients}" && pwd)

unavailable() {
  say "error: $1"
  exit 69
}

# pinned REGISTRY: its packages, in one line.
pinned() { sed -n "s/^$1 //p" "$pins" | tr '\n' ' '; }

# A changed pin makes a new installation.
stamp=$(cksum <"$pins")
if [ "$(cat "$generators/stamp" 2>/dev/null)" != "$stamp" ]; then
  command -v npm >/dev/null || unavailable "npm is missing, which installs generators"
  command -v python3 >/dev/null || unavailable "python3 is missing, which installs generators"
  say "installing the generators of the clients"
  rm -rf "$generators"
  mkdir -p "$generators"
  read -r -a npm_packages <<<"$(pinned npm)"
  read -r -a python_packages <<<"$(pinned pypi)"
  limited 600 npm install --silent --no-audit --no-fund --ignore-scripts --fetch-retries 1 --fetch-timeout 20000 \
    --prefix "$generators/npm" "${npm_packages[@]}" </dev/null >&2 || unavailable "npm could not install ${npm_packages[*]}"
  limited 600 python3 -m pip install --quiet --disable-pip-version-check --no-input --retries 1 --timeout 20 \
    --target "$generators/python" "${python_packages[@]}" </dev/null >&2 ||
    unavailable "pip could not install ${python_packages[*]}"
  echo "$stamp" >"$generators/stamp"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# replace FROM TO: replaces the folder TO by FROM.
replace() {
  rm -rf "$2"
  mkdir -p "$(dirname "$2")"
  mv "$1" "$2"
}

say "generating the core of the TypeScript client"
(cd "$clients/typescript" && GENERATED=$scratch/typescript "$generators/npm/node_modules/.bin/openapi-ts" \
  --file openapi-ts.config.mjs --silent >&2)
replace "$scratch/typescript" "$into/typescript/src/generated"

say "generating the core of the Python client"
# Without the generator's own formatting, which would need a tool more.
echo 'post_hooks: []' >"$scratch/generator.yaml"
PYTHONPATH=$generators/python PYTHONDONTWRITEBYTECODE=1 python3 -m openapi_python_client generate \
  --path "$description" --output-path "$scratch/core" --meta none --config "$scratch/generator.yaml" \
  --fail-on-warning >&2
replace "$scratch/core" "$into/python/payment_gateway/core"

say "generating the collection of requests"
node "$root/tools/collection.mjs" prepare "$description" "$scratch/description.json"
"$generators/npm/node_modules/.bin/bru" import openapi --source "$scratch/description.json" --output "$scratch" \
  --collection-name collection --collection-format bru >&2
node "$root/tools/collection.mjs" finish "$scratch/collection"
replace "$scratch/collection" "$into/bruno/collection"
