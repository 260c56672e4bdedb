#!/usr/bin/env bash
# Checks the dependencies: sources, licences, banned crates, and known vulnerabilities (RustSec). The advisory database
# needs the network: where it cannot be fetched, this check alone is skipped and says so. With REQUIRE_ADVISORIES=1, as
# in the hosted workflow, it fails instead. cargo-deny itself is built from source, once, unless it is on PATH.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

install_cargo_tool cargo-deny 0.20.2 --no-default-features

cargo deny --log-level error check bans licenses sources

if error=$(limited 60 cargo deny --log-level error fetch db 2>&1 </dev/null); then
  cargo deny --log-level error check advisories
elif [ -n "${REQUIRE_ADVISORIES:-}" ]; then
  say "$error"
  die "the advisory database could not be fetched"
else
  say "SKIPPED: known vulnerabilities were not checked, the advisory database could not be fetched:"
  say "  ${error%%$'\n'*}"
fi
