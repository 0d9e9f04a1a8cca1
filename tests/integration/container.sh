# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016
# The promise that both Docker launchers share. Sourced by the scripts of the two.

# inspected TEMPLATE: a field of the container of server "fake"
inspected() {
	docker inspect -f "$1" "$(container fake)"
}
# What a tool of the server inside says.
inside() { # inside TOOL ARGUMENTS
	rpc fake "$(tool_call 1 "$@")" | text_of
}

check_container_launch() { # check_container_launch api|cli
	mkdir -p "$WORK/workspace/data"
	echo "from the host" >"$WORK/workspace/data/file"
	chown -R 1234:1234 "$WORK/workspace"
	export PASSED_THROUGH=s3cret-token-value
	config "launch = $1" "workspace = $WORK/workspace" <<-END
		[server:fake]
		image       = $FAKE_IMAGE
		command     = --two-pages
		environment = PLAIN=a value, with a comma, PASSED_THROUGH
		volumes     = workspace:/workspace, $WORK/workspace/data:/data:ro
		dns         = 8.8.8.8, 1.1.1.1
		mem_limit   = 64m
		pids_limit  = 50
		read_only   = yes
	END
	start_mcpinit
	await is_state fake RUNNING
	like "it is ready, via $1, all pages of its tools counted" "$(grep ' ready in ' "$LOG")" \
		"fake +ready in [0-9]+ ms via $1, 9 tools"

	is "environment: a value with a comma" "$(inside env '{"name":"PLAIN"}')" "a value, with a comma"
	is "environment: passed through by name" "$(inside env '{"name":"PASSED_THROUGH"}')" "s3cret-token-value"
	is "command: the arguments of the entrypoint" "$(inside args)" "[--two-pages]"
	is "volumes: the workspace" "$(inside read '{"path":"/workspace/data/file"}')" "from the host"
	is "volumes: a path below it" "$(inside read '{"path":"/data/file"}')" "from the host"
	is "volumes: ro" "$(inspected '{{range .Mounts}}{{.Destination}} {{.RW}} {{end}}' | tr ' ' '\n' | paste - - |
		grep /data | cut -f 2)" false
	is "volumes: by Mounts, never by Binds" "$(inspected '{{len .HostConfig.Binds}}')" 0
	like "dns" "$(inside read '{"path":"/etc/resolv.conf"}')" 'nameserver 8.8.8.8.*nameserver 1.1.1.1'
	is "user: the owner of the workspace, as it is mounted and the image says root" \
		"$(inside read '{"path":"/proc/self/status"}' | awk '/^Uid/ {print $2}')" 1234
	is "no capabilities" "$(inside read '{"path":"/proc/self/status"}' | awk '/^CapEff/ {print $2}')" 0000000000000000
	is "no-new-privileges" "$(inside read '{"path":"/proc/self/status"}' | awk '/^NoNewPrivs/ {print $2}')" 1
	is "mem_limit, without swap on top" "$(inspected '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}')" "67108864 67108864"
	is "pids_limit" "$(inspected '{{.HostConfig.PidsLimit}}')" 50
	is "read_only" "$(inspected '{{.HostConfig.ReadonlyRootfs}}')" true
	is "an init of its own" "$(inspected '{{.HostConfig.Init}}')" true
	is "its messages are not logged to disk" "$(inspected '{{.HostConfig.LogConfig.Type}}')" none
	is "the engine does not restart it" "$(inspected '{{.HostConfig.RestartPolicy.Name}}')" no
	like "its name" "$(inspected '{{.Name}}')" "^/mcpinit-$INSTANCE-fake-[0-9]+$"
	is "its labels" "$(inspected '{{index .Config.Labels "io.mcpinit.server"}}')" fake
	unlike "the secret is not in a label" "$(inspected '{{.Config.Labels}}')" s3cret-token-value
	unlike "nor in the log" "$(<"$LOG")" s3cret-token-value
}
