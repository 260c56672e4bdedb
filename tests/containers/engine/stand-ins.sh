#!/usr/bin/env bash
# Makes images under the names of those that our Dockerfiles and docker-compose.yml stand on, for machines that reach
# Debian's packages and no image registry: the same kinds of programs, as Debian has them, and the Envoy that tests use.
# With them, our own files are tried as they are; the real base images are not.
#
#   stand-ins.sh DOCKER CACHE ENVOY [FILES]   DOCKER: a client that builds with BuildKit; CACHE: a folder; ENVOY: the
#                                             program; FILES: what host-packages.py printed. Of these files the images
#                                             are made in seconds, without Debian's archive
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../../tools/common.sh
. "$(dirname "$0")/../../../tools/common.sh"
docker=$1 cache=$2 envoy=$3 files=${4:-}

# named PATTERN: the image of this name in our files.
named() { grep -hoE "$1" "$root"/*/Dockerfile "$root/docker-compose.yml" | sort -u | head -n 1; }

# image NAME FOLDER: builds the Dockerfile of standard input.
image() {
  DOCKER_BUILDKIT=1 "$docker" build --quiet --network host --tag "$1" --file - "$2" >/dev/null ||
    die "the stand-in for $1 cannot be built"
  say "  $1"
}

# Prints a tar of the files of this machine's packages. Everything that our files install is in it already, so apt-get has
# nothing to fetch, and no place to fetch it from.
of_this_machine() {
  local rest=$cache/rest
  rm -rf --one-file-system "$rest"
  mkdir -p "$rest"/{tmp,run/postgresql,etc/ssl/certs,var/lib/dpkg,var/lib/apt/lists/partial,var/cache/apt/archives/partial}
  chmod 1777 "$rest/tmp"
  ln -s /run "$rest/var/run"
  cp /var/lib/dpkg/status "$rest/var/lib/dpkg/"
  # What packages make when they are set up. The machine's users are none of the image's.
  cp --dereference /etc/ssl/certs/ca-certificates.crt "$rest/etc/ssl/certs/"
  printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$rest/etc/nsswitch.conf"
  printf '%s\n' root:x:0:0::/root:/bin/bash _apt:x:42:65534::/nonexistent:/usr/sbin/nologin nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin >"$rest/etc/passwd"
  printf '%s\n' root:x:0: nogroup:x:65534: >"$rest/etc/group"
  # An engine may refuse an archive that has a path twice.
  (cd "$rest" && find . -mindepth 1 -printf '%P\n') >"$cache/made"
  grep -zvxFf "$cache/made" "$files" >"$cache/others"
  # Without root, the few that only root reads are left out.
  tar -c -C / --ignore-failed-read --null --no-recursion -T "$cache/others" --recursion -C "$rest" .
}

debian=$(named 'debian:[0-9.]+-slim')
base=$cache/debian.tar
postgresql=15
if [ -n "$files" ]; then
  postgresql=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
elif [ ! -s "$base" ]; then
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
if [ -n "$files" ]; then
  of_this_machine | "$docker" import - "$debian" >/dev/null
else
  "$docker" import "$base" "$debian" >/dev/null
fi
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
ENV PATH=/usr/lib/postgresql/$postgresql/bin:/usr/bin:/bin LANG=C.UTF-8
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
