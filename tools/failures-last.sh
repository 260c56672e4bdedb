#!/usr/bin/env bash
# Runs a test command, and repeats at the end what was skipped, what failed, and why: these lines stand among those of
# sixty programs.
set -euo pipefail

# A report may quote a whole history; its beginning says what is wrong.
lines_each=15

log=$(mktemp)
trap 'rm -f "$log"' EXIT

status=0
"$@" 2>&1 | tee "$log" || status=$?
# Past the harness, which may have begun a line.
awk '
  match($0, /SKIPPED: /) {
    line = substr($0, RSTART + RLENGTH, 500)
    if (!seen[line]++) skipped[++count] = line
  }
  END {
    if (!count) print "\nNo test was skipped."
    else printf "\nSkipped, %d in all (a missing tool fails its test with REQUIRE_TOOLS=1):\n", count
    for (i = 1; i <= count; i++) print "  " skipped[i]
  }
' "$log"
if [ "$status" -ne 0 ]; then
  awk -v most="$lines_each" '
    /^---- .* stdout ----$/ { if (!any++) print "\nWhat failed:"; left = most; is_open = 1 }
    /^failures:$/ || /^test result:/ || /^stack backtrace:$/ { is_open = 0 }
    is_open && left-- > 0 { print substr($0, 1, 500) }
  ' "$log"
fi
exit "$status"
