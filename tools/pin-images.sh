#!/usr/bin/env bash
# Adds to each base image of the Dockerfiles and of docker-compose.yml the digest that its tag has now, or renews it: a
# tag can be pushed again, a digest cannot. Needs the image registries that the names lead to.
#
#   pin-images.sh [FILE…]   FILE: the Dockerfiles and docker-compose.yml if left out
#
#   SKOPEO_OPTIONS   further options of skopeo inspect, as in --tls-verify=false
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

command -v skopeo >/dev/null || die "skopeo is missing, which asks registries" "apt-get install skopeo"
if [ $# -eq 0 ]; then
  set -- "$root/control-plane/Dockerfile" "$root/filter/Dockerfile" "$root/sandbox/Dockerfile" "$root/docker-compose.yml"
fi

# Names with a tag after FROM or image:, without the digest that may be there; not those that are built here.
names=$(sed -nE 's/^(FROM|[[:space:]]*image:) ([^ @$]+:[^ @$]+)(@[^ ]*)?( .*)?$/\2/p' "$@" | grep -v '^payment-gateway-' | sort -u)
[ -n "$names" ] || die "no base image in $*"
# All of them, or no file is changed.
pins=()
while read -r name; do
  # shellcheck disable=SC2086  # several options
  digest=$(limited 60 skopeo inspect ${SKOPEO_OPTIONS:-} --format '{{.Digest}}' "docker://$name" 2>/dev/null) ||
    die "the registry of $name does not say its digest; nothing was changed"
  say "$name@$digest"
  pins+=(--expression "s#^((FROM|[[:space:]]*image:) ${name//./\\.})(@[^ ]*)?( |\$)#\\1@$digest\\4#")
done <<<"$names"
sed --in-place --regexp-extended "${pins[@]}" "$@"
