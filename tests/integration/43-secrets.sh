#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Secrets: each way in, by each launcher, as text and as JSON, at debug: the server that names it has the value, byte for
# byte, and it is nowhere else: no argv, label, log line, status, metric, error answer or core. What is missing is named.
# timeout: 240
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
((EUID == 0)) || skip_all "reading what others' processes were started with needs root"

# A server that says what it was told: the named variables to stderr, then it is the fake one.
cat >"$WORK/say.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int i = 1;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		fprintf(stderr, "I have %s=%s!\n", argv[i], getenv(argv[i]) ? getenv(argv[i]) : "");
	return execv(argv[i + 1], argv + i + 1);
}
END
image=mcpinit-test/secrets:$INSTANCE
mkdir -p "$WORK/image" "$WORK/cwd" "$WORK/secrets"
gcc -O1 -static -o "$WORK/image/say" "$WORK/say.c"
gcc -std=gnu17 -D_GNU_SOURCE -O1 -static -o "$WORK/image/fake_mcp" tests/fixtures/fake_mcp.c
tar -C "$WORK/image" -c . | docker import - "$image" >/dev/null
strace_pid=
at_end() {
	[ -z "$strace_pid" ] || kill "$strace_pid" 2>/dev/null
	is_running && stop_mcpinit
	no_containers || await no_containers
	docker rmi "$image" >/dev/null
}

# Each value has a part of its own that can be searched for, whatever became of quotes and newlines around it.
n=$RANDOM$RANDOM
marks="mark-(pass|file|env|secret|long|expanded)-$n"
odd=$'a first line of it\n\tindented="quoted\'d" \\ a=b\n'
export PASSED=mark-pass-$n WORD=mark-expanded-$n BY_FILE_FILE=$WORK/secrets/file
printf '%smark-file-%s\n' "$odd" "$n" >"$BY_FILE_FILE"
printf 'mark-secret-%s' "$n" >"$WORK/secrets/secret"
yes "mark-long-$n" | tr '\n' '+' | head -c 102400 >"$WORK/secrets/long"
printf '# a comment\nFROM_ENV_FILE="mark-env-%s" = #1\n' "$n" >"$WORK/secrets/env"
names=(PASSED BY_FILE EXPANDED FROM_ENV_FILE FROM_SECRET LONG)
values=("$PASSED" "${odd}mark-file-$n" "<$WORD>" "\"mark-env-$n\" = #1" "mark-secret-$n" "$(<"$WORK/secrets/long")")

# server NAME LAUNCH VARIABLE...: says the variables, dies of the first call
server() {
	local dir=
	[ "$2" != process ] || dir=$WORK/image
	printf '[server:%s]\nlaunch = %s\ncommand = ' "$1" "$2"
	echo "$dir/say ${*:3} -- $dir/fake_mcp --exit-after 1 of-$1"
	[ "$2" = process ] || printf 'image = %s\nnetwork_mode = none\n' "$image"
}
pid_of() { # pid_of NAME LAUNCH: of its process, or of the init of its container
	if [ "$2" = process ]; then
		pgrep -f "/fake_mcp --exit-after 1 of-$1\$"
	else
		docker inspect -f '{{.State.Pid}}' "$(container "$1")"
	fi
}
# value NAME PID: the variable as that process has it
value() {
	local -a env
	mapfile -d '' env <"/proc/$2/environ"
	local item
	for item in "${env[@]}"; do
		[ "${item%%=*}" != "$1" ] || printf '%s.' "${item#*=}"
	done
}
has_no() { # has_no NAME FILE...: none of the values
	local found
	found=$(shift && grep -aoE ".{0,60}$marks" "$@")
	is "$1" "$found" ""
}
# Every exec of mcpinit and of what comes of it, with the whole argv.
watch_execs() {
	: >"$WORK/execs"
	strace -qq -f -s 1000000 -e trace=execve -e signal=none -o "$WORK/execs" -p "$MCPINIT_PID" 2>"$WORK/strace" &
	strace_pid=$!
	until grep -qs 'TracerPid:[[:space:]]*[1-9]' "/proc/$MCPINIT_PID/status"; do
		kill -0 $strace_pid 2>/dev/null || return 1
		sleep 0.01
	done
}

