#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mcpctl doctor: each thing that usually goes wrong, made to go wrong: it is told with the remedy, and the remedy works.
# timeout: 300
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
((EUID == 0)) || skip_all "making things go wrong for other users needs root"

at_end() {
	local pid
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null
	done
	if engine_answers; then
		docker rm -f "doctor-$INSTANCE" >/dev/null 2>&1
		docker rmi -f "$image" "$reg/here:1" >/dev/null 2>&1
		docker volume rm "$volume" >/dev/null 2>&1
		is "the doctor leaves no container" "$(docker ps -aq --filter label=io.mcpinit.instance=doctor)" ""
	fi
	rm -rf "/dev/shm/$INSTANCE"
}
image=mcpinit-test/doctor:$INSTANCE
volume=doctor-$INSTANCE
reg=127.0.0.1:$((20000 + RANDOM % 5000))

# Programs that every user may run.
chmod 755 "$WORK"
mkdir -p "$WORK/bin" "$WORK/empty" "$WORK/workspace" "$WORK/dc" "$RUN" "$CTL"
cp "$BIN/mcpctl" "$BIN/mcpctl-doctor" "$WORK/bin"
echo "seen by a sibling" >"$WORK/workspace/file"
export DOCKER_CONFIG=$WORK/dc # whoever runs this has no part in it

OUT='' RC=0
doctor() { # doctor [VAR=VALUE...] [PROGRAM [ARG...] --] [OPTION...]: into OUT and RC
	local vars=() as=()
	while [[ ${1:-} == [A-Z]*=* ]]; do vars+=("$1") && shift; done
	if [[ " $* " == *" -- "* ]]; then
		while [ "$1" != -- ]; do as+=("$1") && shift; done
		shift
	fi
	OUT=$(timeout 70 env "${vars[@]}" "${as[@]}" "$WORK/bin/mcpctl" doctor -c "$CONF" "$@" 2>&1)
	RC=$?
	printf '%s\n' "$OUT" >>"$WORK/told" # sanitizers speak there, too
}
told() { # told NAME VERDICT CHECK REGEX: there is such a line
	if grep -qE "^$2 +$3: .*$4" <<<"$OUT"; then ok "$1"; else not_ok "$1" "no $2 of $3 with: $4"$'\n'"$OUT"; fi
}
untold() { # untold NAME REGEX: there is none
	if grep -qE "$2" <<<"$OUT"; then not_ok "$1" "$(grep -E "$2" <<<"$OUT")"; else ok "$1"; fi
}
serve() { # serve MODE NAME [GID]: an odd engine at $WORK/NAME.sock
	python3 tests/fixtures/odd_engine.py engine "$1" "$WORK/$2.sock" ${3:+"$3"} 2>"$WORK/$2.log" &
	await [ -S "$WORK/$2.sock" ]
}

# --- sockets and engines that are not as they should be ---------------------------------------------------

config </dev/null
doctor "DOCKER_HOST=unix://$WORK/none.sock"
is "no engine: exit 1" "$RC" 1
told "no socket" fail socket "there is no $WORK/none.sock; .*(-v /var/run/docker.sock|start Docker)"
told "what could not be looked at is said" warn engine "workspace, sibling, limits and images were not looked at"
told "who asks" ok user "uid 0"
told "the environment" ok environment "DOCKER_HOST unix://$WORK/none.sock, .*DOCKER_CONFIG $WORK/dc"

mkdir "$WORK/dir.sock"
doctor "DOCKER_HOST=unix://$WORK/dir.sock"
told "a directory where the socket should be" fail socket "is a directory, no socket; .*make this container again"

doctor DOCKER_HOST=tcp://127.0.0.1:1
told "a dead port" fail engine "127.0.0.1:1.*(refused|connect).*; check docker_host"

doctor DOCKER_HOST=ssh://host
told "a host that cannot be used" fail endpoint "ssh is not spoken here"

serve old old
doctor "DOCKER_HOST=unix://$WORK/old.sock"
told "an engine that is too old" fail engine "17.03.2-ce speaks API 1.27, at least 1.41 is needed; update it"

serve garbage garbage
doctor "DOCKER_HOST=unix://$WORK/garbage.sock"
told "what is no engine" fail engine "what is there must be a Docker engine"
is "what is no engine: exit 1" "$RC" 1

serve silent silent
start=$(now_ms)
doctor "DOCKER_HOST=unix://$WORK/silent.sock"
at_most "an engine that hangs: the doctor does not (ms)" $(($(now_ms) - start)) 30000
told "an engine that hangs" fail engine "."

