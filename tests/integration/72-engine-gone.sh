#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The engine goes away while mcpinit tears down: it exits within its budget and with its own status, names what it could
# not remove, and its next life removes that. On an engine of its own, which it may stop and kill.
# timeout: 180
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
((EUID == 0)) || skip_all "an engine of its own needs root"
if ! command -v dockerd >/dev/null || ! command -v containerd >/dev/null; then
	skip_all "no dockerd to start one of its own"
fi

docker save "$FAKE_IMAGE" -o "$WORK/image.tar"
# A state directory whose number names no bridge yet: another engine's is not ours to remove.
for number in {0..99}; do
	export MCPINIT_TEST_STATE=/var/tmp/mcpinit-test-gone-$$-$number
	. tests/common.sh
	. tests/engine.sh
	[ -e "/sys/class/net/mcpt$engine_nr" ] || break
done
unset KEEP_ENGINE DOCKER_HOST
at_end() {
	[ -n "$engine_lock_fd" ] || return
	kill -CONT "$(engine_pids dockerd)" 2>/dev/null
	is_running && stop_mcpinit
	engine_down
	rm -rf "$STATE"

}
mkdir -p "$engine_dir"
engine_private_up || skip_all "$ENGINE"
docker load -q -i "$WORK/image.tar" >/dev/null
mapfile -d '' dockerd_command <"/proc/$(engine_pids dockerd)/cmdline"

config 'launch = api' 'shutdown_timeout = 4s' <<END
[defaults]
image             = $FAKE_IMAGE
network_mode      = none
stop_grace_period = 500ms
[server:stubborn]
command = --ignore-term --ignore-eof
[server:normal]
END
ids() {
	docker ps -aq --no-trunc --filter "label=io.mcpinit.instance=$INSTANCE" | sort
}
# names_all IDS: each of them stands in the log, with what to do
names_all() {
	local id
	for id in $1; do
		grep -qE "could not be removed.*docker rm -f ($id|mcpinit-$INSTANCE-[a-z]+-[0-9]+)" "$LOG" || return 1
	done
}
next_life_removes() { # next_life_removes NAME IDS
	start_mcpinit
	await ctl wait
	await no_old "$2"
	succeeds "$1" no_old "$2"
	stop_mcpinit
	is "and ends well" "$STATUS" 0
	nothing_left
}
no_old() {
	[ -z "$(comm -12 <(ids) <(printf '%s\n' "$1"))" ]
}

# It hangs: every call waits for an answer that does not come.
start_mcpinit -- sh -c "until [ -e $WORK/go ]; do sleep 0.05; done; exit 7"
await ctl wait
old=$(ids)
kill -STOP "$(engine_pids dockerd)"
touch "$WORK/go"
start=$(now_ms)
wait_mcpinit
at_most "the engine hangs: it ends within the budget (ms)" $(($(now_ms) - start)) 4200
is "the engine hangs: the status is COMMAND's" "$STATUS" 7
is "the engine hangs: each container is named, once, with what to do" \
	"$(grep -c 'could not be removed' "$LOG")" 2
succeeds "the engine hangs: they are these" names_all "$old"
kill -CONT "$(engine_pids dockerd)"
next_life_removes "the engine hung: the next life removes what was left" "$old"

# It dies in the middle of the graces.
start_mcpinit
await ctl wait
old=$(ids)
stubborn=$(container stubborn)
kill -TERM "$MCPINIT_PID"
await_log 'shutting down'
kill -KILL "$(engine_pids dockerd)"
start=$(now_ms)
wait_mcpinit
at_most "the engine dies: it ends within the budget (ms)" $(($(now_ms) - start)) 4200
is "the engine dies: exit status 0" "$STATUS" 0
succeeds "the engine dies: what cannot have ended is named" names_all "$stubborn"
rm -f "$engine_dir/docker.pid"
setsid "${dockerd_command[@]}" >>"$engine_dir/dockerd.log" 2>&1 </dev/null &
await engine_answers
next_life_removes "the engine died: the next life removes what was left" "$old"
