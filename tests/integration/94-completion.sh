#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Completion in real bash and real zsh: names of servers and agents come from the running mcpinit, files from the disk; with
# nobody to ask it is quiet and quick. Verbs and options are held against mcpctl's own by tests/lint/completion.sh.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_fake
PATH=$BIN:$PATH
. docs/completion/mcpctl.bash

# offers WORD...: what bash has for the last one
offers() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	"_$1" 2>&1
	((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}

start=$(now_ms)
is "nobody to ask: bash offers no server" "$(offers mcpctl status '')" ""
is "and all that there is without one" "$(offers mcpctl stop '')" "all "
at_most "at once (milliseconds)" $(($(now_ms) - start)) 1000

config 'launch = process' <<END
[server:file-system]
command = $FAKE
[server:fake]
command = $FAKE
[server:broken]
command = $WORK/not-there
[agent:planner]
servers = fake
END
start_mcpinit
await is_state fake RUNNING
is "bash: servers" "$(offers mcpctl status '')" "broken fake file-system "
is "bash: those that begin so" "$(offers mcpctl logs -f fil)" "file-system "
is "bash: no second server where one is taken" "$(offers mcpctl logs fake '')" ""
is "bash: as many as one likes where many are" "$(offers mcpctl wait --timeout 5s fake f)" "fake file-system "
is "bash: all of them" "$(offers mcpctl restart --no-wait '')" "all broken fake file-system "
is "bash: agents" "$(offers mcpctl call fake echo --agent '')" "default planner "
is "bash: agents, behind =" "$(offers mcpctl connect --agent = pl)" "planner "
is "bash: nothing for a number" "$(offers mcpctl logs fake -n '')" ""
is "bash: options may come before the verb" "$(offers mcpctl --json st)" "start status stop "
is "bash: the socket that is named is asked" "$(MCPCTL_SOCKET=/nonexistent offers mcpctl -s "$RUN/planner/agent.sock" status '')" "fake "
touch "$WORK/client one.json"
is "bash: a file to import" "$(offers mcpctl import "$WORK/cl")" "$WORK/client one.json "
is "bash: a socket is a file" "$(offers mcpctl -s "$CTL/")" "$CTL/control.sock "
is "bash: mcpinit -c takes a file" "$(offers mcpinit -c "$WORK/mcpinit.i")" "$CONF "
is "bash: behind its options comes a command" "$(offers mcpinit -c "$CONF" -- mcpct | grep -ow mcpctl | sort -u)" "mcpctl"
is "bash: behind that, files" "$(offers mcpinit cat "$WORK/mcpinit.i")" "$CONF "

if command -v zsh >/dev/null; then
	mapfile -t said < <(timeout "$TIMEOUT" zsh -f tests/completion.zsh 'mcpctl status ' 'mcpctl logs -f fi' \
		'mcpctl restart --no-wait ' 'mcpctl call fake echo --agent ' "mcpctl -s $RUN/planner/agent.sock status " \
		"mcpctl import $WORK/cl" "mcpinit -c $WORK/mcpinit.i" | tr '\n' ' ' | sed 's/ *\. /\n/g')
	is "zsh: servers" "${said[0]}" "broken fake file-system"
	is "zsh: those that begin so" "${said[1]}" "file-system"
	is "zsh: all of them" "${said[2]}" "all broken fake file-system"
	is "zsh: agents" "${said[3]}" "default planner"
	is "zsh: the socket that is named is asked" "${said[4]}" "fake"
	like "zsh: a file to import" "${said[5]}" 'client one\.json'
	like "zsh: mcpinit -c takes a file" "${said[6]}" 'mcpinit\.ini'
else
	skip "what zsh offers" "zsh is not installed"
fi

# Where the shells look for them.
make -s --no-print-directory install PREFIX=/usr DESTDIR="$WORK/root" BUILD="${BUILD:-build}" MODE="${MODE:-}" >/dev/null
is "they are installed" "$(cd "$WORK/root/usr/share" && find bash-completion zsh -type f -o -type l | sort | tr '\n' ' ')" \
	"bash-completion/completions/mcpctl bash-completion/completions/mcpinit zsh/site-functions/_mcpctl "
