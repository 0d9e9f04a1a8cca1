#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# After known calls, kills and errors the numbers of `mcpctl metrics` and of metrics_file are the right ones, in a form
# that a strict parser takes; and `mcpctl status` says what a person wants to know.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_fake
need_image fake
check=tests/integration/prometheus.py

metric() { # metric SAMPLE: its value
	ctl metrics | python3 "$check" "$1"
}
is_metric() { # is_metric SAMPLE VALUE
	[ "$(metric "$1")" = "$2" ]
}
at_least() { # at_least SAMPLE VALUE
	(($(metric "$1") >= $2))
}

send() { # send SERVER LINE: and no answer is waited for
	printf '%s\n' "$2" >"$RUN/default/$1/in"
}

config 'launch = api' "metrics_file = $WORK/mcpinit.prom" <<END
[server:box]
image = $FAKE_IMAGE
network_mode = none
backoff = 100ms
[server:proc]
launch = process
command = $FAKE
healthcheck_interval = 300ms
[server:down]
launch = process
command = $FAKE --exit-at-start 5
backoff = 10m
backoff_max = 10m
park_timeout = 10m
[agent:planner]
servers = proc
END
SECRET=hunter2-secret-value start_mcpinit
await ctl wait box proc --timeout 60s
box='server="box"' proc='server="proc"'

# --- calls -----------------------------------------------------------------------------------------------
for i in 1 2; do
	rpc proc "$(tool_call $i echo '{"text":"x"}')" >/dev/null
done
rpc proc "$(tool_call 3 sleep '{"ms":300}')" >/dev/null
like "an error" "$(rpc proc "$(request 4 no/such/method)")" '"error"'
like "a ping is answered by mcpinit" "$(rpc proc "$(request 5 ping)")" '"result"'
tool_call 6 echo '{"text":"y"}' | ctl -s "$RUN/planner/agent.sock" connect proc >/dev/null
is "requests, without the ping" "$(metric "mcpinit_server_requests_total{$proc}")" 5
is "errors" "$(metric "mcpinit_server_request_errors_total{$proc}")" 1
is "answers, by how long they took" "$(metric "mcpinit_server_request_duration_seconds_count{$proc}")" 5
is "one of them more than 200 ms" "$(($(metric "mcpinit_server_request_duration_seconds_count{$proc}") - \
	$(metric "mcpinit_server_request_duration_seconds_bucket{$proc,le=\"0.2\"}") >= 1))" 1
is "sessions of an agent" "$(metric "mcpinit_agent_sessions_total{$proc,agent=\"planner\"}")" 1
await is_metric "mcpinit_agent_sessions{$proc,agent=\"planner\"}" 0
is "of the other: each program at its pipes was one" \
	"$(metric "mcpinit_agent_sessions_total{$proc,agent=\"default\"}")" 5
is "nothing is in flight" "$(metric "mcpinit_server_requests_in_flight{$proc}")" 0
succeeds "bytes to it" at_least "mcpinit_server_sent_bytes_total{$proc}" 200
succeeds "bytes from it" at_least "mcpinit_server_received_bytes_total{$proc}" 200
await at_least "mcpinit_server_probe_duration_seconds_count{$proc}" 1
is "no probe failed" "$(metric "mcpinit_server_probe_failures_total{$proc}")" 0
is "launchers" "$(metric "mcpinit_server_launcher{$box,launcher=\"api\"}")$(metric \
	"mcpinit_server_launcher{$proc,launcher=\"process\"}")" 11
is "the engine" "$(metric mcpinit_engine_up)" 1

# --- ends ------------------------------------------------------------------------------------------------
send box "$(tool_call 7 sleep '{"ms":60000}')"
await is_metric "mcpinit_server_requests_in_flight{$box}" 1
like "status: in flight" "$(ctl status box)" ', agents [0-9]+, in flight 1$'
kill -KILL "$(docker inspect -f '{{.State.Pid}}' "$(container box)")"
await is_metric "mcpinit_server_restarts_total{$box,reason=\"signal\"}" 1
is "its call was answered by an error" "$(metric "mcpinit_server_request_errors_total{$box}")" 1
is "which is no answer of the server's" "$(metric "mcpinit_server_request_duration_seconds_count{$box}")" 0
ctl wait box >/dev/null
like "status: why it was restarted, and when" "$(ctl status box)" \
	'restarts 1, .*; last restart 0:0[0-9]:[0-9]{2} ago: .*signal 9'
rpc proc "$(tool_call 8 exit '{"code":3}')" >/dev/null
await is_metric "mcpinit_server_restarts_total{$proc,reason=\"exit\"}" 1
ctl wait proc >/dev/null
ctl restart proc >/dev/null
is "a restart by hand" "$(metric "mcpinit_server_restarts_total{$proc,reason=\"asked\"}")" 1
is "launches" "$(metric "mcpinit_server_launches_total{$proc}")" 3
is "status --json: the last end" "$(ctl --json status proc | jq -r '.servers[0] | "\(.restarts) \(.last_exit)"')" \
	"2 mcpctl restart"

# --- one that is down ------------------------------------------------------------------------------------
await is_state down BACKOFF
send down "$(request 1 tools/list)"
await is_metric 'mcpinit_server_requests_waiting{server="down"}' 1
like "status: why, when it is tried again, who waits" "$(ctl status down)" \
	'^down +BACKOFF +exited with status 5 .*; next try in 0:(0[789]|1[0-2]):[0-9]{2}, attempt 1; 1 request waits$'
is "down, and wanted up" \
	"$(metric 'mcpinit_server_up{server="down"}')$(metric 'mcpinit_server_wanted{server="down"}')" 01

# --- the form, and the file --------------------------------------------------------------------------------
is "a strict parser takes it" "$(ctl metrics | python3 "$check")" ok
is "it finds what is wrong" "$(ctl metrics | sed '/^# TYPE mcpinit_server_up /s/gauge/counter/' | python3 "$check" |
	head -n 1 | grep -o 'counters, and only they, end in _total')" "counters, and only they, end in _total"
is "no word of the environment" "$(ctl metrics | grep -c hunter2)" 0
is "the file is such a text" "$(python3 "$check" <"$WORK/mcpinit.prom")" ok
is "with the same names" "$(grep '^# TYPE' "$WORK/mcpinit.prom")" "$(ctl metrics | grep '^# TYPE')"
stop_mcpinit
sed -i "s|^metrics_file = .*|metrics_file = $WORK/not/there.prom|" "$CONF"
start_mcpinit
await_log "metrics_file: cannot make $WORK/not/there.prom.tmp: .*Its directory must exist, and uid $EUID be able to write"
ok "a file that cannot be written is said, with what to do"
