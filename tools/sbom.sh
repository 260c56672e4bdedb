#!/usr/bin/env bash
# sbom.sh FOLDER: writes a software bill of materials (CycloneDX 1.5, JSON) for each crate of the workspace into FOLDER, by
# the OWASP Foundation's cargo-cyclonedx: NAME.cdx.json has what a program of that crate is made of, tests and their tools
# left out. Then checks them.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

folder=$1
install_cargo_tool cargo-cyclonedx 0.5.9
rm -rf "$folder"
mkdir -p "$folder"
cd "$root"
crates=$(git ls-files '*Cargo.toml' | xargs -n 1 dirname)
# It can write beside the manifests only.
tidy() { for crate in $crates; do rm -f "$crate"/*.cdx.json; done; }
trap tidy EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --target all
for crate in $crates; do
  if compgen -G "$crate/*.cdx.json" >/dev/null; then mv "$crate"/*.cdx.json "$folder"; fi
done
python3 tools/check-sbom.py "$folder"
