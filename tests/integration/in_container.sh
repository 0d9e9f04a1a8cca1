# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# mcpinit in a real container of the engine, with its socket. Sourced by the scripts that need it, after lib.sh.
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
engine_socket=${DOCKER_HOST#unix://}
own_image=mcpinit-test/own:$INSTANCE
own=$INSTANCE-own # the name of the container

# mcpinit, mcpctl, a shell, and the libraries that these need.
make_own_image() {
	local root=$WORK/own-image program
	mkdir -p "$root"/{bin,etc,tmp,run}
	cp "$BIN/mcpinit" "$BIN/mcpctl" "$root/bin"
	for program in sh ln cat ls; do
		cp -L "/bin/$program" "$root/bin"
	done
	ldd "$root"/bin/* | grep -o '/[^ ]*\.so[^ ]*' | sort -u | xargs cp -L --parents -t "$root"
	tar -C "$root" -c . | docker import -c 'ENV PATH=/bin' - "$own_image" >/dev/null
	rm -rf "$root"
}
remove_own() {
	docker rm -f "$own" >/dev/null 2>&1
	docker ps -aq --filter "label=io.mcpinit.instance=$INSTANCE" | xargs -r docker rm -f >/dev/null 2>&1
}

# own_start [OPTION...]: mcpinit as PID 1 there, with $CONF. The network is none where no option says another.
own_start() {
	local network=(--network none)
	[[ " $* " != *" --network "* ]] || network=()
	docker rm -f "$own" >/dev/null 2>&1
	docker run -d --name "$own" "${network[@]}" -v "$engine_socket:/var/run/docker.sock" \
		-v "$CONF:/etc/mcpinit/mcpinit.ini:ro" "$@" "$own_image" \
		sh -c "${OWN_BEFORE:-:}; exec mcpinit" >/dev/null
}
# It ends as `docker stop` ends it; its log is in $LOG.
own_stop() {
	docker stop "$own" >/dev/null
	own_log
	is "${1:-docker stop}: no container is left" "$(containers_left)" ""
}
own_log() {
	docker logs "$own" >"$LOG" 2>&1
}
own_ctl() {
	timeout "$TIMEOUT" docker exec "$own" mcpctl "$@"
}
own_is() { # own_is SERVER STATE
	[ "$(own_ctl status "$1" | awk '{print $2}')" = "$2" ]
}
# The text of a tool's result.
own_call() { # own_call SERVER TOOL [ARGUMENTS]
	own_ctl call "$@" 2>&1
}
