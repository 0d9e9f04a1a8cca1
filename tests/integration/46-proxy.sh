#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 300
# Behind haproxy as a socket proxy (the shape of Tecnativa's) that lets through what docs/socket-proxy.md lists and nothing
# else: everything works. Its time limits cut what idles: health probes keep an attach alive; without probes a cut ends
# the server, which is said with the remedy, and is not counted as the server's fault.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
command -v haproxy >/dev/null || skip_all "haproxy is not installed"
export DOCKER_HOST
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cfg=$(mktemp /tmp/mcpinit-haproxy.XXXXXX) # not in $WORK: it stands on a command line
at_end() {
	stop_proxy
	rm "$cfg"
}

# One rule for each request of the page, {id} and {name} being the only freedom.
rules() {
	awk -F '`' '/^\| `/ { for (i = 2; i <= NF; i += 2) if ($i ~ /^[A-Z]+ \//) print $i }' docs/socket-proxy.md |
		sed -E 's/\?.*//; s/[.]/[.]/g; s/\{id\}/[a-zA-Z0-9_.-]+/; s/\{name\}/.+/' | sort -u |
		while read -r method path; do
			[ "$path" = /_ping ] || path="/v1[.][0-9]+$path"
			printf '    http-request allow if { method %s } { path -m reg ^%s$ }\n' "$method" "$path"
		done
}
# start_proxy LINE...: more of its defaults
start_proxy() {
	cat >"$cfg" <<-END
		global
		    log stdout format raw local0
		defaults
		    mode http
		    log global
		    option httplog
		    option http-server-close
		    timeout connect 5s
		    timeout client 6s
		    timeout server 6s
		$(printf '    %s\n' "$@")
		frontend proxy
		    bind 127.0.0.1:$port
		$(rules)
		    http-request allow if { method HEAD } { path /_ping }
		    http-request deny deny_status 403
		    use_backend events if { path_end /events }
		    default_backend engine
		backend engine
		    server engine ${DOCKER_HOST/unix:\/\//unix@}
		backend events
		    server engine ${DOCKER_HOST/unix:\/\//unix@}
		    timeout server 0
	END
	haproxy -f "$cfg" -db >>"$WORK/haproxy.log" 2>&1 &
	proxy=$!
	until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || ! kill -0 "$proxy"; do
		sleep 0.02
	done
}
stop_proxy() {
	kill "$proxy" 2>/dev/null
	wait "$proxy" 2>/dev/null
}
refused() { # the requests that it refused
	grep -oE ' 403 .*"[A-Z]+ [^"]*"' "$WORK/haproxy.log" | grep -oE '"[^"]*"' | sort -u
}

# --- only what the page lists ---------------------------------------------------------------------------------------
start_proxy
for launch in api cli; do
	: >"$WORK/haproxy.log"
	config "docker_host = tcp://127.0.0.1:$port" "launch = $launch" <<-END
		[defaults]
		image             = $FAKE_IMAGE
		stop_grace_period = 500ms
		[server:fake]
		[server:stubborn]
		command = --ignore-eof --ignore-term
	END
	start_mcpinit
	await is_state fake RUNNING
	await is_state stubborn RUNNING
	is "$launch: a call" "$(rpc fake "$(tool_call 1 echo '{"text":"here"}')" | text_of)" here
	docker kill "$(container fake)" >/dev/null
	await_log 'fake .*ready in' 2
	ctl restart fake >/dev/null
	is "$launch: restarted" "$(rpc fake "$(tool_call 3 echo '{"text":"again"}')" | text_of)" again
	ctl stop stubborn >/dev/null
	stop_mcpinit
	is "$launch: it ends well" "$STATUS" 0
	is "$launch: nothing was refused" "$(refused)" ""
	nothing_left
done

# --- idle, with probes: nothing is cut but what is asked again --------------------------------------------------------
config "docker_host = tcp://127.0.0.1:$port" "launch = api" <<END
[server:fake]
image                = $FAKE_IMAGE
healthcheck_interval = 2s
END
start_mcpinit
await is_state fake RUNNING
old=$(container fake)
sleep 20 # more than three limits: time itself is what is tested here
is "probes at a third of the limit: the server lives on" "$(container fake)" "$old"
is "probes at a third of the limit: and answers" "$(rpc fake "$(tool_call 4 echo '{"text":"here"}')" | text_of)" here
is "probes at a third of the limit: nobody need know" "$(grep -E ' (warn|error) |answers again' "$LOG")" ""
docker kill "$old" >/dev/null
await_log 'fake .*ready in' 2
is "a death is noticed, though wait and events were cut" "$(state fake)" RUNNING
stop_mcpinit
nothing_left

# --- idle, without probes -------------------------------------------------------------------------------------------
config "docker_host = tcp://127.0.0.1:$port" "launch = api" <<END
[server:fake]
image        = $FAKE_IMAGE
healthcheck  = none
startretries = 1
END
start_mcpinit
await_log 'fake .*ready in' 3
like "no probes: a cut is known as one, with the remedy" "$(grep ' warn .*fake ' "$LOG")" 'proxy.*timeout tunnel'
unlike "no probes: no attempt of the server's is counted" "$(cat "$LOG")" 'attempt [1-9]'
at_most "no probes: no storm (restarts)" "$(grep -c ' ready in ' "$LOG")" 4
is "no probes: it answers" "$(rpc fake "$(tool_call 5 echo '{"text":"here"}')" | text_of)" here
stop_mcpinit
stop_proxy

start_proxy 'timeout tunnel 1h'
start_mcpinit
await is_state fake RUNNING
old=$(container fake)
sleep 14 # two limits
is "the remedy helps" "$(container fake)" "$old"
stop_mcpinit
is "it ends well" "$STATUS" 0