env "DOCKER_HOST=unix://$WORK/silent.sock" "$WORK/bin/mcpctl" doctor -c "$CONF" >"$WORK/out" &
pid=$!
await grep -q socket: "$WORK/out"
kill -TERM $pid
wait $pid
is "interrupted: exit 1" "$?" 1
like "interrupted: what was not finished is named" "$(<"$WORK/out")" 'fail +engine: not finished: interrupted'

serve old group 4711
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
doctor "DOCKER_HOST=unix://$WORK/group.sock" "${nobody[@]}" --
told "a socket that is not for us" fail socket "Permission denied .*group 4711.*group_add: \[\"4711\"\].*--group-add 4711"
untold "nobody is told to let everybody in" "666|chmod"
doctor "DOCKER_HOST=unix://$WORK/group.sock" setpriv --reuid 65534 --regid 65534 --groups 4711 --
told "and in that group it is" ok socket "connected"

# --- the program itself, the configuration ----------------------------------------------------------------

mkdir "$WORK/alone"
cp "$BIN/mcpctl" "$WORK/alone"
out=$(PATH=$WORK/empty "$WORK/alone/mcpctl" doctor 2>&1)
is "mcpctl alone, without mcpctl-doctor: exit 69" "$?" 69
like "and it says where there is one" "$out" "it comes with mcpinit; run .mcpctl doctor. in mcpinit's container"
out=$(PATH=$WORK/bin:$PATH "$WORK/alone/mcpctl" doctor -c "$CONF" 2>&1)
like "found in PATH, too" "$out" "ok +user:"
"$WORK/bin/mcpctl" doctor surplus >/dev/null 2>&1
is "an argument too many: exit 64" "$?" 64

