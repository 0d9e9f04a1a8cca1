# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# A container engine for the demo and the tests. Sourced after common.sh.
#   engine_up     the user's engine where one answers; else a private dockerd, started or found running. Exports
#                 DOCKER_HOST for a private one and sets ENGINE to a sentence. Fails with the reason in ENGINE.
#   engine_down   stops the private one, if nobody else uses it and KEEP_ENGINE is not set.
# The private engine has a containerd, a bridge, a socket and data of its own below $STATE/engine, so it meets no other
# engine of this machine. Its images stay for the next run. Users hold a shared lock: the last one stops it.
# ENGINE_ARGS, an array, is more of the private dockerd's command line.

engine_dir=$STATE/engine
engine_sock=$engine_dir/docker.sock
engine_nr=$(($(printf %s "$STATE" | cksum | cut -d ' ' -f 1) % 250)) # names the bridge and its network
engine_lock_fd=
ENGINE_ARGS=()

engine_up() {
	if engine_answers; then
		ENGINE="using your Docker engine (${DOCKER_HOST:-default socket})"
		return 0
	fi
	if [ -n "${DOCKER_HOST:-}" ]; then
		ENGINE="no engine answers at DOCKER_HOST=$DOCKER_HOST; start it, or unset DOCKER_HOST for a private one"
		return 1
	fi
	if ((EUID)); then
		ENGINE="no Docker engine answers, and starting a private one needs root: run this with sudo, or start Docker"
		return 1
	fi
	if ! command -v dockerd >/dev/null || ! command -v containerd >/dev/null; then
		ENGINE="no Docker engine answers, and there is no dockerd to start a private one with: install docker.io"
		return 1
	fi
	mkdir -p "$engine_dir"
	engine_private_up
}

engine_private_up() {
	local lock_fd net rc=1
	# Starting is one user's work at a time; using is shared.
	exec {lock_fd}>"$engine_dir/start.lock"
	flock "$lock_fd"
	exec {engine_lock_fd}>"$engine_dir/users.lock"
	flock -s "$engine_lock_fd"
	export DOCKER_HOST=unix://$engine_sock
	if engine_answers; then
		ENGINE="using the private Docker engine at $engine_sock"
		rc=0
	else
		for net in bridge none; do
			engine_clean
			if engine_start "$net"; then
				ENGINE="started a private Docker engine at $engine_sock (network: $net)"
				rc=0
				break
			fi
		done
	fi
	exec {lock_fd}>&-
	((rc == 0)) && return 0
	engine_down
	ENGINE="no private Docker engine could be started; why: $(tail -n 3 "$engine_dir/dockerd.log" | cut -c 1-300)"
	return 1
}

# engine_start bridge|none: with a bridge of our own containers can reach the outside; not every machine lets us.
engine_start() {
	local args=(--bridge=none --iptables=false) bridge=mcpt$engine_nr i

	if [ "$1" = bridge ]; then
		ip link add "$bridge" type bridge 2>/dev/null || return 1
		ip addr add "10.213.$engine_nr.1/24" dev "$bridge" || return 1
		ip link set "$bridge" up || return 1
		args=("--bridge=$bridge")
	fi
	# The lock is for us alone: a daemon or a container's shim that held it would keep it for ever.
	(
		exec {engine_lock_fd}>&- {lock_fd}>&- </dev/null
		cd /
		setsid containerd --config /dev/null --root "$engine_dir/containerd" --state "$engine_dir/containerd-run" \
			--address "$engine_dir/containerd.sock" >"$engine_dir/containerd.log" 2>&1 &
		setsid dockerd --config-file "$engine_dir/daemon.json" --data-root "$engine_dir/data" \
			--exec-root "$engine_dir/exec" --pidfile "$engine_dir/docker.pid" -H "$DOCKER_HOST" \
			--containerd "$engine_dir/containerd.sock" "${args[@]}" "${ENGINE_ARGS[@]}" >"$engine_dir/dockerd.log" 2>&1 &
	)
	for ((i = 0; i < 300; i++)); do # there is no event to wait for before it listens
		[ -S "$engine_sock" ] && engine_answers && return 0
		[ -n "$(engine_pids dockerd)" ] || return 1
		sleep 0.1
	done
	return 1
}

# Ends what is left of a private engine of this state directory, killed or alive, and its mounts.
engine_clean() {
	local pid mount
	for pid in $(engine_pids dockerd); do
		kill -TERM "$pid" 2>/dev/null || true
	done
	for _ in {1..150}; do
		[ -z "$(engine_pids dockerd)" ] && break
		sleep 0.1
	done
	# containerd ends at once; a shim lives as long as its container, and both hold mounts.
	for pid in $(engine_pids 'containerd-shim[a-z0-9-]*'); do
		pkill -KILL -P "$pid" || true
	done
	for pid in $(engine_pids 'dockerd|containerd|containerd-shim[a-z0-9-]*'); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	for _ in 1 2 3; do # mounts may lie on mounts
		awk -v d="$engine_dir/" 'index($5, d) == 1 {print $5}' /proc/self/mountinfo | sort -r |
			while read -r mount; do
				umount -l "$mount" 2>/dev/null || true
			done
	done
	ip link del "mcpt$engine_nr" 2>/dev/null || true
	rm -rf "$engine_dir"/{exec,containerd-run,containerd.sock*,docker.sock,docker.pid}
	[ -e "$engine_dir/daemon.json" ] || echo '{}' >"$engine_dir/daemon.json"
}

# Processes of that name with this state directory on their command line.
engine_pids() {
	pgrep -f "^([^ ]*/)?($1) .*$engine_dir/" || true
}

engine_down() {
	[ -n "$engine_lock_fd" ] || return 0
	# Only when nobody else holds the lock are we the last.
	if [ -z "${KEEP_ENGINE:-}" ] && flock -n -x "$engine_lock_fd"; then
		engine_clean
	fi
	exec {engine_lock_fd}>&-
	engine_lock_fd=
}
