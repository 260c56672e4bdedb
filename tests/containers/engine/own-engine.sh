# A container engine for a test alone, where no other runs: started, and taken away with all that it changed on this
# machine. Says in `why` what is in the way.
# shellcheck shell=bash disable=SC2034

# have_programs PROGRAM:PACKAGE…: installs what is missing where root can; says in `why` what it is otherwise.
have_programs() {
  local pair missing=()
  for pair in "$@"; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  if can_install_debian_packages && install_debian_packages "${missing[@]}"; then return 0; fi
  why="programs are missing: apt-get install ${missing[*]}"
  return 1
}

# can_start_engine: installs Docker Engine where Debian has it; says why not otherwise.
can_start_engine() {
  [ "$(id -u)" = 0 ] || { why="no engine runs, and only root could start one"; return 1; }
  # Both would change the same bridge and rules.
  if pgrep -x dockerd >/dev/null 2>&1; then
    why="another engine runs here, and does not answer at ${DOCKER_HOST:-its usual socket}"
    return 1
  fi
  if ! command -v dockerd >/dev/null; then
    can_install_debian_packages || { why="no engine is installed"; return 1; }
    install_debian_servers docker.io || true
    command -v dockerd >/dev/null || { why="Docker Engine could not be installed"; return 1; }
  fi
  have_programs ip:iproute2 iptables-save:iptables pgrep:procps curl:curl setpriv:util-linux
}

# as_root COMMAND…: for what only root may read. Asks nobody for a password.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi 2>/dev/null; }

# Bridges and rules of this machine, without counters: what was added has to be gone at the end.
network_state() {
  local save
  if command -v ip >/dev/null; then ip -brief link | awk '$1 ~ /^(docker|br-|veth)/ { print $1 }'; fi
  for save in iptables-save ip6tables-save; do
    # Tables that never existed and empty ones are the same.
    as_root "$save" | grep -E '^-A|^:.* - |^:.* DROP' | sed "s/\[[0-9:]*\]//; s/^/$save /" || true
  done
  if [ -e /proc/sys/net/ipv4/ip_forward ]; then echo "ip_forward $(cat /proc/sys/net/ipv4/ip_forward)"; fi
}

# start_engine FOLDER: sets DOCKER_HOST and engine_pid.
start_engine() {
  local folder=$1
  iptables-save >"$folder/iptables"
  # Machines without IPv6 have none.
  ip6tables-save >"$folder/ip6tables" 2>/dev/null || true
  cat /proc/sys/net/ipv4/ip_forward >"$folder/ip_forward"
  network_state >"$folder/network"
  local files
  # Compose asks for more files than machines without systemd may give.
  files=$(ulimit -Hn)
  [ "$files" != unlimited ] && [ "$files" -lt 1048576 ] || files=1048576
  # Keys that end this script are not meant for the engine, which cleaning up needs; it ends with a script that is killed.
  setsid setpriv --pdeathsig TERM dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "unix://$folder/socket" \
    --default-ulimit "nofile=$files:$files" >"$folder/log" 2>&1 &
  engine_pid=$!
  export DOCKER_HOST=unix://$folder/socket
  for _ in $(seq 150); do
    if [ -S "$folder/socket" ] && curl --silent --unix-socket "$folder/socket" http://engine/_ping | grep -q OK; then return; fi
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.2
  done
  why="Docker Engine does not start here: $(grep -oE 'failed to start.*|level=fatal.*' "$folder/log" | tail -n 1)"
  return 1
}

# restore_rules COMMAND SAVED: takes away what the engine has added: its own chains, what leads to them, what names its
# bridges, and the policy of FORWARD.
restore_rules() {
  local command=$1 saved=$2 table chain
  command -v "$command" >/dev/null || return 0
  for table in filter nat raw; do
    for chain in $("$command" --table "$table" --list-rules 2>/dev/null | awk '/^-N DOCKER/ { print $2 }'); do
      grep -q "^:$chain " "$saved" && continue
      "$command-save" --table "$table" | sed -n "s/^-A \(.* -j $chain\)\$/\1/p" | while read -r rule; do
        # shellcheck disable=SC2086  # a rule is words
        "$command" --table "$table" --delete $rule
      done
      "$command" --table "$table" --flush "$chain"
    done
    for chain in $("$command" --table "$table" --list-rules 2>/dev/null | awk '/^-N DOCKER/ { print $2 }'); do
      grep -q "^:$chain " "$saved" || "$command" --table "$table" --delete-chain "$chain"
    done
  done
  # What named its bridge.
  for table in filter nat; do
    "$command-save" --table "$table" 2>/dev/null | grep -E '^-A (FORWARD|POSTROUTING) .*(docker0|br-[0-9a-f]{12}|-s 172\.[0-9.]+/16 )' | while read -r rule; do
      grep -qxF -- "$rule" "$saved" && continue
      # shellcheck disable=SC2086
      "$command" --table "$table" --delete ${rule#-A }
    done
  done
  grep -q '^:FORWARD DROP' "$saved" || "$command" --policy FORWARD ACCEPT 2>/dev/null || true
}

# stop_engine FOLDER: ends it, and takes away its images, bridges and rules. Says so if something is left.
stop_engine() {
  local folder=$1 link
  if [ -n "${engine_pid:-}" ]; then
    kill -TERM "$engine_pid" 2>/dev/null || true
    wait "$engine_pid" 2>/dev/null || true
  fi
  for link in $(ip -brief link | awk '$1 ~ /^(docker0|br-)/ { print $1 }'); do
    grep -qx "$link" "$folder/network" || ip link delete "$link"
  done
  restore_rules iptables "$folder/iptables"
  restore_rules ip6tables "$folder/ip6tables"
  cat "$folder/ip_forward" >/proc/sys/net/ipv4/ip_forward
  local left
  left=$(diff <(sort "$folder/network") <(network_state | sort) || true)
  local processes
  processes=$(pgrep --full -- "$folder/(data|exec|socket)" || true)
  awk -v folder="$folder/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do umount "$mount"; done
  rm -rf --one-file-system "$folder"
  if [ -n "$left$processes" ] || [ -e "$folder" ]; then
    say "the engine has left something behind: $left $processes $(ls -d "$folder" 2>/dev/null)"
    return 1
  fi
}
