# SPDX-License-Identifier: MIT
# What zsh offers for command lines, one word a line and a line of one dot behind each answer:
#   zsh -f tests/completion.zsh 'mcpctl logs ' 'mcpctl st' …
# A real zsh with compinit, on a terminal of its own; compadd, the last step of completion, prints what it is given.
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= PS2=; fpath=(${0:A:h:h}/docs/completion \$fpath); stty -echo
autoload -Uz compinit && compinit -u -D
compadd() {
	local -a hits
	if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)* ]]; then
		builtin compadd -O hits \"\$@\"
		(( \$#hits )) && print -l -- HIT:\$^hits
	fi
	builtin compadd \"\$@\"
}
zle -C offer list-choices _main_complete
ask() { zle offer; print -- END\\:; BUFFER= }
zle -N ask
bindkey '^X' ask
print READ\\Y"
zpty -r z out '*READY*'
for line; do
	zpty -n -w z "$line"$'\x18'
	zpty -r z out '*END:*'
	print -r -- "$out" | tr -d '\r' | sed -n 's/.*HIT:\(.*[^ ]\) *$/\1/p' | sort -u
	print .
done
zpty -d z
