#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# network_mode and extra_hosts, seen from inside of the server's container, by both launchers.
# timeout: 180
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake

net=mcpinit-$INSTANCE
other=mcpinit-it-$INSTANCE
at_end() {
	docker rm -f "$other" >/dev/null 2>&1
	docker network rm "$net" >/dev/null 2>&1
}
docker network inspect bridge >/dev/null 2>&1 || skip_all "the engine has no bridge"
docker network create "$net" >/dev/null 2>&1 || skip_all "this engine cannot make networks"
docker run -d -i --name "$other" --hostname the-other "$FAKE_IMAGE" >/dev/null

inside() { # inside SERVER FILE
	rpc "$1" "$(tool_call 1 read "{\"path\":\"$2\"}")" | text_of
}
interfaces() { # of /proc/net/dev, on one line
	sed -n 's/^ *\([^ :]*\):.*/\1/p' | sort | paste -sd ' '
}
gateway=$(docker run --rm --add-host host.docker.internal:host-gateway -i "$FAKE_IMAGE" <<<"$(
	initialize_line
	echo
	tool_call 1 read '{"path":"/etc/hosts"}'
)" | tail -n 1 | text_of | awk '/host.docker.internal/ {print $1}')
like "the engine itself knows its gateway" "$gateway" '^[0-9a-f.:]+$'

for launch in api cli; do
	config "launch = $launch" <<-END
		[defaults]
		image = $FAKE_IMAGE
		[server:none]
		network_mode = none
		[server:bridge]
		network_mode = bridge
		extra_hosts  = host.docker.internal:host-gateway, db:192.0.2.7
		[server:own]
		network_mode = $net
		extra_hosts  = host.docker.internal:host-gateway
		[server:host]
		network_mode = host
		[server:joined]
		network_mode = container:$other
	END
	start_mcpinit
	await ctl wait --timeout 20s
	is "$launch: none: loopback alone" "$(inside none /proc/net/dev | interfaces)" "lo"
	like "$launch: bridge: an interface of its own" "$(inside bridge /proc/net/dev | interfaces)" '^eth0 lo$'
	like "$launch: extra_hosts: host-gateway is the engine's machine" "$(inside bridge /etc/hosts)" \
		"$gateway +host.docker.internal"
	like "$launch: extra_hosts: an address as written" "$(inside bridge /etc/hosts)" '192.0.2.7 +db'
	is "$launch: a network by name" "$(docker inspect -f '{{range $n, $_ := .NetworkSettings.Networks}}{{$n}}{{end}}' "$(container own)")" "$net"
	like "$launch: a network by name has the engine's names" "$(inside own /etc/resolv.conf)" 'nameserver 127.0.0.11'
	like "$launch: host-gateway there, too" "$(inside own /etc/hosts)" "$gateway +host.docker.internal"
	is "$launch: host: the interfaces of the machine" "$(inside host /proc/net/dev | interfaces)" "$(interfaces </proc/net/dev)"
	is "$launch: container: the network of that one" "$(inside joined /etc/hosts)" \
		"$(docker run --rm -i --network "container:$other" "$FAKE_IMAGE" <<<"$(
			initialize_line
			echo
			tool_call 1 read '{"path":"/etc/hosts"}'
		)" | tail -n 1 | text_of)"
	like "$launch: container: so it has its name" "$(inside joined /etc/hosts)" 'the-other'
	stop_mcpinit
done