check_launch() { # check_launch LAUNCH FORMAT
	local what="$1, $2" i answer
	config 'log_level = debug' "log_format = $2" <<-END
		$(server full "$1" "${names[@]}")
		environment        = PASSED, BY_FILE, EXPANDED=<\${WORD}>
		env_file           = $WORK/secrets/env
		secret_environment = FROM_SECRET=$WORK/secrets/secret, LONG=$WORK/secrets/long
		$(server none "$1")
	END
	start_mcpinit
	await ctl wait
	if command -v strace >/dev/null && watch_execs; then
		ctl restart all >/dev/null
		kill $strace_pid
		wait $strace_pid 2>/dev/null
		strace_pid=
		if [ "$1" = api ]; then
			is "$what: nothing was executed" "$(<"$WORK/execs")" ""
		else
			like "$what: the execs were seen" "$(<"$WORK/execs")" 'execve.*of-full'
		fi
		has_no "$what: no argv of an exec" "$WORK/execs"
	else
		skip "$what: no argv of an exec" "no strace, or it may not trace"
	fi
	for i in "${!names[@]}"; do
		is "$what: ${names[i]} is there, byte for byte" "$(value "${names[i]}" "$(pid_of full "$1")" | cksum)" \
			"$(printf '%s.' "${values[i]}" | cksum)"
	done
	tr '\0' '\n' <"/proc/$(pid_of none "$1")/environ" >"$WORK/env-of-none"
	has_no "$what: a server that does not name them has none" "$WORK/env-of-none"
	grep -alE "$marks" /proc/[0-9]*/cmdline >"$WORK/cmdlines" 2>/dev/null
	is "$what: no command line of any process" "$(<"$WORK/cmdlines")" ""
	if [ "$1" != process ]; then
		docker inspect -f '{{json .Config.Labels}} {{json .Args}} {{.Name}} {{json .HostConfig}}' \
			"$(container full)" "$(container none)" >"$WORK/inspected"
		has_no "$what: no label or argument of the containers" "$WORK/inspected"
	fi
	rpc full "$(tool_call 1 pid)" >"$WORK/answer"
	answer=$(jq -r .error.data.stderrTail "$WORK/answer")
	like "$what: the error answer has its last words" "$answer" 'I have FROM_SECRET=\*\*\*!'
	has_no "$what: but not the values" "$WORK/answer"
	for answer in status 'status --json' metrics 'logs full' 'logs full --json' 'tools --json'; do
		# shellcheck disable=SC2086 # words
		ctl $answer
	done >"$WORK/answers" 2>&1
	like "$what: it was heard" "$(<"$WORK/answers")" 'I have PASSED=\*\*\*!'
	has_no "$what: no answer of the socket" "$WORK/answers"
	stop_mcpinit
	like "$what: the log has its words" "$(<"$LOG")" 'I have FROM_ENV_FILE=\*\*\*!'
	has_no "$what: no line of the log" "$LOG"
	is "$what: nor the odd parts of a value" "$(grep -cE "quoted'd|a first line of it" "$LOG")" 0
}
for launch in api cli process; do
	for format in text json; do
		check_launch "$launch" "$format"
	done
done

# What is missing: that server is FATAL and says what and where; the others run.
for launch in api cli process; do
	config <<-END
		$(server good "$launch")
		$(server variable "$launch")
		environment = NOT_SET_ANYWHERE
		$(server by-file "$launch")
		environment = GONE
		$(server folder "$launch")
		secret_environment = FOLDER=$WORK/secrets
		$(server secret "$launch")
		secret_environment = SECRET=$WORK/secrets/not-there
		$(server env-file "$launch")
		env_file = $WORK/secrets/no-env
		$(server optional "$launch")
		environment        = NOT_SET_ANYWHERE?
	END
	GONE_FILE=$WORK/secrets/gone start_mcpinit
	await ctl wait good optional
	is "$launch, missing: the others run" "$(state good) $(state optional)" "RUNNING RUNNING"
	while read -r name words; do
		await is_state "$name" FATAL
		like "$launch, missing: $name says what" "$(ctl status "$name")" "$words"
		like "$launch, missing: so does its log line" "$(grep -E "error +$name " "$LOG")" "$words"
	done <<-END
		variable environment: NOT_SET_ANYWHERE is not set.*docker run -e NOT_SET_ANYWHERE
		by-file environment: GONE_FILE: .*$WORK/secrets/gone
		folder secret_environment: FOLDER: .*$WORK/secrets
		secret secret_environment: SECRET: .*$WORK/secrets/not-there
		env-file env_file: .*$WORK/secrets/no-env
	END
	[ "$launch" != process ] || printf 'now-it-is-there' >"$WORK/secrets/not-there"
	if [ "$launch" = process ]; then
		ctl start secret >/dev/null
		is "missing: once it is there, start is enough" "$(value SECRET "$(pid_of secret process)")" now-it-is-there.
		printf 'another-value' >"$WORK/secrets/not-there"
		ctl restart secret >/dev/null
		is "the next start has what the file holds then" "$(value SECRET "$(pid_of secret process)")" another-value.
	fi
	stop_mcpinit
done

# What the docker command would obey itself it cannot be told by name: a secret is not put in its argv instead.
config <<END
$(server obeyed cli)
secret_environment = DOCKER_CUSTOM_HEADERS=$WORK/secrets/secret
END
start_mcpinit
await is_state obeyed FATAL
like "a secret that the docker command would obey is refused" "$(ctl status obeyed)" \
	'environment: the docker CLI would take DOCKER_CUSTOM_HEADERS for itself.*set launch = api'
stop_mcpinit

# A core: ours never, a server's as ever.
if ! (cd "$WORK/cwd" && ulimit -c unlimited && ! sh -c 'kill -SEGV $$') 2>/dev/null || ! rm "$WORK"/cwd/core* 2>/dev/null; then
	skip "no core of ours" "this machine writes none into the working directory (core_pattern, ulimit -c)"
	exit 0
fi
config <<END
$(server full process)
environment = PASSED
END
: >"$LOG"
(cd "$WORK/cwd" && ulimit -c unlimited && exec "$BIN/mcpinit" -c "$CONF" </dev/null 2>"$LOG") &
pid=$!
cores() {
	find "$WORK/cwd" -name 'core*'
}
await ctl wait
is "a server has the limit for cores that we were started with" \
	"$(awk '/^Max core file size/ {print $5}' "/proc/$(pid_of full process)/limits")" unlimited
kill -SEGV "$(pid_of full process)"
await log_has 'killed by signal 11'
is "and its core is written" "$(cores | wc -l)" 1
rm -f "$WORK"/cwd/core*
await ctl wait
(cd "$WORK/cwd" && ulimit -c unlimited && exec "$BIN/mcpctl" connect full < <(exec sleep 100)) >/dev/null &
connect=$!
await grep -q 'connect' "/proc/$connect/cmdline"
kill -SEGV $connect
kill -ABRT $pid
wait $connect 2>/dev/null
is "mcpctl died of it" $? $((128 + 11))
wait $pid 2>/dev/null
is "mcpinit died of it" $? $((128 + 6))
is "no core of ours" "$(cores)" ""
# The next life tidies up after it.
start_mcpinit
await ctl wait
stop_mcpinit
