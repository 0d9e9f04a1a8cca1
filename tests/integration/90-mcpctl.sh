#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mcpctl: each verb does what it says, with the exit status that it says.
. "$(dirname "$0")/lib.sh"
need_fake

config 'launch = process' <<END
[server:fake]
command = $FAKE --stderr "a line on stderr"
environment = TOKEN=very-secret-value

[server:stopped]
command   = $FAKE
autostart = false

[server:broken]
command = $WORK/not-there

[agent:planner]
servers = fake
END
start_mcpinit
exits() { # exits NAME STATUS COMMAND...
	local name=$1 want=$2 rc
	shift 2
	"$@" >"$WORK/out" 2>"$WORK/err"
	rc=$?
	if ((rc == want)); then ok "$name"; else not_ok "$name" "exit $rc, expected $want"$'\n'"$(cat "$WORK/out" "$WORK/err")"; fi
}

exits "wait: until ready" 0 ctl wait fake --timeout 20s
await is_state broken FATAL
exits "wait: not when it cannot become ready" 1 ctl wait broken --timeout 1s
exits "status: 3 when some are not up" 3 ctl status
is "status: a line a server" "$(cut -d ' ' -f 1 "$WORK/out" | sort | tr '\n' ' ')" "broken fake stopped "
exits "status: 0 when those asked for are" 0 ctl status fake stopped
like "status: supervisorctl's columns first" "$(head -n 1 "$WORK/out")" \
	'^fake +RUNNING +[a-z]+, process [0-9]+, uptime [0-9]+:[0-9]{2}:[0-9]{2}, restarts 0, tools 9, agents [0-9]+'
exits "status: 4 for an unknown name" 4 ctl status nobody
exits "status --json" 3 ctl --json status
succeeds "is JSON" jq -e . "$WORK/out"

exits "endpoint" 0 ctl endpoint fake --agent planner
is "prints the two paths" "$(<"$WORK/out")" "$RUN/planner/fake/in"$'\n'"$RUN/planner/fake/out"
exits "tools" 0 ctl tools fake
is "lists all of them" "$(grep -cE '(echo|sleep|env|read|exit|big|pid|count|args)' "$WORK/out")" 9
exits "call" 0 ctl call fake echo '{"text":"hello"}'
like "prints the result" "$(<"$WORK/out")" hello
exits "call: the arguments from stdin" 0 ctl call fake echo - <<<'{"text":"by stdin"}'
like "prints that result" "$(<"$WORK/out")" 'by stdin'
exits "call: 1 for an error of the tool" 1 ctl call fake env '{"name":"NOT_SET_ANYWHERE"}'
exits "call: 2 for an error of the protocol" 2 ctl call fake no-such-tool
exits "logs" 0 ctl logs fake
like "shows stderr" "$(<"$WORK/out")" 'a line on stderr'

exits "stop" 0 ctl stop fake
is "is waited for" "$(state fake)" STOPPED
exits "start" 0 ctl start fake
is "is waited for too" "$(state fake)" RUNNING
pid=$(rpc fake "$(tool_call 1 pid)" | text_of)
exits "restart" 0 ctl restart fake
unlike "is another process" "$(rpc fake "$(tool_call 1 pid)" | text_of)" "^$pid$"
exits "start: an unknown name is an error" 1 ctl start nobody
like "that names it" "$(<"$WORK/err")" nobody

exits "healthy: degraded is 0" 0 ctl healthy
like "and says what is wrong" "$(<"$WORK/out")" broken
exits "healthy --strict: degraded is 3" 3 ctl healthy --strict

# connect, with no more environment than the clients' libraries leave a child
answers=$({
	printf '%s\n' "$(initialize_line)" \
		'{"jsonrpc":"2.0","method":"notifications/initialized"}' "$(tool_call 1 echo '{"text":"over connect"}')"
	sleep 1
} | env -i HOME=/ PATH="$PATH" timeout "$TIMEOUT" "$BIN/mcpctl" -s "$RUN/planner/agent.sock" connect fake 2>"$WORK/err")
is "connect: exit status 0 at the end of stdin" $? 0
is "connect: JSON-RPC and nothing else on stdout" "$(jq -r 'select(.id == 1) | .result.content[0].text' <<<"$answers")" "over connect"
exits "an agent's socket does not stop servers" 77 "$BIN/mcpctl" -s "$RUN/planner/agent.sock" stop fake
exits "nobody there: 69" 69 "$BIN/mcpctl" -s "$WORK/nobody.sock" status
unlike "no secret is shown by any verb" "$(ctl --json status; ctl status; ctl logs fake)" very-secret-value

# --json: one document on stdout for every verb, whatever comes of it, and the same exit status
json() { # json STATUS JQ-FILTER VERB...: the filter says what must be true of the one document
	local want=$1 filter=$2
	shift 2
	exits "--json $*: exit $want" "$want" ctl --json "$@"
	is "--json $*: one document" "$(jq -s "length == 1 and (.[0] | $filter)" "$WORK/out" 2>&1)" true
}
json 0 '.servers[0].state == "RUNNING"' status fake
json 4 '.unknown == ["nobody"]' status nobody
json 0 '.servers[0].is_done' stop fake
json 0 '.servers[0].is_done' start fake
json 0 '.servers[0].is_done' restart fake --no-wait
json 0 '.servers[0].is_done' wait fake
json 1 '.servers[0].is_done == false' wait broken
json 1 '.error.code == 1 and (.error.message | test("nobody"))' restart nobody
json 1 '.error.code == 1' logs nobody
json 0 '.text | test("\\S")' logs fake -n 1
json 0 '(.tools | length) == 9 and .tools[0].server == "fake" and .errors == []' tools fake
json 0 '(.tools | length) == 9 and ([.errors[].server] | sort) == ["broken", "stopped"]' tools
json 1 '.error.message | test("nobody")' tools nobody
json 0 '.content[0].text == "hi"' call fake echo '{"text":"hi"}'
json 1 '.isError' call fake env '{"name":"NOT_SET_ANYWHERE"}'
json 2 '.error.code == -32602' call fake no-such-tool
json 64 '.error.code == 64' call fake echo not-json
json 0 '.agents | length > 0' agents
json 0 '(.in | test("/fake/in$")) and (.out | test("/fake/out$"))' endpoint fake
json 1 '.error.code == 1' endpoint nobody
json 0 '.health == "degraded" and .servers[0].name == "broken"' healthy
json 3 '.health == "degraded"' healthy --strict
json 0 '.text | test("mcpinit_server_up")' metrics
json 69 '.error.code == 5' sweep
json 64 '.error.code == 64' dance
json 64 '.error.code == 64' status --force
json 64 '.error.code == 64' logs
json 64 '.error.code == 64' --no-such-option status
json 78 '.error.code == 78' import "$WORK/not-there.json"
printf '{"mcpServers":{"x":{"command":"npx","args":["y"]}}}' >"$WORK/client.json"
json 0 '.servers == 1 and (.ini | test("server:x"))' import "$WORK/client.json"
json 77 '.error.code == 3' -s "$RUN/planner/agent.sock" stop fake
json 69 '.error.code == 69' -s "$WORK/nobody.sock" status

json 0 '.text == "shutting down"' shutdown
wait_mcpinit
is "ends mcpinit" "$STATUS" 0
