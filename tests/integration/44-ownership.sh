#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whose a container is: whatever is killed, mcpinit, dockerd or both, after the next boot there are exactly the wanted
# ones; two instances on one engine do not touch each other; a recreated orchestrator leaves nothing of its former self;
# a stop ends with the container gone, whoever launched it and however full its output is.
# timeout: 600
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
((EUID == 0)) || skip_all "an engine of its own needs root"
if ! command -v dockerd >/dev/null || ! command -v containerd >/dev/null; then
	skip_all "no dockerd to start one of its own"
fi

images=("$FAKE_IMAGE")
if has_image mcpinit-test/mcpinit:local; then
	images+=(mcpinit-test/mcpinit:local)
fi
docker save "${images[@]}" -o "$WORK/image.tar"
# A state directory whose number names no bridge yet: another engine's is not ours to remove.
for number in {0..99}; do
	export MCPINIT_TEST_STATE=/var/tmp/mcpinit-test-own-$$-$number
	. tests/common.sh
	. tests/engine.sh
	[ -e "/sys/class/net/mcpt$engine_nr" ] || break
done
unset KEEP_ENGINE DOCKER_HOST
other_pid=
at_end() {
	[ -n "$engine_lock_fd" ] || return
	[ -z "$other_pid" ] || kill -KILL "$other_pid" 2>/dev/null
	is_running && stop_mcpinit
	engine_down
	rm -rf "$STATE"
}
mkdir -p "$engine_dir"
engine_private_up || skip_all "$ENGINE"
docker load -q -i "$WORK/image.tar" >/dev/null
rm "$WORK/image.tar"
mapfile -d '' dockerd_command <"/proc/$(engine_pids dockerd)/cmdline"

kill_dockerd() {
	local pid
	pid=$(engine_pids dockerd)
	kill -KILL "$pid"
	timeout "$TIMEOUT" tail -s 0.02 --pid="$pid" -f /dev/null
	rm -f "$engine_dir/docker.pid"
}
start_dockerd() {
	setsid "${dockerd_command[@]}" >>"$engine_dir/dockerd.log" 2>&1 </dev/null {engine_lock_fd}>&- &
	disown
}
kill_mcpinit() {
	kill -KILL "$MCPINIT_PID"
	wait_mcpinit 2>/dev/null
}
# every INSTANCE: its containers, whatever their state, as SERVER STATE, sorted
every() {
	docker ps -a --no-trunc --filter "label=io.mcpinit.instance=$1" --format '{{.Label "io.mcpinit.server"}} {{.State}}' |
		sort | paste -sd ,
}
has_every() { # has_every INSTANCE LIST
	[ "$(every "$1")" = "$2" ]
}
gone() { # gone ID
	! docker inspect "$1" >/dev/null 2>&1
}
since() {
	echo $(($(now_ms) - $1))
}
servers() {
	cat <<-END
		[defaults]
		image             = $FAKE_IMAGE
		network_mode      = none
		stop_grace_period = 500ms
		[server:api]
		launch  = api
		[server:cli]
		launch  = cli
		[server:stubborn-api]
		launch  = api
		command = --ignore-term --ignore-eof
		[server:stubborn-cli]
		launch  = cli
		command = --ignore-term --ignore-eof
	END
}
wanted="api running,cli running,stubborn-api running,stubborn-cli running"

# --- what is not ours, nor anybody's: there from the first to the last line ----------------------------

docker run -d --name bystander "$FAKE_IMAGE" --ignore-eof >/dev/null
docker run -d --name "mcpinit-$INSTANCE-api-1-not" --label other=yes "$FAKE_IMAGE" --ignore-eof >/dev/null
docker create --name foreign --label io.mcpinit.instance=other --label io.mcpinit.boot=x "$FAKE_IMAGE" >/dev/null
docker create --name foreign-owned --label "io.mcpinit.instance=$INSTANCE-2" --label io.mcpinit.boot=x \
	--label "io.mcpinit.owner=$(docker inspect -f '{{.Id}}' bystander)" "$FAKE_IMAGE" >/dev/null
others() {
	docker ps -a --no-trunc --format '{{.ID}} {{.Names}}' | grep -E ' (bystander|foreign|foreign-owned|mcpinit-.*-not)$' | sort
}
before=$(others)
is "four that are not ours" "$(wc -l <<<"$before")" 4

