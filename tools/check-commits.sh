#!/usr/bin/env bash
# Checks that the subjects of new commits have at most 72 columns: of those after SINCE, which is origin/main unless it is
# set, and of the last one.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
cd "$root"
export LC_ALL=C.UTF-8

subjects() { git log --no-merges --format='%h %s' "$@"; }

since=${SINCE:-origin/main}
new=$(subjects -1)
# A branch that is new or was rewritten has no such commit.
if git rev-parse --verify --quiet "$since^{commit}" >/dev/null; then
  new=$(printf '%s\n' "$new" "$(subjects "$since..HEAD")")
fi

long=0
while read -r commit subject; do
  if [ "${#subject}" -gt 72 ]; then
    say "$commit: ${#subject} columns: $subject"
    long=1
  fi
done < <(sort -u <<<"$new")
[ "$long" = 0 ] || die "a commit's subject has more than 72 columns" "git commit --amend, or git rebase --interactive"
