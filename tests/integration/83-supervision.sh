#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a supervisor owes its servers when they, or the machine, do not behave: crash loops that cost nothing, one grace
# for all that ignore their signal, forks that fail, and everybody else served meanwhile.
. "$(dirname "$0")/lib.sh"
need_fake

within() { # within NAME NUMBER LEAST MOST
	if (($2 >= $3 && $2 <= $4)); then ok "$1"; else not_ok "$1" "$2, not from $3 to $4"; fi
}
ticks() { # of CPU time, 10 ms each, that mcpinit itself has used
	awk '{ print $14 + $15 }' "/proc/$MCPINIT_PID/stat"
}
n_fds() {
	find "/proc/$MCPINIT_PID/fd" -mindepth 1 | wc -l
}
resident_kb() {
	awk '/^VmRSS/ { print $2 }' "/proc/$MCPINIT_PID/status"
}
# told SERVER: the delays of its restarts, in ms, as the log has them
told() {
	sed -nE "s/.* $1 .*restart in ([0-9.]*) (m?s), attempt.*/\1 \2/p" "$LOG" |
		awk '{ printf "%d\n", $2 == "ms" ? $1 : $1 * 1000 + 0.5 }'
}
# real SERVER: what lay between its last breath and its next one, in ms, by the log's own times
real() {
	grep -E " $1 +(exited|restart|ready|.*restart in)| $1 .*-> STARTING " "$LOG" | while read -r at _ _ line; do
		at=$(date -d "$at" +%s%3N)
		case $line in
		*'restart in'*) died=$at ;;
		*'-> STARTING'*) [ -z "${died:-}" ] || echo $((at - died)) ;;
		esac
	done
}
n_crashes() {
	grep -cE ' (info|warn) .*exited with status' "$LOG"
}

# --- crash loops -----------------------------------------------------------------------------------

config 'launch = process' 'log_level = debug' <<END
[server:loop]
command     = $FAKE --exit-at-start 3 --stderr "I cannot go on"
backoff     = 100ms
backoff_max = 400ms
[server:at-the-limit]
command     = $FAKE --exit-at-start 3
backoff     = 200ms
backoff_max = 200ms
[server:exit-0]
command     = $FAKE --exit-after 1 --exit-code 0
autorestart = true
startsecs   = 0s
backoff     = 100ms
backoff_max = 400ms
[server:gives-up]
command      = $FAKE --exit-at-start 3
startretries = 3
backoff      = 50ms
[server:good]
command = $FAKE
END
start_mcpinit
await is_state gives-up FATAL
is "startretries = 3: four starts, then FATAL" "$(grep -cE '(warn|error) +gives-up .*exited with status 3' "$LOG")" 4
like "and it says who may try again" "$(ctl status gives-up)" 'FATAL .*status 3'
grep -q 'gives-up .*given up, mcpctl start gives-up' "$LOG"
is "in the log, too" $? 0

await_log ' at-the-limit .*restart in' 8
for name in loop at-the-limit exit-0; do
	base=100 max=400
	[ $name != at-the-limit ] || base=200 max=200
	told $name | awk -v d=$base -v max=$max '{
		if ($1 < d * 0.8 - 1 || $1 > d * 1.2 + 1 || $1 > max) { print "attempt " NR ": " $1 " ms, around " d; bad = 1 }
		d = d * 2 > max ? max : d * 2
	} END { if (!NR && "'$name'" != "exit-0") print "no restart"; }' >"$WORK/odd"
	is "$name: each delay doubles up to backoff_max, within ±20 %" "$(<"$WORK/odd")" ""
done
is "the jitter is one: not all delays are alike" "$(($(told at-the-limit | sort -u | wc -l) > 1))" 1
paste <(told at-the-limit) <(real at-the-limit) | awk 'NF == 2 && ($2 < $1 - 5 || $2 > $1 + 150)' >"$WORK/odd"
is "the delay that was told is the one that is kept" "$(<"$WORK/odd")" ""

# All loops at their limit now: what does an endless crash cost?
fds=$(n_fds) kb=$(resident_kb) used=$(ticks) lines=$(wc -l <"$LOG") crashes=$(n_crashes)
start=$(now_ms)
for _ in {1..10}; do # an exit with status 0 that ends each run, with a call
	rpc exit-0 "$(tool_call 1 pid)" >/dev/null
	sleep 0.2
done
took=$(($(now_ms) - start))
crashes=$(($(n_crashes) - crashes))
within "crash loops: they go on ($took ms)" "$crashes" $((took / 100)) $((took / 40))
at_most "crash loops: CPU time per crash (10 us)" $((($(ticks) - used) * 1000 / crashes)) 500
within "crash loops: no descriptor is lost" "$(n_fds)" $((fds - 8)) $((fds + 8))
at_most "crash loops: no memory is lost (kB; the server's last words are kept)" "$(($(resident_kb) - kb))" 150
lines=$(grep -cE "^[^ ]+ (info|warn|error)" <(tail -n +$((lines + 1)) "$LOG"))
at_most "crash loops: lines in the log for each crash, its own words included" $((lines / crashes)) 3
is "a good neighbour has not noticed" "$(grep -c ' good .*ready in' "$LOG")" 1
stop_mcpinit