# --- two instances, side by side ---------------------------------------------------------------------

config <<<"$(servers)"
start_mcpinit
await ctl wait
is "names, labels" "$(every "$INSTANCE")" "$wanted"
sed "s,^instance = .*,instance = $INSTANCE-b,; s,$RUN,$WORK/mcp-b,; s,$CTL,$WORK/control-b," "$CONF" >"$WORK/b.ini"
"$BIN/mcpinit" -c "$WORK/b.ini" </dev/null 2>"$WORK/log-b" &
other_pid=$!
await ctl -s "$WORK/control-b/control.sock" wait
mine=$(docker ps -q --no-trunc --filter "label=io.mcpinit.instance=$INSTANCE" | sort)
kill -KILL $other_pid
wait $other_pid 2>/dev/null
"$BIN/mcpinit" -c "$WORK/b.ini" </dev/null 2>"$WORK/log-b" &
other_pid=$!
await ctl -s "$WORK/control-b/control.sock" wait
await has_every "$INSTANCE-b" "$wanted"
is "two instances: the killed and rebooted one has exactly its own" "$(every "$INSTANCE-b")" "$wanted"
is "two instances: the other's containers are the same as before" \
	"$(docker ps -q --no-trunc --filter "label=io.mcpinit.instance=$INSTANCE" | sort)" "$mine"
kill $other_pid
wait $other_pid
is "two instances: its end is clean" "$?" 0
other_pid=
is "two instances: and takes only its own along" "$(every "$INSTANCE-b"), $(every "$INSTANCE")" ", $wanted"

# --- stop, by whomever it was launched -----------------------------------------------------------------

id=$(container stubborn-cli)
kill -KILL "$(pgrep -f "run -i .*--name mcpinit-$INSTANCE-stubborn-cli-")"
await gone "$id"
succeeds "the docker command is killed by hand: its container, deaf to all, goes, too" gone "$id"
await is_state stubborn-cli RUNNING
is "and there is one again" "$(container stubborn-cli | wc -l)" 1
for name in stubborn-cli stubborn-api; do
	id=$(container $name)
	start=$(now_ms)
	ctl stop $name >/dev/null
	await gone "$id"
	at_most "stop $name: gone (ms)" "$(since "$start")" 5000
	ctl start $name >/dev/null
done

# Nobody reads what floods; then not even mcpinit does, until the engine holds all it can.
dir=$RUN/default
for name in api cli; do
	id=$(container $name)
	exec {in}>"$dir/$name/in"
	tool_call 1 big '{"bytes":60000000}' >&"$in"
	echo >&"$in"
	await_cpu() { # it has begun to write and waits for a reader
		[ "$(docker top "$id" -o pid,stat 2>/dev/null | awk '/S/ {n++} END {print n + 0}')" -gt 0 ]
	}
	kill -STOP "$MCPINIT_PID"
	await_cpu
	sleep 1 # for the engine's buffers to be full there is no event
	start=$(now_ms)
	kill -CONT "$MCPINIT_PID"
	ctl stop $name >/dev/null
	is "$name floods, nobody reads: stop ends" "$(state $name)" STOPPED
	await gone "$id"
	at_most "$name floods, nobody reads: gone (ms)" "$(since "$start")" 6000
	exec {in}>&-
	ctl start $name >/dev/null
	is "$name: runs again" "$(state $name)" RUNNING
done

# Made by the engine when nobody wants it any more, as by a docker command that was killed: it goes at once.
late=$(docker create --name "mcpinit-$INSTANCE-cli-999" --label "io.mcpinit.instance=$INSTANCE" "$FAKE_IMAGE")
await gone "$late"
succeeds "a container that comes too late for its launch goes" gone "$late"
kill_mcpinit

# --- killed at any moment ------------------------------------------------------------------------------

