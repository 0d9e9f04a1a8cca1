# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completion for mcpctl and mcpinit: verbs, their options, the names of servers and agents that there are, files.
# Needs bash 4.3 and nothing else. `make lint` holds the verbs and options against mcpctl's own.

# The first column of what a verb prints; nothing, and at once, where no mcpinit runs. Uses the caller's `socket`.
_mcpctl_ask() {
	local name
	timeout 1 "${COMP_WORDS[0]/#\~/$HOME}" "${socket[@]}" "$1" </dev/null 2>/dev/null |
		while read -r name _; do printf '%s\n' "$name"; done | sort -u
}

_mcpctl_offer() { # WORDS: those that begin with the caller's `cur`
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
	[[ $cur != *@* || ${COMP_WORDBREAKS-} != *@* ]] || COMPREPLY=("${COMPREPLY[@]#*@}")
}

_mcpctl_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# The words up to the cursor, with --name=value as two and NAME@AGENT as one: bash splits them into three.
_mcpctl_words() {
	local i
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		if ((i > 0)) && [[ ${COMP_WORDS[i]} == @ || ${COMP_WORDS[i - 1]} == @ ]]; then
			words[-1]+=${COMP_WORDS[i]}
		elif [[ ${COMP_WORDS[i]} != = ]]; then
			words+=("${COMP_WORDS[i]}")
		elif ((i == COMP_CWORD)); then
			words+=('')
		fi
	done
}

_mcpctl() {
	local cur verb='' n_args=0 i options=''
	local -a words socket=()
	COMPREPLY=()
	_mcpctl_words
	cur=${words[-1]}
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		-s | --socket) socket=(-s "${words[++i]}") ;;
		--agent | -n | --lines | --timeout | -c | --config) ((++i)) ;;
		-*) ;;
		*) if [[ -z $verb ]]; then verb=${words[i]}; else ((++n_args)); fi ;;
		esac
	done
	case ${words[-2]} in
	-s | --socket | -c | --config) _mcpctl_files && return ;;
	--agent) _mcpctl_offer "$(_mcpctl_ask agents)" && return ;;
	-n | --lines | --timeout) return ;;
	esac
	case $verb in
	start | restart | reload | pull) options='--no-wait' ;;
	stop) options='--no-wait --force' ;;
	logs) options='-f --follow -n --lines' ;;
	tools) options='--agent --accept' ;;
	call | connect | endpoint) options='--agent' ;;
	wait) options='--timeout' ;;
	healthy) options='--strict' ;;
	sweep) options='--dry-run --volumes' ;;
	doctor) options='--deep -c --config' ;;
	esac
	if [[ $cur == -* ]]; then
		_mcpctl_offer "$options -s --socket --json -h --help -V --version"
		return
	fi
	case $verb,$n_args in
	,*) _mcpctl_offer 'status start stop restart reload shutdown logs tools call connect agents endpoint wait healthy sweep metrics pull import doctor' ;;
	status,* | wait,*) _mcpctl_offer "$(_mcpctl_ask status)" ;;
	start,* | stop,* | restart,* | pull,*) _mcpctl_offer "all $(_mcpctl_ask status)" ;;
	logs,0 | tools,0 | call,0 | connect,0 | endpoint,0) _mcpctl_offer "$(_mcpctl_ask status)" ;;
	import,0) _mcpctl_files ;;
	esac
}

_mcpinit() {
	local cur=${COMP_WORDS[COMP_CWORD]} i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c) ((++i)) ;;
		--) ((++i)) && break ;;
		-*) ;;
		*) break ;; # COMMAND
		esac
	done
	if ((i < COMP_CWORD)) || [[ ${COMP_WORDS[COMP_CWORD - 1]} == -c ]]; then
		_mcpctl_files
	elif [[ $cur == -* && ${COMP_WORDS[COMP_CWORD - 1]} != -- ]]; then
		_mcpctl_offer '-c -t -v --strict -h --help -V --version'
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	fi
}

complete -F _mcpctl mcpctl
complete -F _mcpinit mcpinit
