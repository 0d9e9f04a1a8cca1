#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 600
# The engine is restarted under ten servers, by SIGTERM and by SIGKILL, with and without live-restore: one line for the
# loss and one for the return, the call in flight answered at once, the agent's pipes open all the time, one new
# container for each server and no more, nothing left over.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
. tests/integration/own_engine.sh
need_image fake
at_end() {
	own_engine_gone
}
own_engine "$FAKE_IMAGE"
TIMEOUT=60 # an engine that was killed takes 10 s to come back

servers=(s{0..9})
write_config() { # write_config LAUNCH
	{
		printf '[defaults]\nimage = %s\nnetwork_mode = none\nstartretries = 2\n\n' "$FAKE_IMAGE"
		printf '[server:%s]\n' "${servers[@]}"
	} | config "launch = $1"
}
ids() {
	docker ps -aq --no-trunc --filter "label=io.mcpinit.instance=$INSTANCE" | sort
}
generation() { # generation SERVER: the highest that there is
	docker ps -a --filter "label=io.mcpinit.server=$1" --filter "label=io.mcpinit.instance=$INSTANCE" \
		--format '{{.Names}}' | sed 's/.*-//' | sort -n | tail -n 1
}
generations() {
	local server
	for server in "${servers[@]}"; do
		printf '%s ' "$(generation "$server")"
	done
}
all_running() {
	[ "$(ctl status | grep -c ' RUNNING ')" = ${#servers[@]} ]
}
all_new() { # all_new OLD-IDS: ten containers, none of them old
	[ "$(ids | wc -l)" = ${#servers[@]} ] && [ -z "$(comm -12 <(ids) <(printf '%s\n' "$1"))" ]
}
line_of() { # line_of: the next line that the agent reads
	local line
	IFS= read -r -t "$TIMEOUT" -u "$out" line && printf '%s\n' "$line"
}

# What was logged since this restart began.
said() {
	tail -n "+$((lines + 1))" "$LOG"
}

# restart NAME SIGNAL
restart() {
	local name=$1 old before expected='' g begin pid process
	await all_running
	old=$(ids)
	before=$(generations)
	for g in $before; do
		expected+="$((g + 1)) "
	done
	lines=$(wc -l <"$LOG")
	tool_call 100 sleep '{"ms":600000}' >&"$in"
	echo >&"$in"
	await pending
	pid=$(engine_pids dockerd)
	process=$(docker inspect -f '{{.State.Pid}}' "$(container s0)")
	kill -s "$2" "$pid"
	[ "$name" != SIGTERM ] || await_end "$process" # it is stopped first, in the engine's own time
	begin=$(now_ms)
	like "$name: the call in flight is answered" "$(line_of)" '"id":100.*-32603.*retryable'
	at_most "$name: as soon as its container or the engine is gone (ms)" $(($(now_ms) - begin)) 3000
	await_end "$pid"
	tool_call 101 echo '{"text":"while away"}' >&"$in"
	echo >&"$in"
	like "$name: one while it is away waits, then is told why" "$(line_of)" '"id":101.*-32603.*retryable":true'
	is "$name: the loss is said once" "$(said | grep -c 'trying again until it answers')" 1
	unlike "$name: no server is FATAL" "$(ctl status)" FATAL
	own_engine_back
	await all_running
	await all_new "$old" || docker ps -a --format '# {{.Names}} {{.Status}}'
	is "$name: every server is back, each by one new container" "$(generations)" "$expected"
	is "$name: the return is said once" "$(said | grep -c 'answers again')" 1
	is "$name: each server has said once that it is ready" "$(said | grep -c ' ready in ')" 10
	is "$name: and nothing else warns" "$(said | grep -E ' (warn|error) ' | grep -v 'trying again until it answers')" ""
	tool_call 102 echo '{"text":"here"}' >&"$in"
	echo >&"$in"
	like "$name: the agent goes on by the same pipes" "$(line_of)" 'here.*"id":102'
	sleep 3 # does anything come after?
	is "$name: it stays so" "$(generations)" "$expected"
	succeeds "$name: nothing old, nothing doubled" all_new "$old"
}
pending() {
	[ "$(ctl --json status s0 | jq -r '.. | .in_flight? // empty')" != 0 ]
}

begin_life() { # begin_life LAUNCH
	write_config "$1"
	start_mcpinit
	await all_running
	exec {in}>"$RUN/default/s0/in"
	exec {out}<"$RUN/default/s0/out"
	initialize_line >&"$in"
	echo >&"$in"
	line_of >/dev/null
}
end_life() {
	exec {in}>&- {out}<&-
	stop_mcpinit
	is "$1: it ends well" "$STATUS" 0
	nothing_left
}

begin_life api
restart "SIGTERM" TERM
restart "SIGKILL" KILL
end_life "without live-restore"
own_engine_down
own_engine_command+=(--live-restore)
own_engine_back
begin_life api
restart "live-restore, SIGTERM" TERM
restart "live-restore, SIGKILL" KILL
end_life "with live-restore"
begin_life cli
restart "the docker command, SIGKILL" KILL
end_life "by the docker command"
