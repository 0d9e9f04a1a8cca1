#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A server is killed in the middle of a call, again and again: every call is answered once, on the same open files.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
need_image fake
kills=${KILLS:-20}

config <<END
[server:fake]
image        = $FAKE_IMAGE
network_mode = none
startsecs    = 100ms
backoff      = 50ms
backoff_max  = 200ms
END
start_mcpinit
await is_state fake RUNNING
exec {in}>"$RUN/default/fake/in" {out}<"$RUN/default/fake/out"
printf '%s\n' "$(initialize_line)" >&"$in"
read -r -t "$TIMEOUT" _ <&"$out"
printf '{"jsonrpc":"2.0","method":"notifications/initialized"}\n' >&"$in"

# next_answer: the next line that is an answer; the notifications in between are counted
n_changed=0
next_answer() {
	while read -r -t "$TIMEOUT" answer <&"$out"; do
		[[ $answer == *'"id":'* ]] && return 0
		[[ $answer != *list_changed* ]] || n_changed=$((n_changed + 1))
	done
	answer=
	return 1
}

n_died=0 n_again=0 n_fresh=0 slowest=0 last=
for ((i = 1; i <= kills; i++)); do
	id=$(container fake)
	printf '%s\n' "$(tool_call "$i" sleep '{"ms":60000}')" >&"$in"
	docker kill -s KILL "$id" >/dev/null
	start=$(now_ms)
	next_answer
	took=$(($(now_ms) - start))
	((took <= slowest)) || slowest=$took
	[[ $(jq -c '[.id, .error.code, .error.data.server]' <<<"$answer") != "[$i,-32603,\"fake\"]" ]] || n_died=$((n_died + 1))
	last=$answer
	# Asked while it is down: parked, and answered by the next one.
	printf '%s\n' "$(tool_call "$((1000 + i))" echo '{"text":"again"}')" >&"$in"
	next_answer
	[[ $(jq -c '[.id, .result.content[0].text]' <<<"$answer") != "[$((1000 + i)),\"again\"]" ]] || n_again=$((n_again + 1))
	[[ $(container fake) == "$id" ]] || n_fresh=$((n_fresh + 1))
done
is "$kills kills: each call in flight is answered with -32603, once" "$n_died" "$kills"
is "$kills kills: each call made while it was down is answered" "$n_again" "$kills"
is "$kills kills: each time by a container that is new" "$n_fresh" "$kills"
is "the error says what happened" "$(jq -c '.error.data | [.reason != null, .exitCode, .retryable != null, .generation != null]' <<<"$last")" \
	'[true,137,true,true]'
at_most "death to error, the slowest of $kills, after docker kill returned (ms)" "$slowest" 500
read -r -t 0.5 answer <&"$out"
is "and nothing more comes" "$(grep -v list_changed <<<"$answer")" ""
at_most "list_changed was sent to the agent (missing ones)" $((n_changed > 0 ? 0 : 1)) 0
is "a new container has seen one initialize" "$(printf '%s\n' "$(tool_call 1 count)" >&"$in" && next_answer && text_of <<<"$answer")" 1
like "status counts the restarts" "$(ctl status fake)" "restarts $kills"
exec {in}>&- {out}<&-
