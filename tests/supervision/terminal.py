#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A person at a terminal, with mcpinit between them and a shell.

  terminal.py docker IMAGE CONTAINER     `docker run -it`: mcpinit is PID 1, bash is COMMAND
  terminal.py shell MCPINIT CONFIG WORK  mcpinit is a job of a shell; it is no PID 1
  terminal.py hangup MCPINIT CONFIG WORK mcpinit is PID 1 of a namespace, and its terminal goes away
Prints ok - ... and not ok - ... lines. What is typed is echoed, so an expected text is one that only a program can
have made: `echo a-$((1+1))` is answered by a-2.
"""
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

PATIENCE = 15 * (3 if os.environ.get("MODE") else 1)
NAMESPACE = ["unshare", "-pf", "--mount-proc", "--kill-child=KILL"] + ([] if os.geteuid() == 0 else ["-r"])
BASH = ["bash", "--norc", "--noprofile", "-i"]
N_FAILED = 0


def check(name, is_true, detail=""):
    global N_FAILED
    print(f"{'ok' if is_true else 'not ok'} - {name}", flush=True)
    if not is_true:
        N_FAILED += 1
        print(f"#   {detail}", flush=True)


class Terminal:
    """A program with a terminal of its own; `setsid -c` in argv gives it to a program further down."""

    def __init__(self, argv, **how):
        self.master, slave = os.openpty()
        self.resize(24, 80)
        self.seen = ""

        def own_the_terminal():
            os.setsid()
            if "setsid" not in argv:
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        env = os.environ | {"PS1": "$ ", "TERM": "dumb"}
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env,
                                        preexec_fn=own_the_terminal, **how)
        os.close(slave)

    def type(self, text):
        os.write(self.master, text.encode())

    def reads(self, pattern):
        """The match of what comes next on the screen, or None; what was matched is not seen again."""
        end = time.monotonic() + PATIENCE
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            if time.monotonic() > end:
                return None
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # the last one has closed it
                    return re.search(pattern, self.seen)

    def says(self, name, pattern):
        match = self.reads(pattern)
        check(name, match, f"/{pattern}/ not in {self.seen[-400:]!r}")
        return match

    def run(self, command):
        self.type(command + "\n")

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def status(self):
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None

    def hang_up(self):
        os.close(self.master)


def job_control(term, where):
    """A shell with jobs: what the keys and the shell's own words do."""
    before = term.says(f"{where}: a shell without complaints", r"\$ ") and term.seen
    check(f"{where}: it has job control", "no job control" not in (before or ""), before)
    term.run("echo shell-$$-")
    shell = term.reads(r"shell-(\d+)-")
    term.run("bash -c 'echo begun-$((1+1)); exec sleep 1000'")
    term.reads("begun-2")
    term.type("\x03")
    term.run("echo status-$?-$$-")
    is_same = term.says(f"{where}: Ctrl-C ends the program in the foreground", r"status-130-(\d+)-")
    check(f"{where}: and not the shell", is_same and is_same[1] == shell[1])

    term.run("bash -c 'echo begun-$((2+2)); while read -r line; do echo got-$((5+5))-$line; done'")
    term.reads("begun-4")
    term.type("\x1a")
    term.says(f"{where}: Ctrl-Z stops it", "Stopped")
    term.run("jobs")
    term.says(f"{where}: jobs knows it", r"\[1\]\+\s+Stopped")
    term.run("fg")
    term.reads("bash -c")
    term.run("more")
    term.says(f"{where}: fg continues it, with the terminal", "got-10-more")
    term.type("\x1a")
    term.reads("Stopped")
    term.run("bg")
    term.reads(r"&\r?\n")
    time.sleep(0.2)  # until it has tried
    term.run("jobs")
    term.says(f"{where}: in the background it may not read the terminal", r"Stopped( \(tty input\))?")
    term.run("kill %1; fg")
    term.reads("bash -c")
    term.run("sleep 1000")
    time.sleep(0.3)  # no sign tells that it has begun; Ctrl-Z before it stops nothing
    term.type("\x1a")
    term.reads("Stopped")
    term.run("bg; jobs")
    term.says(f"{where}: bg continues it", r"\[\d\]\+\s+Running")
    term.run("kill %%; wait; echo gone-$((3+3))")
    term.reads("gone-6")


