#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A terminal and a shell as COMMAND: `docker run -it`, a job of another shell, a terminal that goes away.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_fake

config 'launch = process' 'command_grace = 1s' 'log_level = error' <<END
[server:fake]
command = $FAKE
END
python() { # python MODE ARGUMENT...: its lines are ours
	python3 tests/supervision/terminal.py "$@" || n_failed=$((n_failed + 1))
}
python shell "$BIN/mcpinit" "$CONF" "$WORK"
python hangup "$BIN/mcpinit" "$CONF" "$WORK"
# shellcheck disable=SC2034 # it tells finish() to look, too
STATUS=0
nothing_left

need_image fake
# A root file system of the few programs that it takes.
root=$WORK/root
for program in "$BIN/mcpinit" "$BIN/mcpctl" "$(command -v bash)" "$(command -v sleep)" "$(command -v stty)"; do
	install -D "$(readlink -f "$program")" "$root/bin/$(basename "$program")"
	ldd "$program" | grep -o '/[^ ]*' | xargs -r cp -L --parents -t "$root"
done
mv "$root/bin/mcpctl" "$root/mcpctl"
cp "$FAKE" "$root/bin/fake_mcp"
mkdir -p "$root/etc/mcpinit" "$root/run"
printf '[mcpinit]\nlaunch = process\ncommand_grace = 1s\nlog_level = error\n[server:fake]\ncommand = /bin/fake_mcp\n' \
	>"$root/etc/mcpinit/mcpinit.ini"
image=mcpinit-test/terminal-$INSTANCE
name=mcpinit-terminal-$INSTANCE
at_end() {
	docker rm -f "$name" >/dev/null 2>&1
	docker rmi "$image" >/dev/null 2>&1
}
tar -C "$root" --numeric-owner --owner=0 --group=0 -c . |
	docker import -c 'ENV PATH=/bin' -c 'ENTRYPOINT ["/bin/mcpinit","--"]' - "$image" >/dev/null
python docker "$image" "$name"
