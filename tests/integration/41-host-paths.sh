#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mcpinit in a container, and the paths that its siblings get: what they read is what we see, whatever the mounts are.
# timeout: 400
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
# shellcheck source=tests/integration/in_container.sh
. tests/integration/in_container.sh
[ -z "${MODE:-}" ] || skip_all "a container with sanitizers' libraries is not made"

volume=$INSTANCE-volume below=$INSTANCE-below
at_end() {
	remove_own
	docker volume rm "$volume" "$below" >/dev/null 2>&1
	docker rmi "$own_image" >/dev/null
}
docker volume create "$volume" >/dev/null
docker volume create "$below" >/dev/null
volume_dir=$(docker volume inspect -f '{{.Mountpoint}}' "$volume")
below_dir=$(docker volume inspect -f '{{.Mountpoint}}' "$below")
mkdir -p "$WORK/host"/{sub/deep,ro,modules,masked} "$WORK/other" "$volume_dir/part"
echo "of the bind" >"$WORK/host/file"
echo "of a directory below" >"$WORK/host/sub/deep/file"
echo "of the read-only one" >"$WORK/host/ro/file"
echo "hidden by a volume" >"$WORK/host/modules/file"
echo "hidden by memory" >"$WORK/host/masked/file"
echo "of another directory" >"$WORK/other/file"
echo "of the volume" >"$volume_dir/file"
echo "of a part of it" >"$volume_dir/part/file"
echo "of the volume below" >"$below_dir/file"
ln -s sub/deep "$WORK/host/link"
ln -s ../../../.. "$WORK/host/out"
succeeds "an image of our own" make_own_image

# servers NAME=VOLUMES...: a fake server each, with these volumes
servers() {
	local one
	printf '[mcpinit]\ninstance = %s\n%s\n' "$INSTANCE" "${KEYS:-}"
	printf '[defaults]\nimage = %s\nnetwork_mode = none\nuser = 0:0\nstop_grace_period = 100ms\n' "$FAKE_IMAGE"
	for one; do
		printf '[server:%s]\nvolumes = %s\n' "${one%%=*}" "${one#*=}"
	done
} >"$CONF"
# What a sibling reads there; the tool's own error where it cannot.
sees() { # sees NAME SERVER FILE EXPECTED
	is "$1" "$(own_call "$2" read "{\"path\":\"$3\"}")" "$4"
}
mounts_of() { # mounts_of SERVER: DESTINATION TYPE SOURCE-OR-NAME RW, sorted
	docker inspect -f '{{range .Mounts}}{{.Destination}} {{.Type}} {{if .Name}}{{.Name}}{{else}}{{.Source}}{{end}} {{.RW}}{{println}}{{end}}' \
		"$(container "$1")" | grep . | sort
}
ready() {
	await own_ctl wait --timeout 20s || own_log
}

# --- a bind as the workspace: below it a volume, memory, a read-only bind and links ---------------------

servers bind=workspace:/workspace ro=workspace:/workspace:ro "deep=/workspace/sub/deep:/d" "link=/workspace/link:/d" \
	"below=/workspace/modules:/m" "kept=/workspace/ro:/r" "named=$volume:/v" "both=workspace:/w, $below:/w/modules" \
	"memory=/workspace/masked:/m" "own=/etc:/e" "out=/workspace/out/etc:/e" "neighbour=/workspace2:/w"
nested=(-v "$WORK/host:/workspace" -v "$below:/workspace/modules" -v "$WORK/host/ro:/workspace/ro:ro" --tmpfs /workspace/masked)
own_start "${nested[@]}"
await own_ctl wait bind ro deep link below kept named both
sees "bind: a file" bind /workspace/file "of the bind"
sees "bind: a directory below" bind /workspace/sub/deep/file "of a directory below"
sees "a volume below the bind is there, too" bind /workspace/modules/file "of the volume below"
unlike "what our tmpfs hides stays hidden" "$(own_call bind read '{"path":"/workspace/masked/file"}')" "hidden"
is "the mounts of a sibling are ours, read-only where ours is" "$(mounts_of bind)" "/workspace bind $WORK/host true
/workspace/modules volume $below true
/workspace/ro bind $WORK/host/ro false"
is ":ro is for all of them" "$(mounts_of ro)" "/workspace bind $WORK/host false
/workspace/modules volume $below false
/workspace/ro bind $WORK/host/ro false"
is "a path below the bind" "$(mounts_of deep)" "/d bind $WORK/host/sub/deep true"
is "a path over a symbolic link is what it leads to" "$(mounts_of link)" "/d bind $WORK/host/sub/deep true"
is "a path that is the volume below" "$(mounts_of below)" "/m volume $below true"
is "read-only for us is read-only below" "$(mounts_of kept)" "/r bind $WORK/host/ro false"
is "a named volume is no path" "$(mounts_of named)" "/v volume $volume true"
is "what volumes says of a place wins" "$(mounts_of both)" "/w bind $WORK/host true
/w/modules volume $below true
/w/ro bind $WORK/host/ro false"