RANDOM=${SEED:=$$}
echo "# SEED=$SEED"
bad=0
for ((round = 1; round <= ${ROUNDS:-4}; round++)); do
	start_mcpinit
	pause=$((RANDOM % 1500))
	sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
	whom=$((RANDOM % 4))
	case $whom in
	0 | 1) kill_mcpinit ;;
	2) kill_dockerd ;;
	3) kill_mcpinit && kill_dockerd ;;
	esac
	if ((whom > 1)); then
		start_dockerd
		await engine_answers
	fi
	# A dockerd alone that was killed: this life of mcpinit goes on, and is as good as a boot.
	((whom == 2)) || start_mcpinit
	await ctl wait
	if ! await has_every "$INSTANCE" "$wanted"; then
		bad=$((bad + 1))
		not_ok "round $round, killed: $whom, after $pause ms" "$(every "$INSTANCE")"$'\n'"$(tail -n 5 "$LOG")"
	fi
	if ((round % 2)); then
		kill_mcpinit
	else
		stop_mcpinit
		is "round $round: nothing is left after an end in order" "$(every "$INSTANCE")" ""
	fi
done
is "mcpinit, dockerd or both killed: exactly the wanted containers, each round" "$bad" 0
start_mcpinit
await ctl wait
stop_mcpinit
is "nothing is left in the end" "$(every "$INSTANCE")" ""
is "what is not ours is as it was" "$(others)" "$before"
docker rm -f bystander foreign foreign-owned "mcpinit-$INSTANCE-api-1-not" >/dev/null

# --- a recreated orchestrator --------------------------------------------------------------------------

if ! has_image mcpinit-test/mcpinit:local; then
	skip "a recreated orchestrator" "no image mcpinit-test/mcpinit:local; 95-image builds it"
	exit 0
fi
mkdir "$WORK/etc"
{
	printf '[mcpinit]\n'
	servers
} >"$WORK/etc/mcpinit.ini"
orchestrator() { # the instance is named after the container's ID
	docker run -d --name orchestrator --network none -v "$engine_sock:/var/run/docker.sock" \
		-v "$WORK/etc:/etc/mcpinit:ro" mcpinit-test/mcpinit:local
}
own=$(orchestrator)
await docker exec orchestrator mcpctl wait --timeout 20s
is "it has its servers" "$(every "${own:0:12}")" "$wanted"
docker rm -f orchestrator >/dev/null
new=$(orchestrator)
await docker exec orchestrator mcpctl wait --timeout 20s
await has_every "${own:0:12}" ""
is "recreated: nothing is left of its former self, whose instance had another name" "$(every "${own:0:12}")" ""
is "recreated: exactly the wanted ones" "$(every "${new:0:12}")" "$wanted"
docker stop orchestrator >/dev/null
is "recreated: nothing after its end" "$(docker ps -aq --filter label=io.mcpinit.instance)" ""
docker rm orchestrator >/dev/null

# The same by Compose, which names the instance; with -t 0 the former self is killed and cannot tidy up.
if docker compose version >/dev/null 2>&1; then
	compose=(docker compose)
elif command -v docker-compose >/dev/null; then
	compose=(docker-compose)
else
	skip "compose up --force-recreate" "neither docker compose nor docker-compose is installed"
	exit 0
fi
project=own$$
cat >"$WORK/compose.yml" <<END
version: "3.9"
services:
  orchestrator:
    image: mcpinit-test/mcpinit:local
    network_mode: none
    volumes: ["$engine_sock:/var/run/docker.sock", "$WORK/etc:/etc/mcpinit:ro"]
END
up() { # up OPTION...: and wait until it is ready; its ID is in own
	timeout 60 "${compose[@]}" -p "$project" -f "$WORK/compose.yml" up -d "$@" >"$WORK/compose.log" 2>&1
	own=$(docker ps -q --no-trunc --filter "label=com.docker.compose.project=$project")
	await docker exec "$own" mcpctl wait --timeout 20s
}
up
for patience in 10 0; do
	old=$own
	before=$(docker ps -aq --no-trunc --filter label=io.mcpinit.instance | sort)
	up --force-recreate -t $patience
	await has_every "$project-orchestrator-1" "$wanted"
	unlike "compose up --force-recreate -t $patience: another container" "$own" "^$old$"
	is "compose up --force-recreate -t $patience: exactly the wanted servers" "$(every "$project-orchestrator-1")" "$wanted"
	is "compose up --force-recreate -t $patience: none of the former ones" \
		"$(comm -12 <(docker ps -aq --no-trunc --filter label=io.mcpinit.instance | sort) - <<<"$before")" ""
done
"${compose[@]}" -p "$project" -f "$WORK/compose.yml" down >/dev/null 2>&1
is "compose down: nothing is left" "$(docker ps -aq --filter label=io.mcpinit.instance)" ""
