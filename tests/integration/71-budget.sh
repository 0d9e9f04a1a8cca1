#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shutdown_timeout is one budget: waves share it, early exits give their time back, COMMAND has its part of it, and a
# second SIGTERM ends all patience. Every server here ignores the end of its stdin and its stop signal.
. "$(dirname "$0")/lib.sh"
need_fake

# timed_stop: STATUS, and in `took` how long it took
timed_stop() {
	local start
	start=$(now_ms)
	stop_mcpinit
	took=$(($(now_ms) - start))
}
# grace_ms SERVER: what it was given before the kill, as the log has it
grace_ms() {
	sed -nE "s/.* $1 .*did not stop within ([0-9.]*) (m?s) of its stop signal.*/\1 \2/p" "$LOG" |
		awk '{ printf "%d\n", $2 == "ms" ? $1 : $1 * 1000 + 0.5 }'
}
within() { # within NAME NUMBER LEAST MOST
	if (($2 >= $3 && $2 <= $4)); then ok "$1"; else not_ok "$1" "$2, not from $3 to $4"; fi
}
stubborn="--ignore-term --ignore-eof"

# Of 4 s, 2 s are kept for the kill and what comes after it; the waves share the other 2 s, each with two graces.
for waves in 1 2 3; do
	{
		printf '[server:w1]\n[server:w1-too]\n'
		((waves < 2)) || printf '[server:w2]\ndepends_on = w1\n'
		((waves < 3)) || printf '[server:w3]\ndepends_on = w2\n'
	} >"$WORK/servers"
	config 'launch = process' 'shutdown_timeout = 4s' '[defaults]' "command = $FAKE $stubborn" \
		'stop_grace_period = 5s' <"$WORK/servers"
	start_mcpinit
	await ctl wait
	timed_stop
	is "waves $waves: exit status 0" "$STATUS" 0
	within "waves $waves: all of the waves' time, and not more than the budget (ms)" "$took" 1900 4000
	# The last wave's end is that of the waves' time, and that is what the log then gives as the reason.
	for ((wave = 2; wave <= waves; wave++)); do
		within "waves $waves: the grace of w$wave is its share (ms)" "$(grace_ms "w$wave")" \
			$((2000 / waves / 2 - 60)) $((2000 / waves / 2 + 10))
	done
	nothing_left
done
is "those that depend on others go first" "$(sed -nE 's/.* (w[123](-too)?) .* killed.*/\1/p; s/.* (w[123](-too)?) .*killed: .*/\1/p' "$LOG" |
	cut -c 1-2 | tr '\n' ' ')" "w3 w2 w1 w1 "

config 'launch = process' 'shutdown_timeout = 6s' <<END
[server:below]
command = $FAKE $stubborn
stop_grace_period = 300ms
[server:middle]
command = $FAKE $stubborn
depends_on = below
stop_grace_period = 5s
[server:top]
command = $FAKE
depends_on = middle
stop_grace_period = 5s
END
start_mcpinit
await ctl wait
timed_stop
within "what one wave leaves the next ones share (ms)" "$(grace_ms middle)" 940 1000
is "a key smaller than the share is kept (ms)" "$(grace_ms below)" 300
within "and what it leaves is not waited for (ms)" "$took" 2400 3200

config 'launch = process' 'shutdown_timeout = 4s' 'command_grace = 700ms' <<END
[server:one]
command = $FAKE $stubborn
END
start_mcpinit -- bash -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
await grep -q up "$WORK/stdout"
await ctl wait
timed_stop
at_of() { # when the first line that matches was logged, in ms
	date -d "$(grep -m 1 -E "$1" "$LOG" | cut -d ' ' -f 1)" +%s%3N
}
within "a COMMAND that ignores TERM gets command_grace, and is killed (ms)" \
	$(($(at_of 'COMMAND .*killed') - $(at_of 'shutting down: SIGTERM'))) 690 800
within "the servers go after it" $(($(at_of ' one .*killed') - $(at_of 'COMMAND .*killed'))) 1200 1400
is "its status is ours" "$STATUS" 137
within "all within the budget (ms)" "$took" 1900 4000

start_mcpinit -- bash -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
await grep -q up "$WORK/stdout"
await ctl wait
kill -TERM "$MCPINIT_PID"
await_log 'shutting down'
start=$(now_ms)
kill -TERM "$MCPINIT_PID"
wait_mcpinit
at_most "a second TERM: at once, COMMAND and server alike (ms)" $(($(now_ms) - start)) 300
is "a second TERM: the status is COMMAND's" "$STATUS" 137

# What COMMAND left behind has a grace of its own, within the budget; a second TERM ends that, too.
orphan() { # orphan REST: a COMMAND that leaves one which ignores TERM, by the time it comes to REST
	rm -f "$WORK/up"
	echo "(trap '' TERM; echo up; : >'$WORK/up'; while :; do sleep 0.1; done) & until [ -e '$WORK/up' ]; do sleep 0.02; done; $1"
}
start_mcpinit -- bash -c "$(orphan 'sleep 0.5; exit 3')"
await grep -q up "$WORK/stdout"
start=$(now_ms)
wait_mcpinit
at_most "an orphan that ignores TERM has a grace within the budget (ms)" $(($(now_ms) - start)) 4600
is "and does not change the status" "$STATUS" 3
config 'launch = process' <<END
[server:one]
command = $FAKE
END
start_mcpinit -- bash -c "$(orphan 'exit 3')"
await grep -q up "$WORK/stdout"
await_log 'shutting down'
kill -TERM "$MCPINIT_PID"
await_log 'SIGTERM: shutting down already'
is "a first TERM after COMMAND's end takes nobody's grace" "$(is_running && echo running)" running
kill -TERM "$MCPINIT_PID"
start=$(now_ms)
wait_mcpinit
at_most "a second request leaves orphans no grace (ms)" $(($(now_ms) - start)) 500

need_image fake
config 'shutdown_timeout = 6s' 'command_grace = 1s' <<END
[defaults]
network_mode = none
image        = $FAKE_IMAGE
command      = $stubborn
[server:c1]
[server:c2]
depends_on = c1
[server:c3]
depends_on = c2
END
start_mcpinit -- bash -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
await grep -q up "$WORK/stdout"
await ctl wait
timed_stop
within "three waves of containers behind a COMMAND, all stubborn: in the budget (ms)" "$took" 3000 6000
within "containers: the grace of the first wave is its share (ms)" "$(grace_ms c3)" 480 500
is "containers: COMMAND's status" "$STATUS" 137
