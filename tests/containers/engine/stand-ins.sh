#!/usr/bin/env bash
# Makes images under the names of those that our Dockerfiles and docker-compose.yml stand on, for machines that reach
# Debian's packages and no image registry: the same kinds of programs, as Debian has them, and the Envoy that tests use.
# With them, our own files are tried as they are; the real base images are not.
#
#   stand-ins.sh DOCKER CACHE ENVOY   DOCKER: a client that builds with BuildKit; CACHE: a folder; ENVOY: the program
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../../tools/common.sh
. "$(dirname "$0")/../../../tools/common.sh"
docker=$1 cache=$2 envoy=$3

# named PATTERN: the image of this name in our files.
named() { grep -hoE "$1" "$root"/*/Dockerfile "$root/docker-compose.yml" | sort -u | head -n 1; }

# image NAME FOLDER: builds the Dockerfile of standard input.
image() {
  DOCKER_BUILDKIT=1 "$docker" build --quiet --network host --tag "$1" --file - "$2" >/dev/null ||
    die "the stand-in for $1 cannot be built"
  say "  $1"
}

debian=$(named 'debian:[0-9.]+-slim')
base=$cache/debian.tar
if [ ! -s "$base" ]; then
  command -v debootstrap >/dev/null || install_debian_packages debootstrap >&2
  folder=$(mktemp -d "$cache/debian.XXXXXX")
  say "making a Debian with debootstrap, once, about two minutes"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$folder" >"$cache/debootstrap.log" 2>&1 ||
    die "debootstrap failed: $(tail -n 1 "$cache/debootstrap.log")"
  tar -C "$folder" --one-file-system -cf "$base.new" .
  mv "$base.new" "$base"
  rm -rf --one-file-system "$folder"
fi
say "stand-ins for the base images:"
"$docker" import "$base" "$debian" >/dev/null
say "  $debian"

empty=$cache/empty
mkdir -p "$empty"
image "$(named 'redis:[0-9.]+-bookworm')" "$empty" <<END
FROM $debian
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
END

postgres=$cache/postgres
mkdir -p "$postgres"
cat >"$postgres/entrypoint.sh" <<'END'
#!/bin/bash
# As the real image does: the first start makes the database.
set -euo pipefail
data=/var/lib/postgresql/data/cluster
if [ ! -s "$data/PG_VERSION" ]; then
  initdb --pgdata="$data" --username="$POSTGRES_USER" --auth=scram-sha-256 --pwfile=<(printf '%s' "$POSTGRES_PASSWORD")
  echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
  echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$data" postgres
fi
exec postgres -D "$data" -c listen_addresses='*'
END
chmod 755 "$postgres/entrypoint.sh"
image "$(named 'postgres:[0-9.]+-bookworm')" "$postgres" <<END
FROM $debian
RUN groupadd --gid 999 database && useradd --uid 999 --gid 999 database \\
    && apt-get update && apt-get install -y --no-install-recommends postgresql && rm -rf /var/lib/apt/lists/* \\
    && install -d -o 999 -g 999 /var/lib/postgresql/data && chmod 3777 /var/run/postgresql
ENV PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin LANG=C.UTF-8
COPY entrypoint.sh /
ENTRYPOINT ["/entrypoint.sh"]
END

rabbitmq=$cache/rabbitmq
mkdir -p "$rabbitmq"
cat >"$rabbitmq/entrypoint.sh" <<'END'
#!/bin/bash
set -euo pipefail
printf 'default_user = %s\ndefault_pass = %s\nloopback_users = none\n' "$RABBITMQ_DEFAULT_USER" "$RABBITMQ_DEFAULT_PASS" >/tmp/rabbitmq.conf
exec rabbitmq-server
END
chmod 755 "$rabbitmq/entrypoint.sh"
# The package's scripts become the user `rabbitmq` themselves; those below /usr/lib are what they run.
image "$(named 'rabbitmq:[0-9.]+')" "$rabbitmq" <<END
FROM $debian
RUN groupadd --gid 999 rabbitmq && useradd --uid 999 --gid 999 --home-dir /var/lib/rabbitmq rabbitmq \\
    && apt-get update && apt-get install -y --no-install-recommends rabbitmq-server && rm -rf /var/lib/apt/lists/* \\
    && rm -rf /var/lib/rabbitmq && install -d -o 999 -g 999 /var/lib/rabbitmq
ENV PATH=/usr/lib/rabbitmq/bin:/usr/bin:/bin HOME=/var/lib/rabbitmq LANG=C.UTF-8 \\
    RABBITMQ_LOG_BASE=/tmp RABBITMQ_CONFIG_FILE=/tmp/rabbitmq.conf
COPY entrypoint.sh /
ENTRYPOINT ["/entrypoint.sh"]
END

folder=$cache/envoy
mkdir -p "$folder"
ln -f "$(readlink -f "$envoy")" "$folder/envoy" 2>/dev/null || cp "$(readlink -f "$envoy")" "$folder/envoy"
image "$(named 'envoyproxy/envoy:v[0-9.]+')" "$folder" <<END
FROM $debian
COPY envoy /usr/local/bin/envoy
END
