# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# An engine of a script's own, which it may stop, kill and start in other ways. Sourced after lib.sh.
#   own_engine IMAGE... [-- DOCKERD-ARG...]   starts it, with these images of the engine in use; else skips the script
#   own_engine_down [SIGNAL]                  dockerd alone ends, waited for; its containerd lives on
#   own_engine_back                           and comes back, with the same command line
# DOCKER_HOST is its socket then. Goes with own_engine_gone, from at_end.

own_engine() {
	local images=() number
	((EUID == 0)) || skip_all "an engine of its own needs root"
	if ! command -v dockerd >/dev/null || ! command -v containerd >/dev/null; then
		skip_all "no dockerd to start one of its own"
	fi
	while (($#)) && [ "$1" != -- ]; do
		images+=("$1")
		shift
	done
	docker save "${images[@]}" -o "$WORK/images.tar"
	# A state directory whose number names no bridge yet: another engine's is not ours to remove.
	for number in {0..99}; do
		export MCPINIT_TEST_STATE=/var/tmp/mcpinit-test-own-$$-$number
		. tests/common.sh
		. tests/engine.sh
		[ -e "/sys/class/net/mcpt$engine_nr" ] || break
	done
	unset KEEP_ENGINE DOCKER_HOST
	ENGINE_ARGS=("${@:2}")
	mkdir -p "$engine_dir"
	engine_private_up || skip_all "$ENGINE"
	docker load -q -i "$WORK/images.tar" >/dev/null
	rm "$WORK/images.tar"
	mapfile -d '' own_engine_command <"/proc/$(engine_pids dockerd)/cmdline"
}
own_engine_down() {
	local pid
	pid=$(engine_pids dockerd)
	kill -s "${1:-TERM}" "$pid"
	await_end "$pid"
}
await_end() {
	timeout "$TIMEOUT" tail -s 0.02 --pid="$1" -f /dev/null || not_ok "process $1 ends within $TIMEOUT s"
}
own_engine_back() { # returns once it answers
	rm -f "$engine_dir/docker.pid"
	(
		exec {engine_lock_fd}>&- </dev/null
		setsid "${own_engine_command[@]}" "$@" >>"$engine_dir/dockerd.log" 2>&1 &
	)
	await engine_answers
}
own_engine_gone() {
	[ -n "${engine_lock_fd:-}" ] || return
	is_running && stop_mcpinit
	engine_down
	rm -rf "$STATE"
}
