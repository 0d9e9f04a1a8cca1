#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # from registry.sh
# What a registry says no to, early or late, and what is tried again; pull_policy; mcpctl pull, and how a pull is told.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/registry.sh"

# A layer that the engine has of no other image.
mkdir "$WORK/layer" && head -c 8M /dev/urandom >"$WORK/layer/ballast"
for name in slow nolayer; do
	tar -C "$WORK/layer" -c . | docker import -c 'CMD ["/ballast"]' - "127.0.0.1:$open/$name/fake:1" >/dev/null
	docker push -q "127.0.0.1:$open/$name/fake:1" >/dev/null
done

config "launch = api" "log_level = debug" <<END
[defaults]
autostart = false
startretries = 1
[server:always]
image = 127.0.0.1:$open/fake:1
pull_policy = always
[server:never]
image = 127.0.0.1:$open/open/fake:1
pull_policy = never
[server:limited]
image = 127.0.0.1:$odd/limited/fake:1
[server:nolayer]
image = 127.0.0.1:$odd/nolayer/fake:1
[server:slow]
image = 127.0.0.1:$odd/slow/fake:1
[server:twin]
image = 127.0.0.1:$odd/slow/fake:1
[server:nobody]
image = 127.0.0.1:$nobody/fake:1
[server:process]
launch = process
command = cat
END
start_with_config

# --- errors, early and late ------------------------------------------------------------------------
try nolayer
like "denied in mid-stream, after a 200, is classified as well" "$OUT" "nolayer: ERROR \(FATAL: cannot pull .*access denied"
try limited
is "a registry that limits pulls is asked again" "$OUT" "limited: started"
like "… a moment later" "$(cat "$LOG")" "limited +pulling .*toomanyrequests.*trying again in 2 s"
ctl start nobody --no-wait >/dev/null
await_log "nobody +pulling .*trying again in 4 s"
like "a registry that is down is told as the network, and tried again ever later" "$(ctl status nobody)" \
	"STARTING +pulling 127.0.0.1:$nobody/fake:1: .*connection refused; trying again in 4 s"
ctl stop nobody >/dev/null

# --- pull_policy -------------------------------------------------------------------------------------
asked() {
	grep -c '"GET \|"HEAD ' "$WORK/$open.log"
}
before=$(asked)
try never
like "never: FATAL, and the key is named" "$OUT" "never: ERROR \(FATAL: image .* pull_policy = missing"
is "… without a word to the registry" "$(asked)" "$before"
try always
is "always: pulled" "$OUT" "always: started"
before=$(asked)
ctl start always >/dev/null
is "… and asked for again at the next start" "$(($(asked) > before))" 1
await_log "always +127.0.0.1:$open/fake:1 is up to date: its registry said so in"

# --- mcpctl pull -----------------------------------------------------------------------------------
id=$(container always)
like "mcpctl pull of a running server" "$(ctl pull always)" "^always: 127.0.0.1:$open/fake:1 is up to date"
is "… which goes on running" "$(container always)" "$id"
ctl stop always >/dev/null
like "pull_policy never is refused by name" "$(ctl pull never)" "^never: ERROR \(not pulled: its pull_policy is never"
ctl pull never >/dev/null
is "… with status 1" $? 1
is "an unknown name is an error" "$(ctl pull nope 2>&1)" "mcpctl: there is no server 'nope'"
like "--no-wait answers at once" "$(ctl pull --no-wait always never)" $'^always: asked for\nnever: ERROR'
ctl start slow --no-wait >/dev/null
await_log "slow +pulling 127.0.0.1:$odd/slow/fake:1: 0 of 1 layers, [0-9.]+ of 8\.[0-9] MB"
like "status shows how far a start's pull is" "$(ctl status slow)" \
	"STARTING +pulling 127.0.0.1:$odd/slow/fake:1: 0 of 1 layers, [0-9.]+ of 8\.[0-9] MB"
timeout "$TIMEOUT" script -qec "'$BIN/mcpctl' pull slow twin" /dev/null >"$WORK/tty" </dev/null
like "two pulls of one image are one to the engine" "$(cat "$WORK/tty")" "slow: pulled 127.0.0.1:$odd/slow/fake:1 in [0-9.]+ s: 8\..*twin: pulled 127.0.0.1:$odd/slow/fake:1 in [0-9.]+ s: 8\."
like "on a terminal progress is shown" "$(cat "$WORK/tty")" "(slow|twin): pulling 127.0.0.1:$odd/slow/fake:1: 0 of 1 layers"
blobs=$(grep "GET /v2/slow/fake/blobs/" "$WORK/odd.log" | sort | uniq -c | awk '{print $1}' | sort -n | xargs)
is "its layer came once, unlike its configuration" "$blobs" "1 3"
like "the log's last word has time and size" "$(cat "$LOG")" \
	"slow +pulled 127.0.0.1:$odd/slow/fake:1 in [0-9.]+ s: 8\.[0-9] MB, 8\.[0-9] MB on disk"
at_most "progress is told at a human rate" "$(grep -c ' slow .*0 of 1 layers' "$LOG")" 10
ctl stop slow >/dev/null
out=$(ctl --json pull always process never slow 2>"$WORK/err")
is "--json is one document" "$(jq -c '.servers | map([.name, .is_done])' <<<"$out")" \
	'[["always",true],["process",true],["never",false],["slow",true]]'
is "… and nothing else" "$(cat "$WORK/err")" ""
stop_mcpinit
