# SPDX-License-Identifier: MIT
"""Runs one init process in a PID namespace of its own, as PID 1 or below one, and watches it from outside.

Everything in the namespace dies with it, whatever the init under test does.
"""
import fcntl
import itertools
import os
import select
import struct
import subprocess
import termios
import time

PATIENCE = 8 * (3 if os.environ.get("MODE") else 1)  # s; sanitizers make all slower
NAMESPACE = ["unshare", "-pf", "--mount-proc", "--kill-child=KILL"] + ([] if os.geteuid() == 0 else ["-r"])
ENV = {"PATH": os.environ["PATH"], "HOME": "/", "EMPTY": "", "ODD": "a\nb =ü", "TERM": "dumb"}


class Bench:
    """What the runs of one init have in common."""

    def __init__(self, argv, probe, work):
        # Each is run in a directory of its own, so a path from here must be whole.
        self.argv = [os.path.abspath(argv[0]) if "/" in argv[0] else argv[0], *argv[1:]]
        self.probe = probe
        self.work = work
        self.numbers = itertools.count()

    def run(self, *command, **how):
        """The init with the probe as its child."""
        return Run(self, [self.probe, *command], **how)

    def run_any(self, *command, **how):
        """The init with any other command."""
        return Run(self, list(command), **how)


class Run:
    """One life of an init. `@` in the command is the log that probe writes.

    below:  not PID 1, but a child of one
    before: words in front of the init, a verb of probe's
    bare:   no init at all, the command in its place
    tty:    a pty as stdin, stdout and stderr, and a session of its own, as `docker run -it` has it
    """

    def __init__(self, bench, command, *, below=False, before=(), bare=False, tty=False, **popen):
        stem = os.path.join(bench.work, str(next(bench.numbers)))
        self.log, self.err = stem + ".log", stem + ".err"
        self.below = below
        self.master = None
        argv = [bench.probe, "clean", *NAMESPACE]
        argv += ["setsid", "-c"] if tty else []
        argv += [bench.probe, "shepherd"] if below else []
        argv += [bench.probe, *before] if before else []
        argv += [] if bare else bench.argv
        argv += [self.log if word == "@" else word for word in command]
        popen = {"env": ENV, "cwd": bench.work, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | popen
        with open(self.err, "wb") as err:
            if tty:
                self.master, slave = os.openpty()
                self.resize(33, 101)
                popen |= {"stdin": slave, "stdout": slave, "stderr": slave}
            self.process = subprocess.Popen(argv, **{"stderr": err} | popen)
            if tty:
                os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.hang_up()

    # --- what it did

    def wait(self, patience=PATIENCE):
        """Its exit status, or None if it has none yet."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def lines(self):
        try:
            with open(self.log, encoding="utf-8") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def logs(self, line, patience=PATIENCE):
        """Whether it is in the log, or comes into it."""
        end = time.monotonic() + patience
        while line not in self.lines():
            if time.monotonic() > end or (self.process.poll() is not None and line not in self.lines()):
                return False
            time.sleep(0.01)
        return True

    def stderr(self):
        with open(self.err, encoding="utf-8", errors="replace") as f:
            return f.read()

    # --- what is done to it

    @property
    def pid(self):
        """Of the init, as seen from here."""
        pid = first_child(self.process.pid)
        return first_child(pid) if self.below else pid

    def signal(self, signo):
        try:
            os.kill(self.pid, signo)
        except ProcessLookupError:
            pass  # the assertion that follows will tell

    def type(self, text):
        os.write(self.master, text.encode())

    def reads(self, text, patience=PATIENCE):
        """Whether it comes out of the terminal."""
        seen, end = "", time.monotonic() + patience
        while text not in seen and time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    seen += os.read(self.master, 4096).decode(errors="replace")
                except OSError:  # nobody has it open any more
                    return text in seen
        return text in seen

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self):
        if self.master is not None:
            os.close(self.master)
        self.master = None


def children(pid):
    """The oldest first."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def first_child(pid):
    end = time.monotonic() + PATIENCE
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        found = children(pid)
        if found:
            return found[0]
        time.sleep(0.001)
    raise ProcessLookupError(f"process {pid} has no child")


def proc_status(pid, key):
    """A number of /proc/PID/status; 0: it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))
    except (OSError, StopIteration):
        return 0
