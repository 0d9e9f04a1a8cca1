#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # what is in single quotes is for the shell in the container
# Whom the image's entrypoint makes of mcpinit and COMMAND: mcp, another user, root; with and without a socket.
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/image.sh"
need_image fake
build_image

proxy=
at_end() {
	# shellcheck disable=SC2046 # one ID a word
	docker rm -f $(docker ps -aq --filter "label=test=$INSTANCE") >/dev/null 2>&1
	docker rmi "$IMAGE-derived" >/dev/null 2>&1
	release_image
	[ -z "$proxy" ] || kill "$proxy"
}
group=$(stat -c %g "$SOCKET")
cat >"$CONF" <<-END
	[mcpinit]
	instance = $INSTANCE
	[server:fake]
	image        = $FAKE_IMAGE
	network_mode = none
	required     = yes
END

OUT='' RC=0 ERR=''
run() { # run OPTION... -- COMMAND...: a whole life of mcpinit's container, into OUT, ERR and RC
	local options=()
	while [ "${1:---}" != -- ]; do
		options+=("$1")
		shift
	done
	OUT=$(timeout 60 docker run --rm -i --label "test=$INSTANCE" --network none "${options[@]}" "${image:-$IMAGE}" \
		"${@:2}" 2>"$WORK/err" </dev/null)
	RC=$?
	ERR=$(<"$WORK/err")
}
config_mount=(-v "$CONF:/etc/mcpinit/mcpinit.ini:ro")
with_engine=(-v "$SOCKET:/var/run/docker.sock" "${config_mount[@]}")
who='printf "%s|,%s,|%s|" "$(id -u)" "$(id -G | tr " " ,)" "$HOME"; mcpctl status fake' # COMMAND runs once fake does

run "${with_engine[@]}" -- sh -c "$who; exit 7"
is "COMMAND's status is the container's" "$RC" 7
like "COMMAND is mcp" "$OUT" '^1001\|,1001,.*\|/home/mcp\|fake +RUNNING'
like "in the socket's group" "$OUT" "^[^|]*\|[^|]*,$group,"

run "${with_engine[@]}" -e MCPINIT_USER=1234:1235 -- sh -c "$who"
like "MCPINIT_USER: another user" "$OUT" '^1234\|[^|]*,1235,[^|]*\|/\|fake +RUNNING'
like "in the socket's group, too" "$OUT" "^[^|]*\|[^|]*,$group,"
for root in root 0:0; do
	run "${with_engine[@]}" -e "MCPINIT_USER=$root" -- sh -c "$who"
	like "MCPINIT_USER=$root: root" "$OUT" '^0\|[^|]*\|/root\|fake +RUNNING'
done
run "${with_engine[@]}" --user 1001 --group-add "$group" --cap-drop ALL -- sh -c "$who"
like "--user 1001 --group-add: as chosen, without any capability" "$OUT" "^1001\|,1001,$group,\|/home/mcp\|fake +RUNNING"
run "${with_engine[@]}" --group-add 4444 -- sh -c "$who"
like "--group-add is kept" "$OUT" '^1001\|[^|]*,4444,[^|]*\|.*RUNNING'
run "${with_engine[@]}" --read-only --tmpfs /run --tmpfs /tmp -- sh -c "$who"
like "read-only, with a tmpfs" "$OUT" '^1001\|.*RUNNING'
is "and nothing is complained about" "$(grep -iE 'entrypoint|mkdir|chown' <<<"$ERR")" ""
run "${with_engine[@]}" --read-only --tmpfs /run/mcp:uid=1001 --tmpfs /run/mcpinit:uid=1001 --user 1001 \
	--group-add "$group" -- sh -c "$who"
like "read-only, as --user" "$OUT" '^1001\|.*RUNNING'

run "${with_engine[@]}" --cap-drop ALL -- true
is "without the capabilities to become mcp: 77, and not root" "$RC" 77
like "it says what to do" "$ERR" 'cannot become user 1001.*--user 1001:1001 --group-add.*MCPINIT_USER=root'
run "${with_engine[@]}" -v /dev/null:/usr/bin/setpriv -- true
is "without setpriv: the same" "$RC" 77

# A socket that is its owner's alone, as a rootless engine's may be.
chmod 711 "$WORK"
python3 tests/fixtures/engine_proxy.py "$WORK/alone.sock" "$SOCKET" "$WORK/proxy.log" "$WORK/rules" 2>/dev/null &
proxy=$!
await [ -S "$WORK/alone.sock" ]
chmod 600 "$WORK/alone.sock"
for owner in 5000 0; do
	chown "$owner" "$WORK/alone.sock"
	run -v "$WORK/alone.sock:/var/run/docker.sock" "${config_mount[@]}" -- sh -c "$who"
	like "a socket of $owner alone: mcpinit is $owner" "$OUT" "^$owner\|.*RUNNING"
	like "and says so" "$ERR" "docker.sock is open to its owner alone: running as user $owner"
done
kill "$proxy" && proxy=

# No engine at all.
run -- sh -c 'id -u; exit 5'
is "without socket and configuration: a plain init" "$RC|$OUT" "5|1001"
run -- sh -c 'kill -TERM $$'
is "COMMAND's signal" "$RC" 143
run -- /no/such/program
is "a COMMAND that is not there" "$RC" 127
gcc -std=gnu17 -D_GNU_SOURCE -O1 -static -o "$WORK/fake" tests/fixtures/fake_mcp.c
printf '[server:p]\nlaunch = process\ncommand = /fake\nrequired = yes\n' >"$WORK/process.ini"
run -v "$WORK/process.ini:/etc/mcpinit/mcpinit.ini:ro" -v "$WORK/fake:/fake:ro" -- \
	mcpctl call p read '{"path":"/proc/self/status"}'
like "process servers alone: they run as mcp" "$OUT" 'Uid:[^0-9]+1001'

# Another image on top of it.
mkdir "$WORK/derived"
cp "$CONF" "$WORK/derived"
cat >"$WORK/derived/Dockerfile" <<-END
	FROM $IMAGE
	COPY mcpinit.ini /etc/mcpinit/mcpinit.ini
	CMD ["sh", "-c", "id -un; mcpctl status fake"]
END
DOCKER_BUILDKIT=0 docker build -q -t "$IMAGE-derived" "$WORK/derived" >"$WORK/derived.log" 2>&1
image=$IMAGE-derived run -v "$SOCKET:/var/run/docker.sock" --
like "FROM mcpinit, with a CMD" "$RC $OUT" $'^0 mcp\nfake +RUNNING'

# docker stop reaches COMMAND.
id=$(docker run -d --label "test=$INSTANCE" --network none "${with_engine[@]}" "$IMAGE" \
	sh -c 'trap "echo heard; exit 3" TERM; echo up; while :; do sleep 0.1; done')
await sh -c "docker logs $id 2>/dev/null | grep -q up"
docker stop "$id" >/dev/null
is "docker stop: COMMAND hears it, its status is the container's" \
	"$(docker logs "$id" 2>/dev/null | tail -n 1) $(docker inspect -f '{{.State.ExitCode}}' "$id")" "heard 3"
is "no server is left" "$(docker ps -aq --filter "label=io.mcpinit.instance=$INSTANCE")" ""
