#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # from registry.sh
# Registries that want a login: whose word counts, what helpers may do to us, and that no secret is ever in the log.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/registry.sh"

login() { # login PORT USER:PASSWORD: an entry of auths
	printf '"auths":{"127.0.0.1:%s":{"auth":"%s"}}' "$1" "$(base64_of "$2")"
}
docker_config() {
	printf '{%s}\n' "$1" >"$DOCKER/config.json"
}
helper() { # helper NAME, its sh on stdin; $key is the registry, each call is counted
	{
		# shellcheck disable=SC2016 # expanded by the helper
		printf '#!/bin/sh\nread -r key\necho "%s $1 $key" >>"%s/calls"\n' "$1" "$WORK"
		cat
	} >"$WORK/bin/docker-credential-$1"
	chmod +x "$WORK/bin/docker-credential-$1"
}
calls() {
	grep -c "^$1 get 127.0.0.1:$private\$" "$WORK/calls"
}
works() { # works NAME SERVER: it is pulled, which is quicker than a start
	try "$2" pull
	like "$1" "$OUT" "^$2: pulled 127.0.0.1:[0-9]+/.*fake:1 in "
}
denied() {
	try "$2"
	like "$1" "$OUT" "^$2: ERROR \(FATAL: cannot pull 127.0.0.1:[0-9]+/[a-z/]*fake:1: access denied.*docker login 127.0.0.1:"
}

config "launch = api" "log_level = debug" <<END
[defaults]
autostart = false
startretries = 1
[server:private]
image = 127.0.0.1:$private/fake:1
[server:public]
image = 127.0.0.1:$odd/open/fake:1
[server:either]
image = 127.0.0.1:$private/fake:1
launch = auto
END
helper good <<<"echo '{\"ServerURL\":\"'\$key'\",\"Username\":\"tester\",\"Secret\":\"$PASSWORD\"}'"
helper wrong <<<"echo '{\"ServerURL\":\"'\$key'\",\"Username\":\"tester\",\"Secret\":\"battery staple\"}'"
helper none <<<"echo credentials not found in native keychain; exit 1"
helper broken <<<"echo the vault is locked; echo s3cr3t-on-stderr >&2; exit 1"
helper leaky <<<"echo '{\"Username\":\"tester\",\"Secret\":\"leaky-secret\"}'; exit 1"
helper garbage <<<"echo '<html>s3cr3t-in-garbage'"
helper endless <<<"exec yes"
helper hung <<<"exec tail -f '$WORK/calls'"
helper second <<-END
	if [ "\$(grep -c ^second '$WORK/calls')" = 1 ]; then echo credentials not found in native keychain; exit 1; fi
	echo "\$key" | docker-credential-good get
END
start_with_config

# --- auths ---------------------------------------------------------------------------------------
right=$(login $private "tester:$PASSWORD")
wrong=$(login $private "tester:battery staple")
works "without config.json: denied, but not for a public image" public
denied "… a private one is FATAL at once, and the sentence says what to do" private
docker_config "$right"
try private
is "the login of auths is used" "$OUT" "private: started"
docker_config "$wrong"
denied "a wrong password is FATAL at once" private
like "… and it was tried with and without it" "$OUT" "with the stored login and without"
unlike "… and not again" "$(grep ' private ' "$LOG")" "trying again"
docker_config "$(login $odd tester:stale)"
works "a stale login does not keep a public image away" public
docker_config '"auths":'
denied "a config.json that cannot be read is named" private
like "… in the sentence" "$OUT" "config.json is not a JSON object"

# --- helpers -------------------------------------------------------------------------------------
docker_config "\"credsStore\":\"good\",$wrong"
works "credsStore wins over auths" private
is "… its program was asked once, for this registry" "$(calls good)" 1
docker_config "\"credHelpers\":{\"127.0.0.1:$private\":\"good\"},\"credsStore\":\"wrong\",$wrong"
works "credHelpers win over credsStore and auths" private
is "… whose program is not run" "$(calls wrong)" 0
docker_config "\"credHelpers\":{\"127.0.0.1:$private\":\"wrong\"},\"credsStore\":\"good\",$right"
denied "… also when it is theirs that is wrong" private
docker_config "\"credsStore\":\"none\",$right"
denied "a helper that knows no such login means none, as with the docker client" private
for name in broken garbage leaky endless absent; do
	docker_config "\"credsStore\":\"$name\",$right"
	works "a helper that is $name leaves auths standing" private
	like "… and the log says so" "$(cat "$LOG")" "private +pulling .* with the login in auths: .*docker-credential-${name}[ :]"
done
like "its own reason is told" "$(cat "$LOG")" "docker-credential-broken failed with status 1: the vault is locked"
docker_config '"credsStore":"broken"'
denied "without auths: denied" private
like "… and the sentence knows of the helper" "$OUT" "docker-credential-broken failed with status 1: the vault is locked"
docker_config "\"credsStore\":\"hung\",$right"
from=$(now_ms)
works "a helper that hangs is killed, and auths stand" private
took=$(($(now_ms) - from))
is "… after 5 s" "$((took >= 5000 && took < 15000)) $(pgrep -fc "tail -f $WORK/calls")" "1 0"
docker_config '"credsStore":"second"'
try either
is "what the api's login could not get, the docker command's can" "$OUT" "either: started"
like "… which pulled it" "$(cat "$LOG")" "either +pulled .*fake:1 by the docker command in"

# --- secrets ---------------------------------------------------------------------------------------
stop_mcpinit
found=$(grep -nE "X-Registry-Auth|correct horse|battery staple|leaky-secret|s3cr3t|$(base64_of "tester:$PASSWORD")|eyJ" "$LOG")
is "no login is in the log, at debug" "$found" ""