# --- one grace ---------------------------------------------------------------------------------------

config 'launch = process' <<END
[defaults]
command           = $FAKE --ignore-term --ignore-eof
stop_grace_period = 500ms
[server:s1]
[server:s2]
[server:s3]
END
start_mcpinit
await ctl wait
start=$(now_ms)
stop_mcpinit
within "three servers that ignore TERM stop in one grace, not in three (ms)" $(($(now_ms) - start)) 950 1500

# --- forks that fail ---------------------------------------------------------------------------------

# The same for each limit: a server cannot come back while it is reached, all others live, and then it comes.
config 'launch = process' 'log_level = info' <<END
[defaults]
backoff     = 100ms
backoff_max = 200ms
[server:victim]
command = $FAKE
user    = $( ((EUID)) || echo 54321)
[server:good]
command = $FAKE
END
chmod 755 "$WORK" "$FAKE"
# a call over pipes that stay open: shell redirection would need descriptors of mcpinit's
call() {
	printf '%s\n' "$(tool_call 1 pid)" >&"$in"
	IFS= read -r -t 10 line <&"$out" && text_of <<<"$line"
}
cannot_fork() { # cannot_fork NAME REASON
	local name=$1 good used
	exec {in}>"$RUN/default/good/in" {out}<"$RUN/default/good/out"
	good=$(call)
	pkill -KILL -P "$MCPINIT_PID" -n -f "$FAKE" -u 54321 || kill -KILL "$(pgrep -P "$MCPINIT_PID" -f "$FAKE" | head -n 1)"
	await_log "victim .*$2" 3
	like "$name: the server waits, and the log has the reason and what to change" \
		"$(grep -E "victim .*$2" "$LOG" | head -n 1)" "$2.*restart in"
	used=$(ticks)
	is "$name: a neighbour is served" "$(call)" "$good"
	timeout 3 bash -c "exec 3>$RUN/default/good/in; sleep 1; printf '%s\n' '$(tool_call 2 pid)' >&3" # opens it once more
	IFS= read -r -t 10 line <&"$out"
	at_most "$name: no busy loop (10 ms of CPU time a second)" $(($(ticks) - used)) 20
}
comes_back() {
	await is_state victim RUNNING
	is "$1: when the limit is lifted it comes back" "$(state victim)" RUNNING
	is "$1: a neighbour was never touched" "$(grep -c ' good .*ready in' "$LOG")" 1
	exec {in}>&- {out}<&-
	is "$1: plain redirection works as before" "$(rpc good "$(tool_call 1 echo '{"text":"x"}')" | text_of)" x
	stop_mcpinit
	is "$1: and it ends as always" "$STATUS" 0
}
start_mcpinit
await ctl wait
soft=$(prlimit --nofile -o SOFT --noheadings -p "$MCPINIT_PID" | tr -d ' ')
prlimit --nofile=9: -p "$MCPINIT_PID"
cannot_fork "no descriptors (EMFILE)" 'Too many open files; raise the limit of open files .ulimit -n.'
prlimit --nofile="$soft:" -p "$MCPINIT_PID"
comes_back "no descriptors"

if ((EUID)); then
	skip "RLIMIT_NPROC of a server's user" "it takes root to have one"
else
	start_mcpinit
	await ctl wait
	soft=$(prlimit --nproc -o SOFT --noheadings -p "$MCPINIT_PID" | tr -d ' ')
	others=()
	for _ in 1 2; do # of the same user, elsewhere
		setpriv --reuid 54321 --regid 54321 --clear-groups sleep 600 &
		others+=($!)
	done
	prlimit --nproc=1: -p "$MCPINIT_PID"
	cannot_fork "no processes for its user (EAGAIN)" 'Resource temporarily unavailable; the limit of processes is reached: raise pids_limit or ulimit -u'
	prlimit --nproc="$soft:" -p "$MCPINIT_PID"
	comes_back "no processes for its user"
	kill "${others[@]}"
fi

# A control group is what a container's pids limit is made of.
cgroup=
for dir in /sys/fs/cgroup/pids /sys/fs/cgroup; do
	mkdir "$dir/$INSTANCE" 2>/dev/null && [ -e "$dir/$INSTANCE/pids.max" ] && cgroup=$dir/$INSTANCE && break
	rmdir "$dir/$INSTANCE" 2>/dev/null
done
at_end() {
	[ -z "$cgroup" ] || { is_running && stop_mcpinit; rmdir "$cgroup"; }
}
if [ -z "$cgroup" ]; then
	skip "a container's pids limit" "no control group with pids.max can be made here"
else
	start_mcpinit
	await ctl wait
	for pid in "$MCPINIT_PID" $(pgrep -P "$MCPINIT_PID"); do
		echo "$pid" >"$cgroup/cgroup.procs"
	done
	echo 2 >"$cgroup/pids.max"
	cannot_fork "no processes in the container (EAGAIN)" 'Resource temporarily unavailable; the limit of processes is reached: raise pids_limit or ulimit -u'
	echo max >"$cgroup/pids.max"
	comes_back "no processes in the container"
fi
