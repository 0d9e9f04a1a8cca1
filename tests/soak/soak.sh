#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make soak`: ten servers by all launchers, twenty agents at random work, kills of every kind and restarts of the engine,
# for SOAK_MINUTES (30). Every request is accounted for, memory and descriptors stay flat, nothing is left.
#   SEED=N         the same dice again (not the same minute: processes take their own time)
#   SOAK_REPORT    where the table goes; docs/soak.md when it was 30 minutes or more and nothing failed
# An engine of its own is used, so that it may be restarted. What failed is said with agent, server and request; the
# directory with all logs is kept then, and named.
# shellcheck disable=SC2034
. "$(dirname "$0")/../integration/lib.sh"
. tests/engine.sh
. tests/integration/own_engine.sh
KEEP_WORK=1
minutes=${SOAK_MINUTES:-30}
base=()

at_end() {
	own_engine_gone
	((${#base[@]})) || return
	# And the engine that the images came from.
	STATE=${base[0]} engine_dir=${base[1]} engine_nr=${base[2]} engine_lock_fd=${base[3]} KEEP_ENGINE=${base[4]}
	engine_down
}

keep_engine=${KEEP_ENGINE:-}
engine_up || skip_all "$ENGINE"
base=("$STATE" "$engine_dir" "$engine_nr" "$engine_lock_fd" "$keep_engine")
images=(fake everything filesystem memory)
bash tests/images.sh "${images[@]}" || skip_all "the images could not be made"
need_fake
own_engine "${images[@]/#/mcpinit-test/}"
mkdir "$WORK/bin"
cp "$BIN"/mcpinit "$BIN"/mcpctl "$WORK/bin" # a build meanwhile is no matter
BIN=$WORK/bin
say "soak: $minutes minutes, logs in $WORK"

TIMEOUT=120
for n in 1 2; do
	ln -s "$FAKE" "$WORK/process-$n" # so that each is known by its command line
done
{
	cat <<-END
		[defaults]
		network_mode = none
		healthcheck_interval = 3s
		healthcheck_timeout = 5s
		healthcheck_retries = 2
		busy_timeout = 15s
		linger = 5s
		backoff = 200ms
		backoff_max = 2s
	END
	for launch in api cli; do
		cat <<-END
			[server:fake-$launch]
			image = mcpinit-test/fake:local
			launch = $launch
			[server:everything-$launch]
			image = mcpinit-test/everything:local
			launch = $launch
			[server:filesystem-$launch]
			image = mcpinit-test/filesystem:local
			command = /app
			launch = $launch
			[server:memory-$launch]
			image = mcpinit-test/memory:local
			environment = MEMORY_FILE_PATH=/tmp/graph.json
			tmpfs = /tmp
			launch = $launch
		END
	done
	for n in 1 2; do
		printf '[server:process-%s]\nlaunch = process\ncommand = %s/process-%s\n' "$n" "$WORK" "$n"
	done
	printf '[agent:%s]\n' {pipes,socket}-{0..9}
} | config 'launch = api' 'shutdown_timeout = 30s'
start_mcpinit
python3 -B tests/soak/soak.py --bin "$BIN" --work "$WORK" --pid "$MCPINIT_PID" --instance "$INSTANCE" --minutes "$minutes" \
	--engine "$engine_dir" --seed "${SEED:-0}" --report "$WORK/soak.md" || n_failed=$((n_failed + 1))
stop_mcpinit
is "it ends well" "$STATUS" 0
nothing_left
STATUS=
is "no error is in its log" "$(grep -cE '^[^ ]+ error ' "$LOG")" 0

report=${SOAK_REPORT:-}
if [ -z "$report" ] && ((minutes >= 30 && n_failed == 0)); then
	report=docs/soak.md
fi
if [ -s "$WORK/soak.md" ]; then
	cat "$WORK/soak.md"
	[ -z "$report" ] || cp "$WORK/soak.md" "$report"
fi
((n_failed == 0)) || say "soak: FAILED; $WORK has mcpinit's log (log), what was done when (events), and each failed session"
