#!/usr/bin/env bash
# Puts wasm-bindgen-test-runner, which runs wasm tests in node, at .tools/bin, in the very version that
# Cargo.lock has of wasm-bindgen: the two speak a private format that changes with each release.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

command -v node >/dev/null || die "node is missing, which runs the wasm tests" "apt-get install nodejs"

version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$root/Cargo.lock")
[ -n "$version" ] || die "Cargo.lock names no wasm-bindgen" "git checkout Cargo.lock"
runner=$tools/bin/wasm-bindgen-test-runner

[ "$("$runner" --version 2>/dev/null)" != "wasm-bindgen-test-runner $version" ] || exit 0

build_cargo_tool wasm-bindgen-cli "$version" --no-default-features --force
