#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The control socket: many clients, rude clients, clients that may not; nobody is held up, and nothing ticks afterwards.
. "$(dirname "$0")/lib.sh"
need_fake

config 'launch = process' 'control_group = 12345' "metrics_file = $WORK/metrics.prom" <<END
[server:fake]
command = $FAKE
healthcheck = none

[agent:planner]
servers = fake
END
start_mcpinit
await ctl wait fake

python3 -B tests/integration/control.py "$MCPCTL_SOCKET" "$RUN/planner/agent.sock" "$BIN/mcpctl" ||
	n_failed=$((n_failed + 1))

# --- who may -----------------------------------------------------------------------------------------
if ((EUID == 0)); then
	chmod 755 "$WORK" "$CTL"
	install -m 755 "$BIN/mcpctl" "$WORK/mcpctl"
	as_other() { # as_other GROUPS-OPTION: status, as a user that is neither root nor ours
		setpriv --reuid 65534 --regid 65534 "$@" "$WORK/mcpctl" -s "$MCPCTL_SOCKET" status 2>&1
	}
	out=$(as_other --clear-groups)
	is "another user: 77" $? 77
	like "with a sentence" "$out" "no permission to open $MCPCTL_SOCKET .*belongs to"
	out=$(as_other --groups 12345)
	is "control_group: 0" $? 0
	like "and the answer" "$out" "^fake +RUNNING"
	chmod 666 "$MCPCTL_SOCKET" # a mode set by accident
	out=$(as_other --clear-groups)
	is "another user, whatever the mode: 77" $? 77
	like "with the peer's credentials looked at" "$out" "only root, mcpinit's own user and control_group"
	chmod 660 "$MCPCTL_SOCKET"
else
	skip "another user is refused" "needs root"
fi

# --- metrics -------------------------------------------------------------------------------------------
await test -s "$WORK/metrics.prom"
is "metrics_file: for everybody to read" "$(stat -c %a "$WORK/metrics.prom")" 644
rpc fake "$(tool_call 1 echo '{"text":"x"}')" >/dev/null
like "metrics: a sample a server" "$(ctl metrics)" 'mcpinit_server_up\{server="fake"\} 1'
like "metrics: calls are counted" "$(ctl metrics)" 'mcpinit_server_requests_total\{server="fake"\} [1-9]'
like "metrics --json" "$(ctl --json metrics | jq -r .text)" '^# HELP mcpinit_build_info'
stop_mcpinit
is "metrics_file goes with us" "$(find "$WORK" -name 'metrics.prom*')" ""

# --- nothing ticks ---------------------------------------------------------------------------------------
sed -i '/metrics_file/d' "$CONF"
start_mcpinit
await ctl wait fake
"$BIN/mcpctl" logs fake -f >"$WORK/followed" &
follower=$!
await test -s "$WORK/followed"
switches() {
	awk '/^voluntary/ {print $2}' "/proc/$MCPINIT_PID/status"
}
sleep 1 # what its beginning brought about is over
before=$(switches)
sleep 3
is "with a follower that has nothing to read: 0 wake-ups in 3 s" "$(($(switches) - before))" 0
kill "$follower"
wait "$follower"
is "SIGTERM ends a follower: 143" $? 143
