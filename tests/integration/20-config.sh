#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016
# What is wrong in a configuration is said with file, line, section and key, all of it in one run, and the exit status is 78.
. "$(dirname "$0")/lib.sh"

# bad NAME REGEX...: the configuration on stdin is refused; each REGEX is a line of it behind "FILE:".
bad() {
	local name=$1 out rc regex
	shift
	cat >"$CONF"
	out=$(env -u MCPINIT_CONFIG timeout 10 "$BIN/mcpinit" -c "$CONF" -t 2>&1 </dev/null)
	rc=$?
	for regex; do
		grep -qE "^$CONF:$regex" <<<"$out" || rc="$rc, and no line is: $regex"
	done
	if [ "$rc" = 78 ]; then ok "$name"; else not_ok "$name" "exit $rc"$'\n'"$out"; fi
}

bad "an unknown key, and the nearest one that exists" '2: server:a: imgae: .*image' <<'END'
[server:a]
imgae = x
END
bad "an unknown section, and the nearest one" '1: .*sever.*server' <<'END'
[sever:a]
image = x
END
bad "neither image nor command" '2: server:a: .*image.*command' <<'END'

[server:a]
required = yes
END
bad "a server's name" '1: .*Git Hub.* not a name' <<'END'
[server:Git Hub]
image = x
END
bad "a duration" '3: server:a: start_timeout: .*10 *s' <<'END'
[server:a]
image = x
start_timeout = ten
END
bad "a size" '3: server:a: mem_limit: ' <<'END'
[server:a]
image = x
mem_limit = 2 gigs
END
bad "a boolean" '3: server:a: required: .*(yes|true)' <<'END'
[server:a]
image = x
required = maybe
END
bad "one of several values, and which" '2: mcpinit: launch: .*auto.*process' <<'END'
[mcpinit]
launch = docker
END
bad "a key that is there twice" '3: server:a: image: ' <<'END'
[server:a]
image = x
image = y
END
bad "a section that is there twice" '3: server:a: ' <<'END'
[server:a]
image = x
[server:a]
image = y
END
bad "a dependency that does not exist" '3: server:a: depends_on: .*nobody' <<'END'
[server:a]
image = x
depends_on = nobody
END
bad "dependencies in a circle" '[36]: server:[ab]: depends_on: .*a.*b' <<'END'
[server:a]
image = x
depends_on = b
[server:b]
image = x
depends_on = a
END
bad "a volume without a target" '3: server:a: volumes: ' <<'END'
[server:a]
image = x
volumes = /data
END
bad "required and never started" '3: server:a: (required|autostart): ' <<'END'
[server:a]
image = x
required = yes
autostart = lazy
END
bad "SERVER:TOOL where TOOL belongs, with the right form" '3: server:a: tools: .*read_\*' <<'END'
[server:a]
image = x
tools = a:read_*
END
bad "TOOL where SERVER:TOOL belongs" '4: agent:p: tools: .*:read_\*' <<'END'
[server:a]
image = x
[agent:p]
tools = read_*
END
bad "an agent with a server that does not exist" '4: agent:p: servers: .*nobody' <<'END'
[server:a]
image = x
[agent:p]
servers = nobody
END
bad "a quote that is not closed" '2: server:a: command: ' <<'END'
[server:a]
command = npx "x
END
bad "a variable that is not closed" '2: server:a: image: ' <<'END'
[server:a]
image = ${VAR
END
bad "a variable of [mcpinit] that must be set, with its message" '2: mcpinit: instance: .*name this stack' <<'END'
[mcpinit]
instance = ${NOT_SET_ANYWHERE:?name this stack}
END
bad "a variable's name" '3: server:a: environment: .*1X' <<'END'
[server:a]
image = x
environment = 1X=2
END
bad "an address" '3: server:a: dns: .*8\.8\.8' <<'END'
[server:a]
image = x
dns = 8.8.8
END
bad "a user that does not exist" '2: agent:p: user: .*no-such-user' <<'END'
[agent:p]
user = no-such-user
END
bad "a line that is neither section nor key" '3: .*' <<'END'
[server:a]
image = x
what is this
END
bad "a key before any section" '1: .*image' <<'END'
image = x
END
bad "a feature of a later version" '3: server:a: transport: .*not supported' <<'END'
[server:a]
image = x
transport = http
END
{
	printf '[server:a]\nimage = x\nenvironment = A=%s\n' "$(head -c 60000 /dev/zero | tr '\0' y)"
	printf 'requierd = yes\n'
} >"$WORK/long"
bad "the line after one of 60,000 characters" '4: server:a: requierd: .*required' <"$WORK/long"
bad "all errors of a file in one run" '2: server:a: imgae: ' '3: server:a: backoff: ' '5: server:b: launch: ' <<'END'
[server:a]
imgae = x
backoff = soon
[server:b]
launch = rocket
image = y
END
mkdir "$WORK/conf.d"
printf '[server:b]\nimage = x\ncpus = many\n' >"$WORK/conf.d/b.ini"
printf '[server:a]\nimgae = x\n' >"$CONF"
out=$("$BIN/mcpinit" -t -c "$CONF" 2>&1)
like "the errors of all files, each with its own name" "$out" "$CONF:2: server:a: imgae: .*$WORK/conf.d/b.ini:3: server:b: cpus: "
rm -r "$WORK/conf.d"

out=$("$BIN/mcpinit" -t -c "$WORK/not-there.ini" 2>&1)
is "a file that is not there: 78" $? 78
like "and it is named" "$out" "$WORK/not-there.ini"

# What is right.
for example in examples/*.ini; do
	out=$(env -u SERVERS_DIR "$BIN/mcpinit" -t -c "$example" 2>&1)
	is "$example is valid" $? 0
	like "$example: what was decided is shown" "$out" ' (image|process) |cannot start'
done
cat >"$CONF" <<'END'
[server:a]
image = x
environment = TOKEN=${NOT_SET_ANYWHERE:?set a token}
END
"$BIN/mcpinit" -t -c "$CONF" >"$WORK/out" 2>&1
is "what is missing only at run time does not make the file invalid" $? 0
like "but is a warning" "$(<"$WORK/out")" "$CONF:3: server:a: environment: .*set a token"
"$BIN/mcpinit" -t --strict -c "$CONF" >/dev/null 2>&1
is "and an error with --strict" $? 78

# What arrives. A value of 60,000 characters, comments, quotes, continuation lines, expansion.
need_fake
export GREETING=hello
{
	printf '[server:fake]\ncommand = %s "two words" it'"\\\\'"'s # not this\n' "$FAKE"
	printf 'environment = LONG=%s,\n  GREET=${GREETING} ${NOBODY:-world} $$5,\n  HASH="a # b"\n' "$(head -c 60000 /dev/zero | tr '\0' y)"
} | config 'launch = process'
start_mcpinit
await is_state fake RUNNING
inside() {
	rpc fake "$(tool_call 1 "$1" "$2")" | text_of
}
is "60,000 characters of one line arrive whole" "$(inside env '{"name":"LONG"}' | wc -c)" 60001
is "expansion, defaults and dollars" "$(inside env '{"name":"GREET"}')" 'hello world $5'
is "quotes protect a comment's sign" "$(inside env '{"name":"HASH"}')" 'a # b'
is "words as a shell splits them, without a comment" "$(inside args '{}')" "[two words] [it's]"
