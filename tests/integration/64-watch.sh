#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A changed file restarts the server behind its open pipes: a child process and a container.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_fake
has_engine=yes
if ! engine_answers || ! has_image mcpinit-test/fake:local; then
	has_engine=no
	skip "a container server" "no Docker engine (${ENGINE:-none answers}), or no image"
fi

mkdir -p "$WORK/src/lib" "$WORK/cfg/..1" "$WORK/cfg/..2"
echo 1 >"$WORK/src/lib/a.py"
echo 1 >"$WORK/cfg/..1/app.yaml"
echo 2 >"$WORK/cfg/..2/app.yaml"
ln -s ..1 "$WORK/cfg/..data"
ln -s ..data/app.yaml "$WORK/cfg/app.yaml"
{
	cat <<-END
		[server:fake]
		launch  = process
		command = $FAKE
		watch   = $WORK/src, $WORK/late/here.conf

		[server:hand]
		launch  = process
		command = $FAKE --hand
		watch   = $WORK/src

		[server:lazy]
		launch    = process
		command   = $FAKE --lazy
		watch     = $WORK/src
		autostart = lazy

		[server:broken]
		launch  = process
		command = $WORK/program
		watch   = $WORK/program
	END
	[ $has_engine = no ] || cat <<-END

		[server:box]
		image        = $FAKE_IMAGE
		network_mode = none
		watch        = $WORK/cfg/app.yaml
	END
} | config
start_mcpinit
await is_state fake RUNNING
await is_state hand RUNNING
await is_state broken FATAL
[ $has_engine = no ] || await is_state box RUNNING
ctl stop hand >/dev/null
like "what is not there yet is said" "$(grep ' fake ' "$LOG")" "watch: $WORK/late/here.conf is not there yet; it is watched for from $WORK"

generation() {
	ctl --json status "$1" | jq '.servers[0].generation'
}
again() { # again SERVER GENERATION
	[ "$(generation "$1")" -ge "$2" ] && is_state "$1" RUNNING
}

# --- a process -------------------------------------------------------------------------------------------
exec {in}>"$RUN/default/fake/in" {out}<"$RUN/default/fake/out"
next_answer() { # the next line that is no notification
	while read -r -t "$TIMEOUT" answer <&"$out"; do
		[[ $answer != *'"id":'* ]] || return 0
	done
}
printf '%s\n' "$(tool_call 1 sleep '{"ms":60000}')" >&"$in"
await eval 'ctl --json status fake | jq -e ".servers[0].in_flight == 1"'
for i in {1..20}; do # an editor saves all: many files, one of them renamed over
	echo "$i" >"$WORK/src/lib/new$i.py"
done
echo 2 >"$WORK/src/lib/.a.py.swp"
mv "$WORK/src/lib/new20.py" "$WORK/src/lib/a.py"
next_answer
is "a call in flight is answered honestly" "$(jq -c '[.id, .error.code, .error.data.reason]' <<<"$answer")" \
	"[1,-32603,\"$WORK/src/lib/new1.py changed\"]"
await again fake 2
like "the log says which file it was" "$(grep ' fake ' "$LOG")" "info +fake +restarting: $WORK/src/lib/new1.py changed"
printf '%s\n' "$(tool_call 2 count)" >&"$in"
next_answer
is "the same open pipes are answered by the new process" "$(text_of <<<"$answer")" 1
exec {in}>&- {out}<&-
is "a burst is one restart" "$(grep -c ' fake  restarting: ' "$LOG")" 1
mkdir -p "$WORK/src/node_modules/x" "$WORK/late"
echo 1 >"$WORK/src/node_modules/x/y"
mkdir -p "$WORK/src/deep/er"
echo 1 >"$WORK/src/deep/er/f"
await again fake 3
like "a new directory counts" "$(grep -c "fake  restarting: $WORK/src/deep changed" "$LOG")" 1
echo 1 >"$WORK/src/deep/er/f"
await again fake 4
like "and is watched" "$(grep -c "fake  restarting: $WORK/src/deep/er/f changed" "$LOG")" 1
echo 1 >"$WORK/late/here.conf"
await again fake 5
ok "so does a file that was not there"
is "who was stopped by hand stays so" "$(state hand)" STOPPED
is "who sleeps stays so" "$(state lazy)" STOPPED
is "and still wakes" "$(rpc lazy "$(tool_call 1 count)" | text_of)" 1

cp "$FAKE" "$WORK/program.new"
mv "$WORK/program.new" "$WORK/program"
await is_state broken RUNNING
ok "one that was FATAL is tried again when its file is mended"

# --- a container --------------------------------------------------------------------------------------------
if [ $has_engine = yes ]; then
	id=$(container box)
	ln -s ..2 "$WORK/cfg/..tmp"
	mv -T "$WORK/cfg/..tmp" "$WORK/cfg/..data"
	await again box 2
	like "a ConfigMap that is swapped counts" "$(grep ' box ' "$LOG")" "restarting: $WORK/cfg/app.yaml changed"
	is "there is another container" "$([ "$(container box)" != "$id" ] && container box | wc -l)" 1
	is "that answers" "$(rpc box "$(tool_call 1 count)" | text_of)" 1
fi
