#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Time: the wall clock is stepped by hours, mcpinit stands still for seconds, and nobody is thought dead for it; with
# nothing to do it does not wake at all.
. "$(dirname "$0")/lib.sh"
need_fake

restarts() {
	ctl status --json | jq '[.. | .restarts? // empty] | add // 0'
}
n_ready() { # how often a server has become ready, all of them together
	grep -c ' ready in ' "$LOG"
}

servers() {
	cat <<-END
		[defaults]
		backoff     = 200ms
		backoff_max = 200ms
		healthcheck_interval = 300ms
		healthcheck_timeout  = 200ms
		healthcheck_retries  = 1
		[server:healthy]
		command = $FAKE
		[server:busy]
		command = $FAKE
		busy_timeout = 20s
	END
}

# --- the wall clock --------------------------------------------------------------------------------

if [ -n "${MODE:-}" ]; then
	skip "steps of the wall clock" "a preloaded library and the sanitizers' do not go together"
else
	# What mcpinit takes for the time of day is the real one plus the seconds in a file.
	cat >"$WORK/clock.c" <<-'END'
		#include <fcntl.h>
		#include <stdlib.h>
		#include <sys/syscall.h>
		#include <sys/time.h>
		#include <time.h>
		#include <unistd.h>
		static long ahead(void)
		{
			char text[32] = "";
			int fd = open(getenv("CLOCK_STEP"), O_RDONLY | O_CLOEXEC);
			if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
				text[0] = 0;
			close(fd);
			return atol(text);
		}
		int clock_gettime(clockid_t id, struct timespec *ts)
		{
			int r = (int)syscall(SYS_clock_gettime, id, ts);
			if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
				ts->tv_sec += ahead();
			return r;
		}
		time_t time(time_t *t)
		{
			struct timespec ts;
			clock_gettime(CLOCK_REALTIME, &ts);
			if (t)
				*t = ts.tv_sec;
			return ts.tv_sec;
		}
		int gettimeofday(struct timeval *restrict tv, void *restrict tz)
		{
			(void)tz;
			struct timespec ts;
			clock_gettime(CLOCK_REALTIME, &ts);
			tv->tv_sec = ts.tv_sec;
			tv->tv_usec = ts.tv_nsec / 1000;
			return 0;
		}
	END
	gcc -shared -fPIC -o "$WORK/clock.so" "$WORK/clock.c"
	config 'launch = process' < <(
		servers
		printf '[server:loop]\ncommand = %s --exit-at-start 3\n' "$FAKE"
	)
	echo 0 >"$WORK/step"
	export CLOCK_STEP=$WORK/step LD_PRELOAD=$WORK/clock.so
	start_mcpinit
	unset LD_PRELOAD
	await ctl wait healthy busy
	exec {in}>"$RUN/default/busy/in" {out}<"$RUN/default/busy/out"
	printf '%s\n' "$(tool_call 1 sleep '{"ms":4000}')" >&"$in"
	ready=$(n_ready)
	for step in 18000 -18000 0; do # five hours ahead, ten back, five ahead
		echo $step >"$WORK/step"
		before=$(grep -c ' loop .*restart in' "$LOG")
		sleep 1.2
		loops=$(($(grep -c ' loop .*restart in' "$LOG") - before))
		[ $step = 0 ] || is "the log has the new time ($step s)" \
			"$(($(date -d "$(tail -n 1 "$LOG" | cut -d ' ' -f 1)" +%s) - $(date +%s) - step > -5))" 1
		if ((loops >= 3 && loops <= 8)); then
			ok "a step of $step s: delays are what they were"
		else
			not_ok "a step of $step s: delays are what they were" "$loops restarts in 1.2 s, with 200 ms each"
		fi
	done
	is "and nobody was thought dead" "$(n_ready) $(grep -c unhealthy "$LOG")" "$ready 0"
	IFS= read -r -t 10 line <&"$out"
	is "nor a call given up" "$(text_of <<<"$line")" slept
	exec {in}>&- {out}<&-
	stop_mcpinit
	is "and it ends as always" "$STATUS" 0
fi

# --- standing still --------------------------------------------------------------------------------

config 'launch = process' < <(
	servers
	printf '[server:starting]\ncommand = %s --slow 1500\nstart_timeout = 2500ms\n' "$FAKE"
)
start_mcpinit
await ctl wait healthy busy
exec {in}>"$RUN/default/busy/in" {out}<"$RUN/default/busy/out"
printf '%s\n' "$(tool_call 1 sleep '{"ms":1000}')" >&"$in"
sleep 0.2
kill -STOP "$MCPINIT_PID"
sleep 4
kill -CONT "$MCPINIT_PID"
IFS= read -r -t 10 line <&"$out"
is "stopped for seconds: the answer that waited is delivered" "$(text_of <<<"$line")" slept
await is_state starting RUNNING
sleep 1 # several probes
is "nobody was thought dead, and a start that was under way is not late" "$(n_ready) $(grep -cE 'unhealthy|start_timeout' "$LOG")" "3 0"
exec {in}>&- {out}<&-
stop_mcpinit

# --- idle --------------------------------------------------------------------------------------------

wakeups() {
	awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$MCPINIT_PID/status"
}
idle() { # idle NAME: between two probes
	local before
	sleep 1.5 # what a start leaves to do
	before=$(wakeups)
	sleep 6.5
	is "$1: no wake-ups in 6.5 s" "$(($(wakeups) - before))" 0
	stop_mcpinit
}
config 'launch = process' <<END
[defaults]
command = $FAKE
[server:a]
[server:b]
END
start_mcpinit
await ctl wait
idle "two processes, idle"

need_image fake
config <<END
[server:a]
image = $FAKE_IMAGE
network_mode = none
END
start_mcpinit
await ctl wait
idle "a container, idle"
