#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 480
# An engine over tcp, and over tcp with TLS and client certificates: a real server, its calls, big answers, its half
# close, its death; by DOCKER_HOST with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, by a docker context, by both launchers.
# Certificates that do not fit are said with what to do, and tried again: once they are mended it works by itself.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
. tests/integration/own_engine.sh
need_image fake filesystem
command -v openssl >/dev/null || skip_all "openssl is not installed"

# --- a CA, the engine's certificate, and clients' -------------------------------------------------------------------
certs=$(mktemp -d /tmp/mcpinit-certs.XXXXXX) # not in $WORK: it stands on the engine's command line
at_end() {
	own_engine_gone
	rm -r "$certs"
}
ca() { # ca NAME
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$certs/$1.key" -out "$certs/$1.pem" 2>/dev/null
}
cert() { # cert NAME CA DAYS EXTENSION
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$certs/$1.key" -out "$certs/$1.csr" 2>/dev/null
	openssl x509 -req -in "$certs/$1.csr" -CA "$certs/$2.pem" -CAkey "$certs/$2.key" -CAcreateserial -days "$3" \
		-extfile <(printf '%s\n' "$4") -out "$certs/$1.pem" 2>/dev/null
}
ca ours
ca other
cert engine ours 2 'subjectAltName=IP:127.0.0.1'
cert client ours 2 'extendedKeyUsage=clientAuth'
cert stranger other 2 'extendedKeyUsage=clientAuth'
cert expired ours 0 'extendedKeyUsage=clientAuth'
# client_dir NAME CA [CLIENT]: a directory as DOCKER_CERT_PATH wants it
client_dir() {
	mkdir -p "$WORK/$1"
	cp "$certs/$2.pem" "$WORK/$1/ca.pem"
	[ $# -lt 3 ] || { cp "$certs/$3.pem" "$WORK/$1/cert.pem" && cp "$certs/$3.key" "$WORK/$1/key.pem"; }
}
client_dir good ours client

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port=$(free_port)
own_engine "$FAKE_IMAGE" mcpinit-test/filesystem:local -- -H "tcp://127.0.0.1:$port" --tlsverify \
	--tlscacert "$certs/ours.pem" --tlscert "$certs/engine.pem" --tlskey "$certs/engine.key"
export HOME=$WORK/home
mkdir "$HOME"
# start_with [K=V...]: mcpinit, with this environment; only our own docker knows the engine's unix socket
start_with() {
	local -x DOCKER_HOST=
	local variable
	for variable; do
		local -x "${variable?}"
	done
	start_mcpinit
}

write_config() { # write_config LINE...
	mkdir -p "$WORK/workspace"
	echo "from the host" >"$WORK/workspace/file"
	config "workspace = $WORK/workspace" "$@" <<-END
		[defaults]
		network_mode = none
		backoff      = 200ms

		[server:fake]
		image = $FAKE_IMAGE

		[server:filesystem]
		image   = mcpinit-test/filesystem:local
		command = /workspace
		volumes = workspace:/workspace
	END
}

size=$((8 << 20))
# big_rpc SERVER LINE: the number of answers with so long a text; bash's own read is a system call a byte
big_rpc() {
	printf '%s\n' "$2" >"$RUN/default/$1/in"
	timeout "$TIMEOUT" head -n 1 "$RUN/default/$1/out" | jq -r '.result.content[0].text | select(length == '$size') | 1'
}

# Everything that a server does, over the connection at hand.
works() { # works NAME VIA ENDPOINT
	local id begin
	await is_state fake RUNNING
	await is_state filesystem RUNNING
	like "$1: ready, via $2, its tools counted" "$(grep 'fake .*ready in' "$LOG")" "via $2, [1-9][0-9]* tools"
	like "$1: the endpoint stands in the log" "$(grep ' engine ' "$LOG")" "at $3 "
	like "$1: a real server lists its tools" "$(rpc filesystem "$(request 1 tools/list)" | jq -r '.result.tools[].name')" read_text_file
	is "$1: and reads a file" "$(rpc filesystem "$(tool_call 2 read_text_file '{"path":"/workspace/file"}')" | text_of)" "from the host"
	is "$1: an answer of 8 MiB is whole" "$(big_rpc fake "$(tool_call 3 big "{\"bytes\":$size}")")" 1
	is "$1: a call of 8 MiB, too" "$(big_rpc fake "$(tool_call 4 echo "{\"text\":\"$(head -c $size /dev/zero | tr '\0' x)\"}")")" 1
	is "$1: and a small one behind it" "$(rpc fake "$(tool_call 5 echo '{"text":"here"}')" | text_of)" here
	id=$(container fake)
	docker kill "$id" >/dev/null
	await_log 'fake .*ready in' 2
	is "$1: killed, it comes back" "$(rpc fake "$(tool_call 6 echo '{"text":"again"}')" | text_of)" again
	begin=$(now_ms)
	ctl stop fake >/dev/null
	at_most "$1: it ends by its half close, within its grace (ms)" $(($(now_ms) - begin)) 1900
	unlike "$1: without a kill" "$(cat "$LOG")" 'fake .*killed'
	stop_mcpinit
	is "$1: it ends well" "$STATUS" 0
	nothing_left
}

# --- the ways to it -------------------------------------------------------------------------------------------------
write_config 'launch = api'
start_with DOCKER_HOST="tcp://127.0.0.1:$port" DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$WORK/good"
works "TLS by environment" api "tcp://127.0.0.1:$port"

write_config 'launch = cli'
start_with DOCKER_HOST="tcp://127.0.0.1:$port" DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$WORK/good"
works "TLS by the docker command" cli "tcp://127.0.0.1:$port"

docker context create own --docker "host=tcp://127.0.0.1:$port,ca=$WORK/good/ca.pem,cert=$WORK/good/cert.pem,key=$WORK/good/key.pem" \
	>/dev/null 2>&1
write_config 'launch = api'
start_with DOCKER_CONTEXT=own
works "TLS by a docker context" api "tcp://127.0.0.1:$port"

# --- certificates that do not fit -----------------------------------------------------------------------------------
# fails NAME HOST DIR REGEX: said once, with what to do; the servers wait, none is FATAL
fails() {
	start_with DOCKER_HOST="tcp://$2:$port" ${3:+DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$WORK/$3"}
	await_log 'trying again until it answers'
	like "$1: a sentence that says what to do" "$(grep ' warn ' "$LOG")" "$4"
	await_retry
	is "$1: said once" "$(grep -c 'trying again until it answers' "$LOG")" 1
	like "$1: the servers wait" "$(ctl status)" 'fake +(STARTING|BACKOFF) '
	[ -n "${5:-}" ] && return # mended next
	stop_mcpinit
	is "$1: it ends as ever" "$STATUS" 0
}
await_retry() {
	sleep 2.5 # two tries: time itself is what is tested here
}
write_config 'launch = api'
client_dir wrong-ca other client
fails "a CA that is not the engine's" 127.0.0.1 wrong-ca "ca.pem.*$WORK/wrong-ca" mended
cp "$certs/ours.pem" "$WORK/wrong-ca/ca.pem"
await is_state fake RUNNING
is "mended, it works by itself" "$(state fake)" RUNNING
stop_mcpinit

client_dir no-client ours
fails "no client certificate" 127.0.0.1 no-client "cert.pem and key.pem.*$WORK/no-client"
client_dir stranger ours stranger
fails "a stranger's client certificate" 127.0.0.1 stranger "client certificate.*$WORK/stranger"
client_dir expired ours expired
fails "an expired client certificate" 127.0.0.1 expired "client certificate.*$WORK/expired" mended
cp "$certs/client.pem" "$WORK/expired/cert.pem"
cp "$certs/client.key" "$WORK/expired/key.pem"
await is_state fake RUNNING
is "renewed, it works by itself" "$(state fake)" RUNNING
stop_mcpinit
fails "a name that is not in its certificate" localhost good 'localhost.*subjectAltName'
fails "no TLS where the engine wants it" 127.0.0.1 "" 'DOCKER_TLS_VERIFY=1'
mkdir "$WORK/empty"
fails "a directory without certificates" 127.0.0.1 empty "$WORK/empty"

# --- without TLS ----------------------------------------------------------------------------------------------------
own_engine_down
for i in "${!own_engine_command[@]}"; do
	[[ ${own_engine_command[i]} != --tls* ]] || break
done
own_engine_command=("${own_engine_command[@]:0:i}") # TLS is last
own_engine_back
write_config "docker_host = tcp://127.0.0.1:$port" 'launch = api'
start_with
works "plain tcp" api "tcp://127.0.0.1:$port"
write_config 'launch = api'
fails "TLS where the engine has none" 127.0.0.1 good 'DOCKER_TLS_VERIFY'