refused() { # refused SERVER PATH WHERE: not started, for good, and why
	is "$1: it is not started" "$(own_ctl status "$1" | awk '{print $2}')" FATAL
	like "$1: the sentence names the path, what to do and the override" "$(own_ctl status "$1")" \
		"volumes: $2: $2 lies $3, which no other container can see; mount it into this container from a directory of the host or a volume \(docker run -v SOURCE:$2\), or, for the workspace, set workspace_host"
}
refused memory /workspace/masked "in memory \(tmpfs\) of this container"
refused own /etc "in this container's own file system"
refused out /workspace/out/etc "in this container's own file system"
refused neighbour /workspace2 "in this container's own file system"
own_log
is "the engine was not asked for any of them" "$(docker ps -aq --filter "label=io.mcpinit.instance=$INSTANCE" \
	--filter label=io.mcpinit.server=own)" ""
is "our own container is known" "$(docker inspect -f '{{index .Config.Labels "io.mcpinit.owner"}}' "$(container bind)")" \
	"$(docker inspect -f '{{.Id}}' "$own")"
own_stop "nested mounts"

# --- a named volume as the workspace ---------------------------------------------------------------------

servers whole=workspace:/workspace part=/workspace/part:/p
own_start -v "$volume:/workspace:ro"
ready
is "the volume as a whole, read-only as ours" "$(mounts_of whole)" "/workspace volume $volume false"
sees "a file of it" whole /workspace/file "of the volume"
sees "a part of it" part /p/file "of a part of it"
unlike "and only that part" "$(own_call part read '{"path":"/p/part/file"}')" "of a part of it"
like "the part is read-only as well" "$(mounts_of part)" "^/p .* false$"
own_stop "a named volume"

# --- no workspace, and the override -----------------------------------------------------------------------

servers fs=workspace:/workspace
own_start
await own_is fs FATAL
like "no workspace: the sentence names it" "$(own_ctl status fs)" "volumes: workspace: /workspace lies in .* set workspace_host"
own_stop "no workspace"

KEYS="workspace_host = $WORK/other" servers fs=workspace:/workspace "sub=/workspace/x:/x" "own=/etc:/e"
mkdir "$WORK/other/x"
own_start
await own_ctl wait fs sub
sees "workspace_host: what it names" fs /workspace/file "of another directory"
is "workspace_host: and below" "$(mounts_of sub)" "/x bind $WORK/other/x true"
is "workspace_host: for the workspace only" "$(own_ctl status own | awk '{print $2}')" FATAL
own_stop workspace_host

KEYS="workspace_host = $WORK/other" servers fs=workspace:/workspace
own_start -v "$WORK/host:/workspace:ro"
ready
is "workspace_host: read-only for us is read-only there" "$(mounts_of fs)" "/workspace bind $WORK/other false"
own_stop workspace_host

# A Linux engine has no such paths: that it says so in its own words shows that they came to it as they are.
KEYS='workspace_host = C:\repos\x' servers key=workspace:/w 'drive=D:\y:/y' wsl=//c/x:/x
own_start
for name in key drive wsl; do
	await own_is "$name" FATAL
done
like "C:\\ of workspace_host passes through" "$(own_ctl status key)" 'C:.repos.x'
like "D:\\ passes through" "$(own_ctl status drive)" 'D:.y'
like "//c/ passes through" "$(own_ctl status wsl)" '/c/x'
own_stop "Windows' paths"

# --- however our container was started ---------------------------------------------------------------------

servers fs=workspace:/workspace
found() { # found NAME OPTION...
	own_start -v "$WORK/host:/workspace" "${@:2}"
	ready
	sees "$1: the workspace is found" fs /workspace/file "of the bind"
	is "$1: and so are we" "$(docker inspect -f '{{index .Config.Labels "io.mcpinit.owner"}}' "$(container fs)")" \
		"$(docker inspect -f '{{.Id}}' "$own")"
	own_stop "$1"
}
found "a hostname of its own" --hostname custom
found "--network host" --network host
found "a cgroup namespace of its own" --cgroupns private
found "all three" --hostname deadbeef0123 --network host --cgroupns private
# The hostname alone proves nothing: it may be that of somebody else.
docker run -d -i --name "$INSTANCE-somebody" --label "io.mcpinit.instance=$INSTANCE" "$FAKE_IMAGE" >/dev/null
found "the hostname is another container's" --hostname "$(docker inspect -f '{{slice .Id 0 12}}' "$INSTANCE-somebody")"

# --- on the host ------------------------------------------------------------------------------------------

config "workspace = $WORK/host" <<-END
	[defaults]
	image = $FAKE_IMAGE
	user  = 0:0
	[server:fs]
	volumes = workspace:/workspace, $WORK/other:/other:ro
END
start_mcpinit
await is_state fs RUNNING
is "on the host: paths are the host's" "$(mounts_of fs)" "/other bind $WORK/other false
/workspace bind $WORK/host true"
is "on the host: a file" "$(rpc fs "$(tool_call 1 read '{"path":"/workspace/file"}')" | text_of)" "of the bind"
