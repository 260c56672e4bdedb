# A container engine for a test alone, where no other runs: started, and taken away with all that it changed on this
# machine. Says in `why` what is in the way.
# shellcheck shell=bash disable=SC2034

# can_start_engine: installs Docker Engine where Debian has it; says why not otherwise.
can_start_engine() {
  [ "$(id -u)" = 0 ] || { why="no engine runs, and only root could start one"; return 1; }
  if ! command -v dockerd >/dev/null; then
    can_install_debian_packages || { why="no engine is installed"; return 1; }
    install_debian_servers docker.io || true
    command -v dockerd >/dev/null || { why="Docker Engine could not be installed"; return 1; }
  fi
}

# Bridges and rules of this machine, without counters: what an engine adds has to be gone at the end.
network_state() {
  ip -brief link | awk '$1 ~ /^(docker|br-|veth)/ { print $1 }' | sort
  # Tables that never existed and empty ones are the same.
  iptables-save | grep -E '^-A|^:.* - |^:.* DROP' | sed 's/\[[0-9:]*\]//' || true
  cat /proc/sys/net/ipv4/ip_forward
}

# start_engine FOLDER: sets DOCKER_HOST and engine_pid.
start_engine() {
  local folder=$1
  iptables-save >"$folder/iptables"
  cat /proc/sys/net/ipv4/ip_forward >"$folder/ip_forward"
  network_state >"$folder/network"
  local files
  # Compose asks for more files than machines without systemd may give.
  files=$(ulimit -Hn)
  [ "$files" != unlimited ] && [ "$files" -lt 1048576 ] || files=1048576
  dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "unix://$folder/socket" \
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
  # Only what the engine has changed: its own chains, and the policy of FORWARD.
  local table chain
  for table in filter nat raw; do
    for chain in $(iptables --table "$table" --list-rules 2>/dev/null | awk '/^-N DOCKER/ { print $2 }'); do
      grep -q "^:$chain " "$folder/iptables" && continue
      iptables-save --table "$table" | sed -n "s/^-A \(.* -j $chain\)\$/\1/p" | while read -r rule; do
        # shellcheck disable=SC2086  # a rule is words
        iptables --table "$table" --delete $rule
      done
      iptables --table "$table" --flush "$chain"
    done
    for chain in $(iptables --table "$table" --list-rules 2>/dev/null | awk '/^-N DOCKER/ { print $2 }'); do
      grep -q "^:$chain " "$folder/iptables" || iptables --table "$table" --delete-chain "$chain"
    done
  done
  # What named its bridge.
  for table in filter nat; do
    iptables-save --table "$table" | grep -E '^-A (FORWARD|POSTROUTING) .*(docker0|br-[0-9a-f]{12}|-s 172\.[0-9.]+/16 )' | while read -r rule; do
      grep -qxF -- "$rule" "$folder/iptables" && continue
      # shellcheck disable=SC2086
      iptables --table "$table" --delete ${rule#-A }
    done
  done
  grep -q '^:FORWARD DROP' "$folder/iptables" || iptables --policy FORWARD ACCEPT
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
