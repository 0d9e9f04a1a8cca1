#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sweep: what an earlier life of this instance left goes when it is asked for; what lives, and what is others', stays.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake

config "launch = api" <<END
[defaults]
network_mode = none

[server:fake]
image = $FAKE_IMAGE

[server:cached]
image       = $FAKE_IMAGE
command     = npx no-such-package

[server:cached-cli]
image       = $FAKE_IMAGE
command     = npx no-such-package
launch      = cli
END
start_mcpinit
await ctl wait # the fake one does not mind to be called npx
ctl stop cached cached-cli >/dev/null

# left NAME INSTANCE: a container of an earlier boot
left() {
	docker create --name "$1" --label "io.mcpinit.instance=$2" --label io.mcpinit.server=gone \
		--label io.mcpinit.boot=earlier "$FAKE_IMAGE" >/dev/null
}
left "$INSTANCE-left-1" "$INSTANCE"
left "$INSTANCE-left-2" "$INSTANCE"
docker start "$INSTANCE-left-2" >/dev/null
left "$INSTANCE-others" "$INSTANCE-others"
docker volume create --label "io.mcpinit.instance=$INSTANCE" "$INSTANCE-used" >/dev/null
docker create --name "$INSTANCE-user" -v "$INSTANCE-used:/x" "$FAKE_IMAGE" >/dev/null
at_end() {
	docker rm -f "$INSTANCE-others" "$INSTANCE-user" >/dev/null 2>&1
	docker volume rm -f "$INSTANCE-used" >/dev/null 2>&1
}
names() {
	docker ps -a --format '{{.Names}}' --filter "name=$INSTANCE" | grep -- "-left-\|-others\|-user" | sort | tr '\n' ' '
}
volumes() {
	docker volume ls -q --filter "label=io.mcpinit.instance=$INSTANCE" | sort | tr '\n' ' '
}
all_volumes="$INSTANCE-used mcpinit-$INSTANCE-cached-cache mcpinit-$INSTANCE-cached-cli-cache "
is "caches carry our label, by both launchers" "$(volumes)" "$all_volumes"
is "and their server's" "$(docker volume inspect -f '{{index .Labels "io.mcpinit.server"}}' "mcpinit-$INSTANCE-cached-cli-cache")" \
	cached-cli

out=$(ctl sweep --dry-run --volumes)
is "--dry-run: 0" $? 0
is "--dry-run: names them, and only them" "$(sort <<<"$out")" "$(sort <<-END
	container $INSTANCE-left-1 of gone: would be removed
	container $INSTANCE-left-2 of gone: would be removed
	volume mcpinit-$INSTANCE-cached-cache of cached: would be removed
	volume mcpinit-$INSTANCE-cached-cli-cache of cached-cli: would be removed
END
)"
is "--dry-run: removes nothing" "$(names)" "$INSTANCE-left-1 $INSTANCE-left-2 $INSTANCE-others $INSTANCE-user "

id=$(container fake)
out=$(ctl sweep)
is "sweep: 0" $? 0
is "sweep: says what it removed" "$(sort <<<"$out")" \
	"container $INSTANCE-left-1 of gone: removed"$'\n'"container $INSTANCE-left-2 of gone: removed"
is "sweep: others' and nobody's stay" "$(names)" "$INSTANCE-others $INSTANCE-user "
is "sweep: what lives stays" "$(container fake) $(state fake)" "$id RUNNING"
is "sweep: caches stay" "$(volumes)" "$all_volumes"
is "sweep: nothing to do is said" "$(ctl sweep)" "nothing is left over"

is "--volumes --json" "$(ctl --json sweep --volumes | jq -c '[.found[] | [.kind, .server, .is_removed]] | sort')" \
	'[["volume","cached",true],["volume","cached-cli",true]]'
is "--volumes: a volume in use stays" "$(volumes)" "$INSTANCE-used "
stop_mcpinit

config 'launch = api' "docker_host = unix://$WORK/nobody.sock" <<END
[server:fake]
image = $FAKE_IMAGE
END
start_mcpinit
await_log "trying again until it answers"
out=$(ctl sweep 2>&1)
is "no engine: 69" $? 69
like "no engine: a sentence" "$out" "the container engine does not answer"
is "no engine, --json" "$(ctl --json sweep | jq -c '[.error.code, (.error.message | length > 0)]')" "[5,true]"