def window_size(term, where, tell):
    term.run("trap 'echo winch-$((7+7))' WINCH; echo set-$((1+1))")
    term.reads("set-2")
    term.resize(50, 120)
    tell()
    term.run("")
    term.says(f"{where}: a new window size arrives as a signal", "winch-14")
    # The first signal may be of the size that docker gives a terminal at first.
    term.run("until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; stty size")
    term.says(f"{where}: and as a size", "50 120\r")


# --- docker run -it ------------------------------------------------------------------------------------


def docker(*args):
    return subprocess.run(["docker", *args], capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def server_of(container):
    """The server's pid in there, and that it runs."""
    return docker("exec", container, "/mcpctl", "status", "fake").split()[1:2] + \
        docker("exec", container, "/bin/bash", "-c", "for p in /proc/[0-9]*; do read -r c <$p/comm && "
               "[ $c = fake_mcp ] && echo ${p#/proc/}; done").split()


def in_docker(image, container):
    where = "docker run -it"
    run = ["docker", "run", "-it", "--name", container, "--network", "none", "-e", "PS1=$ ", image]
    term = Terminal([*run, *BASH])
    job_control(term, where)
    check(f"{where}: mcpinit is PID 1", docker("exec", container, "/bin/bash", "-c", "read -r c </proc/1/comm; echo $c") ==
          "mcpinit")
    server = server_of(container)
    check(f"{where}: the server runs", server[:1] == ["RUNNING"], str(server))
    for key in "\x03\x1a\x1c\x03":
        term.type(key)
        time.sleep(0.1)  # what is typed on the heels of Ctrl-C the terminal throws away
    term.run("echo after-$((8+8))")
    term.says(f"{where}: keys at the prompt harm nobody", "after-16")
    check(f"{where}: not the server either", server_of(container) == server, str(server_of(container)))
    window_size(term, where, lambda: term.process.send_signal(signal.SIGWINCH))

    other = Terminal(["docker", "attach", container])
    other.run("echo both-$((9+9))")
    other.says(f"{where}: docker attach sees the same shell", "both-18")
    other.type("\x10\x11")  # the keys that detach
    check(f"{where}: and detaches", other.status() is not None, other.seen[-200:])
    term.run("echo still-$((10+10))")
    term.says(f"{where}: which the shell does not notice", "still-20")
    term.run("exit 7")
    check(f"{where}: exit 7 ends the container with 7", term.status() == 7, term.seen[-400:])
    docker("rm", "-f", container)

    term = Terminal([*run, *BASH])
    term.reads(r"\$ ")
    term.hang_up()
    term.status()
    docker("wait", container)
    # docker passes HUP on, and it ends a shell.
    check(f"{where}: the window closed: HUP is COMMAND's",
          docker("inspect", "-f", "{{.State.ExitCode}}", container) == "129", docker("logs", container))
    docker("rm", "-f", container)

    docker("run", "-dit", *run[3:], *BASH)
    other = Terminal(["docker", "attach", container])
    other.run("echo again-$((11+11))")
    other.says(f"{where}: docker run -d, attached to later: the same", "again-22")
    start = time.monotonic()
    docker("stop", container)
    took = time.monotonic() - start
    check(f"{where}: docker stop ends a shell that ignores TERM, without docker's own KILL", took < 9.5, f"{took:.1f} s")
    check(f"{where}: its status is COMMAND's", other.status() == 137, str(other.process.returncode))


# --- a job of a shell ----------------------------------------------------------------------------------


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def await_states(pids, wanted):
    end = time.monotonic() + PATIENCE
    while [state_of(pid) for pid in pids] != wanted and time.monotonic() < end:
        time.sleep(0.02)
    return [state_of(pid) for pid in pids]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


def program_of(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return "gone"


def server_and_command(init):
    """COMMAND does not wait for a server that is not required, so it may be there before it, or before its exec."""
    end = time.monotonic() + PATIENCE
    while True:
        found = {program_of(pid): pid for pid in children(init)}
        if {"fake_mcp", "bash"} <= found.keys() or time.monotonic() > end:
            return found["fake_mcp"], found["bash"]
        time.sleep(0.02)


def below_a_shell(mcpinit, config, work):
    where = "not PID 1"
    term = Terminal(BASH, cwd=work)
    term.reads(r"\$ ")
    term.run(f"{mcpinit} -c {config} -- bash -c 'echo begun-$((1+1)); while read -r l; do echo got-$((5+5))-$l; done; "
             "exit 3' ")
    term.reads("begun-2")
    init, = children(term.process.pid)
    server, command = server_and_command(init)
    term.type("\x1a")
    term.says(f"{where}: Ctrl-Z gives the terminal back to the shell", "Stopped")
    states = await_states([init, command], ["T", "T"])
    check(f"{where}: mcpinit is stopped; COMMAND is continued with it", states[0] == "T", str(states))
    check(f"{where}: a server is not", state_of(server) in "SR", state_of(server))
    term.run("echo back-$((6+6))")
    term.says(f"{where}: the shell is there", "back-12")
    term.run("fg")
    term.run("more")
    term.says(f"{where}: fg continues both, with the terminal", "got-10-more")
    check(f"{where}: mcpinit, too", await_states([init], ["S"]) == ["S"], state_of(init))
    check(f"{where}: with the same server", server in children(init))
    term.type("\x1a")
    term.reads("Stopped")
    term.run("kill %1; fg")
    term.run("echo ended-$?-")
    term.says(f"{where}: TERM while it is stopped ends it, once it is continued", "ended-143-")

    term.run(f"{mcpinit} -c {config} -- bash -c 'echo begun-$((1+1)); read -r l; exit 3'; echo ended-$?-")
    term.reads("begun-2")
    term.type("\x04")
    term.says(f"{where}: Ctrl-D is the end of COMMAND's stdin, and its status is ours", "ended-3-")

    term.run(f"{mcpinit} -c {config} -- {' '.join(BASH)}")
    term.reads("-i\r\n")
    job_control(term, f"{where}, a shell below mcpinit")
    window_size(term, f"{where}, a shell below mcpinit", lambda: None)
    term.run("exit 9")
    term.run("echo ended-$?-")
    term.says(f"{where}, a shell below mcpinit: its status is ours", "ended-9-")
    term.run("echo outer-$((7+7))")
    term.says(f"{where}: and the terminal is the outer shell's again", "outer-14")
    term.run("exit")
    check(f"{where}: which ends", term.status() == 0)


def hung_up(mcpinit, config, work):
    where = "the terminal goes away"
    told = os.path.join(work, "told")
    term = Terminal([*NAMESPACE, "setsid", "-c", mcpinit, "-c", config, "--", "bash", "-c",
                     f"trap 'echo TERM >>{told}' TERM; trap 'echo HUP >>{told}' HUP; echo up-$((1+1)); "
                     "for i in 1 2; do read -r _; sleep 0.2; done; exit 4"], cwd=work)
    term.reads("up-2")
    term.hang_up()
    status = term.status()
    check(f"{where}: mcpinit ends, with COMMAND's status", status == 4, str(status))
    with open(told, encoding="ascii") as f:
        signals = f.read().split()
    check(f"{where}: for COMMAND that is TERM", "TERM" in signals, str(signals))


if __name__ == "__main__":
    {"docker": in_docker, "shell": below_a_shell, "hangup": hung_up}[sys.argv[1]](*sys.argv[2:])
    sys.exit(1 if N_FAILED else 0)