dead=(DOCKER_HOST=unix:///none)
config 'no_such_key = 1' 'log_level = loud' <<END
[server:a]
image = x
mem_limit = much
END
doctor "${dead[@]}"
told "a wrong configuration: each mistake" fail config "$CONF:[0-9]+: mcpinit: no_such_key"
told "a wrong configuration: and the next" fail config "$CONF:[0-9]+: server:a: mem_limit"

export IS_SET=value PASSED_THROUGH=
config <<'END'
[server:a]
image       = x
environment = IS_SET, NOT_SET, MAY_BE_MISSING?
[server:b]
image       = x
environment = TOKEN=${NO_TOKEN:?get one at example.org}
[server:c]
image       = x
launch      = cli
END
doctor "${dead[@]}" PATH="$WORK/empty"
told "a missing variable" fail variables "server:a: environment: NOT_SET is not set"
told "what must be set, with its own message" fail variables "server:b: .*get one at example.org"
untold "what is set, or may be missing, is not told" "IS_SET is not|MAY_BE_MISSING"
told "no docker program, and one is needed" fail cli "launch = cli needs; install it"
sed -i '/^launch/d' "$CONF"
doctor "${dead[@]}" PATH="$WORK/empty"
told "no docker program, to fall back to" warn cli "launch = auto falls back"
doctor "${dead[@]}" NOT_SET=x NO_TOKEN=x
told "all variables set" ok variables "."
doctor "${dead[@]}" MCPINIT_CONFIG="$CONF" env -u NOTHING --
told "the file is named" ok config "$CONF is valid, 3 servers"
OUT=$(env "${dead[@]}" MCPINIT_CONFIG="$WORK/none.ini" "$WORK/bin/mcpctl" doctor 2>&1)
told "MCPINIT_CONFIG is read, and must be there" fail config "none.ini"

# --- runtime_dir --------------------------------------------------------------------------------------------

rundir() { # rundir PATH
	printf '[mcpinit]\nruntime_dir = %s\n' "$1" >"$CONF"
	doctor "${dead[@]}" "${@:2}"
}
mkdir "/dev/shm/$INSTANCE"
rundir "/dev/shm/$INSTANCE"
told "runtime_dir on a tmpfs" ok runtime_dir "carries named pipes"
is "and nothing is left in it" "$(ls -A "/dev/shm/$INSTANCE")" ""
rundir "/dev/shm/$INSTANCE/new"
told "runtime_dir that is not there yet" ok runtime_dir "mcpinit can make it"
rundir "$WORK/no/such/dir"
told "runtime_dir that cannot be made" fail runtime_dir "$WORK/no/such: No such file"
rundir "$CONF"
told "runtime_dir that is a file" fail runtime_dir "Not a directory"
rundir "$RUN" "${nobody[@]}" --
told "runtime_dir that is another user's" warn runtime_dir "may not be written by this user"
mkdir "$WORK/fuse"
if command -v bindfs >/dev/null && bindfs "$RUN" "$WORK/fuse" 2>/dev/null; then
	rundir "$WORK/fuse"
	told "runtime_dir on fuse" fail runtime_dir "lies on fuse or virtiofs, .*use a named volume"
	is "runtime_dir on fuse: exit 1" "$RC" 1
	fusermount -u "$WORK/fuse"
else
	skip "runtime_dir on fuse" "bindfs is not there, or cannot mount here"
fi

# --- with a real engine ---------------------------------------------------------------------------------------

need_image fake
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
export DOCKER_HOST
engine=$DOCKER_HOST

config "workspace = $WORK/workspace" <<END
[server:fake]
image   = $FAKE_IMAGE
volumes = workspace:/workspace
END
doctor
is "all is well: exit 0" "$RC" 0
untold "all is well: no fail" "^fail"
told "the socket" ok socket "connected at ${engine#unix://}"
told "the engine" ok engine "engine [0-9.]+.*, API 1\.[0-9]+, at $engine"
told "the endpoint, as the docker program has it" ok endpoint "takes $engine, and so does the docker program \(DOCKER_HOST\)"
told "the docker program" ok cli "reaches the same engine"
told "an image that is here" ok image "$FAKE_IMAGE is here"
told "the limits" "(ok|warn)" limits "."
told "the workspace" ok workspace "$WORK/workspace is $WORK/workspace for siblings \(server fake\)"
told "a sibling sees it" ok sibling "sees what is in $WORK/workspace here"
told "who may open the pipes" ok pipes "here uid 0"
is "--json: the same checks, each with verdict, text and remedy" \
	"$("$WORK/bin/mcpctl" --json doctor -c "$CONF" | jq -r '.[] | select(.verdict and .text and has("remedy")) | .check' | sort)" \
	"$(sed -E 's/^[a-z]+ +([a-z_]+): .*/\1/' <<<"$OUT" | sort)"

config "workspace = $WORK/workspace" "docker_host = $engine" <<<''
doctor "DOCKER_HOST=unix://$WORK/old.sock"
told "the docker program looks elsewhere" warn endpoint "takes $engine .*, the docker program takes unix://$WORK/old.sock \(DOCKER_HOST\); .*docker -H $engine"

config "workspace = $WORK/nowhere" <<END
[server:fake]
image   = $FAKE_IMAGE
volumes = workspace:/workspace, $WORK/absent:/data
END
doctor
told "a workspace that is not there" fail workspace "$WORK/nowhere: No such file.*server fake"
told "another path that is not there" fail workspace "$WORK/absent: No such file"
sed -i "s|^workspace = .*|workspace = $WORK/workspace\nworkspace_host = /no/such/path|" "$CONF"
doctor
told "workspace_host that the engine does not have" fail sibling "cannot mount /no/such/path"
mkdir "$WORK/other"
sed -i "s|^workspace_host = .*|workspace_host = $WORK/other|" "$CONF"
doctor
told "workspace_host of another directory" warn sibling "sees another directory than $WORK/workspace"

# --- registries -------------------------------------------------------------------------------------------------

python3 tests/fixtures/odd_engine.py registry "${reg#*:}" 2>"$WORK/registry.log" &
registry_answers() { # shellcheck disable=SC2317
	(exec 3<>"/dev/tcp/127.0.0.1/${reg#*:}") 2>/dev/null
}
await registry_answers
docker tag "$FAKE_IMAGE" "$reg/here:1"
config <<END
[server:away]
image = 127.0.0.1:1/away:1
[server:here]
image = $reg/here:1
[server:private]
image = $reg/private:1
[server:never]
image       = $reg/never:1
pull_policy = never
END
doctor
told "a registry that cannot be reached" fail image "127.0.0.1:1/away:1 is not here, and the engine cannot reach 127.0.0.1:1 .*server away"
told "an image that is here, whatever its registry says" ok image "$reg/here:1 is here"
told "an image that is denied" fail image "$reg/private:1 is not here, and $reg denies it .*docker login $reg"
told "an image that is not to be pulled" fail image "$reg/never:1 is not here, and pull_policy is never"
told "no login" ok credentials "$reg: no login"
docker login -u u -p p "$reg" >/dev/null 2>&1 || not_ok "docker login works"
doctor
told "after that docker login" ok credentials "$reg: a login is in $WORK/dc/config.json"
told "it can be pulled" ok image "$reg/private:1 is not here yet, $reg has it"
echo '{"credsStore": "none-such"}' >"$WORK/dc/config.json"
doctor
told "a credential helper that is not there" warn credentials "docker-credential-none-such, which is not in PATH"
echo '{' >"$WORK/dc/config.json"
doctor
told "a config.json that cannot be read" warn credentials "config.json"
rm "$WORK/dc/config.json"

# --- a mcpinit that runs ------------------------------------------------------------------------------------------

config <<END
[server:fake]
image = $FAKE_IMAGE
END
start_mcpinit
await is_state fake RUNNING
doctor
told "mcpinit runs, and reaches its engine" ok mcpinit "version [0-9.]+ runs, and reaches its engine at $engine"
doctor "DOCKER_HOST=unix://$WORK/old.sock"
told "mcpinit has another environment than we" warn mcpinit "with the engine at $engine, here unix://$WORK/old.sock is taken"
stop_mcpinit
doctor
told "no mcpinit runs" ok mcpinit "none runs here"

# --- in a container --------------------------------------------------------------------------------------------------

mkdir -p "$WORK/image/usr/local/bin" "$WORK/image/tmp" "$WORK/image/bin"
cp "$BIN/mcpctl" "$BIN/mcpctl-doctor" "$WORK/image/usr/local/bin"
cp -L /bin/sh "$WORK/image/bin/sh"
ldd "$BIN/mcpctl-doctor" /bin/sh | grep -o '/[^ ]*\.so[^ ]*' | sort -u | xargs cp -L --parents -t "$WORK/image"
tar -C "$WORK/image" -c . | docker import -c 'ENV PATH=/usr/local/bin:/bin' - "$image" >/dev/null
rm -rf "$WORK/image"
printf '[mcpinit]\n[server:fake]\nimage = %s\nvolumes = workspace:/workspace\n' "$FAKE_IMAGE" >"$CONF"
chmod 644 "$CONF"

in_container() { # in_container [OPTION...] -- [DOCTOR-OPTION...]: into OUT and RC
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	OUT=$(docker run --rm --name "doctor-$INSTANCE" --network none "${workspace[@]}" -v "$volume:/run/mcp" \
		-v "$CONF:/etc/mcpinit/mcpinit.ini:ro" "${options[@]}" "$image" mcpctl doctor "${@:2}" 2>&1)
	RC=$?
	printf '%s\n' "$OUT" >>"$WORK/told"
}
workspace=(-v "$WORK/workspace:/workspace")
socket=(-v "${engine#unix://}:/var/run/docker.sock")
in_container "${socket[@]}" -- --deep
is "in a container: exit 0" "$RC" 0
told "in a container: it is one" ok user "in a container"
told "in a container: ours is found" ok container "we are container [0-9a-f]{12}"
told "in a container: the workspace is translated" ok workspace "/workspace is $WORK/workspace for siblings"
told "in a container: a sibling sees it" ok sibling "mounts $WORK/workspace sees what is in /workspace"
told "in a container: the default file" ok config "/etc/mcpinit/mcpinit.ini is valid"
told "in a container: --deep: a sibling writes through a pipe of the volume" ok fifo "wrote through a pipe in /run/mcp \($volume there\)"
is "nothing is left in the volume" "$(docker run --rm --network none -v "$volume:/v" "$image" sh -c 'echo /v/.[!.]* /v/*')" "/v/.[!.]* /v/*"

in_container --
told "in a container without the socket" fail socket "there is no /var/run/docker.sock; mount it: docker run -v /var/run/docker.sock:/var/run/docker.sock"

gid=$(stat -c %g "${engine#unix://}")
in_container "${socket[@]}" --user 1234:1234 --
told "in a container as a user who may not: the very group" fail socket "Permission denied .*group_add: \[\"$gid\"\]; docker run: --group-add $gid"
remedy=$(grep -oE -- '--group-add [0-9]+' <<<"$OUT" | head -n 1)
# shellcheck disable=SC2086 # two words, as printed
in_container "${socket[@]}" --user 1234:1234 $remedy --
told "with that remedy it is connected" ok socket "connected"
told "and the workspace is found, too" ok sibling "sees what is in /workspace"

workspace=(--tmpfs /workspace)
in_container "${socket[@]}" --
told "a workspace that siblings cannot have" fail workspace "/workspace lies in .*which no other container can see; mount it"
