#!/usr/bin/env bash
# Checks that the subjects of new commits have at most 72 columns: of those after SINCE, which is origin/main unless it is
# set.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
cd "$root"
export LC_ALL=C.UTF-8

since=${SINCE:-origin/main}
# A new branch has no such commit, and an archive has no history.
if ! git rev-parse --verify --quiet "$since^{commit}" >/dev/null; then
  say "commits: SKIPPED, there is no commit $since to begin after"
  exit 0
fi

long=0
while read -r commit subject; do
  if [ "${#subject}" -gt 72 ]; then
    say "$commit: ${#subject} columns: $subject"
    long=1
  fi
done < <(git log --no-merges --format='%h %s' "$since..HEAD")
[ "$long" = 0 ] || die "a commit's subject has more than 72 columns" "git commit --amend, or git rebase --interactive"
