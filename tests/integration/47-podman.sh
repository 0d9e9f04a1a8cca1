#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 400
# Podman's Docker-compatible API: both launchers, calls, a death from outside, exit statuses, a command that cannot be
# executed (which podman tells with its answer to attach), a name that is taken (500 where docker says 409), stop, sweep.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
((EUID == 0)) || skip_all "a podman of its own needs root"
command -v podman >/dev/null || skip_all "podman is not installed"
command -v runc >/dev/null || command -v crun >/dev/null || skip_all "podman has no runtime, runc or crun"

# --- a podman of our own ---------------------------------------------------------------------------------------------
pod=$(mktemp -d /tmp/mcpinit-podman.XXXXXX) # not in $WORK: it stands on command lines that outlive mcpinit
# The default limits of podman may be above ours, which it then cannot set.
cat >"$pod/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "$(command -v runc >/dev/null && echo runc || echo crun)"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
printf '[storage]\ndriver = "vfs"\nrunroot = "%s"\ngraphroot = "%s"\n' "$pod/run" "$pod/root" >"$pod/storage.conf"
docker save "$FAKE_IMAGE" -o "$pod/image.tar"
in_podman() {
	CONTAINERS_CONF=$pod/containers.conf CONTAINERS_STORAGE_CONF=$pod/storage.conf "$@"
}
at_end() {
	is_running && stop_mcpinit
	in_podman podman rm -af >/dev/null 2>&1
	kill "$service" 2>/dev/null
	wait "$service" 2>/dev/null
	awk -v d="$pod/" 'index($5, d) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r umount -l
	rm -rf "$pod"
}
in_podman podman system service --time=0 "unix://$pod/podman.sock" >"$pod/log" 2>&1 &
service=$!
export DOCKER_HOST=unix://$pod/podman.sock
export TIMEOUT=90 # a loaded machine: podman works without a cache of anything
await engine_answers
docker load -q -i "$pod/image.tar" >/dev/null
image=localhost/$FAKE_IMAGE
why=$(timeout 60 docker run --rm -i --network none "$image" </dev/null 2>&1) ||
	skip_all "podman cannot run a container on this machine: $(tail -n 1 <<<"$why")"

write_config() { # write_config LAUNCH
	config "launch = $1" <<-END
		[defaults]
		image             = $image
		network_mode      = none
		backoff           = 200ms
		stop_grace_period = 1s
		[server:fake]
		[server:stubborn]
		command = --ignore-eof --ignore-term
		[server:noexec]
		entrypoint = /nope
		[server:noinit]
		entrypoint = /nope
		init       = no
	END
}

# --- both launchers --------------------------------------------------------------------------------------------------
for launch in api cli; do
	write_config "$launch"
	start_mcpinit
	await is_state fake RUNNING
	await is_state stubborn RUNNING
	# To the docker command podman tells 0 for every end (its wait for "removed"): statuses are the api's alone.
	if [ "$launch" = api ]; then
		await is_state noexec FATAL
		like "$launch: a command that its init cannot execute: FATAL, said" "$(ctl status noexec)" 'FATAL .*cannot be executed'
		await is_state noinit FATAL
		like "$launch: one that the runtime cannot execute: FATAL, with its words" "$(ctl status noinit)" 'FATAL .*/nope'
	fi
	is "$launch: a call" "$(rpc fake "$(tool_call 1 echo '{"text":"here"}')" | text_of)" here
	old=$(container fake)
	docker kill "$old" >/dev/null
	await_log 'fake .*ready in' 2
	is "$launch: killed from outside, it comes back" "$(rpc fake "$(tool_call 2 echo '{"text":"again"}')" | text_of)" again
	rpc fake "$(tool_call 3 exit '{"code":42}')" >/dev/null
	await_log 'fake .*ready in' 3
	[ "$launch" = cli ] || like "$launch: its exit status is known" "$(grep 'fake .*exited' "$LOG")" 'exited with status 42 '
	ctl restart fake >/dev/null
	is "$launch: restarted" "$(rpc fake "$(tool_call 4 echo '{"text":"anew"}')" | text_of)" anew
	ctl stop stubborn >/dev/null
	is "$launch: stopped by force" "$(state stubborn)" STOPPED
	stop_mcpinit
	is "$launch: it ends well" "$STATUS" 0
	nothing_left
done

# --- what an earlier life left ----------------------------------------------------------------------------------------
write_config api
start_mcpinit
await is_state fake RUNNING
await is_state stubborn RUNNING
kill -KILL "$MCPINIT_PID"
wait "$unshare_pid" 2>/dev/null
unshare_pid=
rm -rf "$RUN" "$CTL"
left=$(containers_left)
start_mcpinit
await is_state fake RUNNING
await is_state stubborn RUNNING
like "the sweep is said" "$(cat "$LOG")" 'removed [1-9] containers? that an earlier life left behind'
is "and nothing old is left" "$(comm -12 <(sort <<<"$left") <(containers_left | sort))" ""
stop_mcpinit

# --- a name that is taken, by a container that no label of ours marks -------------------------------------------------
docker create --network none --name "mcpinit-$INSTANCE-fake-1" "$image" >/dev/null
start_mcpinit
await is_state fake RUNNING
is "a name that is taken keeps nobody away" "$(rpc fake "$(tool_call 5 echo '{"text":"here"}')" | text_of)" here
stop_mcpinit
