#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The network between us and an engine behind tcp goes silent: nothing ends, nothing is answered. Agents are told within the
# time that health needs, not after TCP's; when it is back, every server has one container, and no storm was made.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
command -v haproxy >/dev/null || skip_all "haproxy is not installed"
export DOCKER_HOST
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$WORK/network.cfg" <<END
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen network
    bind 127.0.0.1:$port
    server engine ${DOCKER_HOST/unix:\/\//unix@}
END
haproxy -f "$WORK/network.cfg" -db >"$WORK/haproxy.log" 2>&1 &
network=$!
stop_network() {
	kill -CONT $network
	kill $network
	wait $network
} 2>/dev/null
at_end() {
	stop_network
}
until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || ! kill -0 $network; do
	sleep 0.02
done

config "docker_host = tcp://127.0.0.1:$port" 'launch = api' <<END
[defaults]
image                = $FAKE_IMAGE
stop_grace_period    = 500ms
healthcheck_interval = 1s
healthcheck_timeout  = 1s
healthcheck_retries  = 2
busy_timeout         = 3s
park_timeout         = 2s
[server:a]
[server:b]
END
start_mcpinit
await is_state a RUNNING
await is_state b RUNNING
exec {in}>"$RUN/default/a/in" {out}<"$RUN/default/a/out"
answer() { # the next line
	local line
	IFS= read -r -t "$TIMEOUT" -u "$out" line && printf '%s\n' "$line"
}
call() { # call ID TOOL ARGUMENTS
	tool_call "$@" >&"$in"
	echo >&"$in"
}
ids() {
	docker ps -aq --no-trunc --filter "label=io.mcpinit.instance=$INSTANCE" | sort
}
two_new() { # neither of the old ones
	[ "$(ids | wc -l)" = 2 ] && [ -z "$(comm -12 <(ids) <(printf '%s\n' "$old"))" ]
}

old=$(ids)
call 1 sleep '{"ms":600000}'
kill -STOP $network
start=$(now_ms)
like "a call in flight is answered" "$(answer)" '"id":1,"error".*-32603'
at_most "by health, not by TCP (ms)" $(($(now_ms) - start)) 20000
call 2 echo '{"text":"meanwhile"}'
like "one made meanwhile waits, then is told why" "$(answer)" '"id":2,"error".*-32603.*"retryable":true'
unlike "no server is FATAL" "$(ctl status)" FATAL
kill -CONT $network
await is_state a RUNNING
await is_state b RUNNING
await two_new
succeeds "the network is back: a new container each, the old ones are gone" two_new
call 3 echo '{"text":"again"}'
like "the agent goes on by the same pipes" "$(answer)" '"id":3.*again|again.*"id":3'
at_most "no storm: launches of both" "$(grep -c ' ready in ' "$LOG")" 4
exec {in}>&- {out}<&-
stop_mcpinit
is "it ends well" "$STATUS" 0
stop_network
nothing_left
