# SPDX-License-Identifier: MIT
"""What all benchmarks share: three supervisors started alike, what is seen of them in /proc, and tables.

Each supervisor is PID 1 of a PID namespace of its own; all of it dies with the namespace.
"""
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

NAMESPACE = ["unshare", "-pf", "--mount-proc", "--kill-child=KILL"]
BIN = os.environ["BENCH_BIN"]  # mcpinit, mcpctl and the helpers
MCPINIT, MCPCTL = f"{BIN}/mcpinit", f"{BIN}/mcpctl"
TOOLS = f"{BIN}/bench"
FAKE = f"{TOOLS}/fake_mcp"


class Skip(Exception):
    """This cannot be measured here; the text says why."""


# --- numbers

def spread(values, unit="", digits=2):
    """median (min–max), all in one unit."""
    form = f"{{:,.{digits}f}}"
    low, mid, high = (form.format(f(values)) for f in (min, statistics.median, max))
    return f"{mid}{unit}" if len(values) == 1 else f"{mid}{unit} ({low}–{high})"


def table(title, head, rows):
    lines = [f"**{title}**", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def ms_since(start):
    return (time.monotonic() - start) * 1e3


# --- /proc

def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def parent_of(pid):
    return int(fields(f"/proc/{pid}/status")["PPid"])


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return ""


def fields(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return dict(line.split(":", 1) for line in f if ":" in line)


def memory(pids):
    """PSS and private dirty, KiB."""
    sums = [0, 0]
    for pid in pids:
        rollup = fields(f"/proc/{pid}/smaps_rollup")
        for i, key in enumerate(("Pss", "Private_Dirty")):
            sums[i] += int(rollup[key].split()[0])
    return sums


def switches(pids):
    """Voluntary context switches of all threads: how often they went to sleep."""
    return sum(int(fields(f"/proc/{pid}/task/{task}/status")["voluntary_ctxt_switches"])
               for pid in pids for task in os.listdir(f"/proc/{pid}/task"))


def await_that(what, condition, patience=60, step=0.001):
    end = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {patience} s: {what}")
        if step:
            time.sleep(step)
    return found


def spawn_ms(argv, env=None):
    """How long a program takes from its start to its end."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    start = time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, env or os.environ, file_actions=null)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    took = ms_since(start)
    if status:
        raise RuntimeError(f"{argv} ended with {status}")
    return took


# --- supervisors

class Supervisor:
    """N times the program FAKE, with arguments. `with` starts it and waits for them all, and kills what is left."""

    def __init__(self, count, *args, grace=2, **more):
        self.count, self.args, self.grace, self.more = count, list(args), grace, more
        self.work = tempfile.mkdtemp(prefix="mcpinit-bench.")
        self.process = None
        self.program_name = "fake_mcp"

    def __enter__(self):
        try:
            self.configure()
            self.log = open(f"{self.work}/log", "wb")
            self.started = time.monotonic()
            self.process = subprocess.Popen([*NAMESPACE, *self.argv()], stdin=self.stdin(),
                                            stdout=self.log, stderr=self.log)
            # Looking is work, too, and there are two CPUs: at 100 programs less often.
            await_that(f"{self.name}: {self.count} programs", lambda: len(self.programs()) == self.count,
                       step=0.005 if self.count > 10 else 0.001)
            self.start_ms = ms_since(self.started)
            self.settle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.log.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def stdin(self):
        return subprocess.DEVNULL

    def settle(self):
        """Until all of it is up, as the supervisor itself sees it."""

    @property
    def pid(self):
        return next(iter(children(self.process.pid)), 0)

    def processes(self):
        """The supervisor's own."""
        return [self.pid]

    def parents(self):
        """Those of them that start programs."""
        return self.processes()

    def programs(self):
        return [pid for parent in self.parents() for pid in children(parent)
                if name_of(pid) == self.program_name]

    def stop_ms(self, patience=60):
        """From SIGTERM to its end; the end of all its programs is its own promise."""
        start = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        self.process.wait(patience)
        return ms_since(start)


class Mcpinit(Supervisor):
    name = "mcpinit"

    def configure(self):
        server = self.more.get("server", f"launch = process\ncommand = {' '.join([FAKE, *self.args])}")
        with open(f"{self.work}/ini", "w", encoding="utf-8") as f:
            f.write(f"[mcpinit]\nruntime_dir = {self.work}/mcp\ncontrol_dir = {self.work}/control\n"
                    f"instance = bench-{os.getpid()}\n{self.more.get('keys', '')}\n"
                    f"[defaults]\nhealthcheck = none\nstop_grace_period = {self.grace}s\n\n")
            for i in range(self.count):
                f.write(f"[server:s{i}]\n{server}\n\n")
            for name in self.more.get("agents", ()):
                f.write(f"[agent:{name}]\n\n")

    def argv(self):
        return [MCPINIT, "-c", f"{self.work}/ini"]

    def settle(self):
        await_that("mcpinit: the control socket", lambda: os.path.exists(f"{self.work}/control/control.sock"))
        if self.count:
            self.ctl("wait", "--timeout", "60s")
        self.ready_ms = ms_since(self.started)

    def ctl(self, *words):
        return subprocess.run(self.ctl_argv(*words), check=True, capture_output=True, text=True).stdout

    def ctl_argv(self, *words):
        return [MCPCTL, "-s", f"{self.work}/control/control.sock", *words]

    def status_argv(self):
        return self.ctl_argv("status")

    def pipes(self, server="s0", agent="default"):
        return f"{self.work}/mcp/{agent}/{server}"


class Supervisord(Supervisor):
    name = "supervisord"

    def configure(self):
        with open(f"{self.work}/conf", "w", encoding="utf-8") as f:
            f.write(f"""[supervisord]
nodaemon = true
user = root
logfile = {self.work}/supervisord.log
pidfile = {self.work}/pid
childlogdir = {self.work}
[unix_http_server]
file = {self.work}/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://{self.work}/sock
""")
            for i in range(self.count):
                f.write(f"[program:p{i}]\ncommand = {' '.join([FAKE, *self.args])}\nstdout_logfile = NONE\n"
                        f"stderr_logfile = NONE\nautorestart = true\nstopwaitsecs = {self.grace}\n")

    def argv(self):
        return ["/usr/bin/supervisord", "-n", "-c", f"{self.work}/conf"]

    def status_argv(self):
        return ["/usr/bin/supervisorctl", "-c", f"{self.work}/conf", "status"]

    def settle(self):
        await_that("supervisord: RUNNING",
                   lambda: subprocess.run(self.status_argv(), capture_output=True, check=False).returncode == 0,
                   step=0.1)


class S6(Supervisor):
    """s6-svscan with an s6-supervise for each program. `run` is the program itself: no shell is between."""
    name = "s6"
    is_notifying = False

    def configure(self):
        for i in range(self.count):
            service = f"{self.work}/scan/p{i}"
            os.makedirs(service)
            self.write(f"{service}/timeout-kill", f"{self.grace * 1000}\n")
            if self.args or self.is_notifying:
                tell = "echo >&3; exec 3>&-; " if self.is_notifying else ""
                self.write(f"{service}/run", f"#!/bin/sh\n{tell}exec {' '.join([FAKE, *self.args])}\n", 0o755)
            else:
                os.symlink(FAKE, f"{service}/run")
                self.program_name = "run"
            if self.is_notifying:
                self.write(f"{service}/notification-fd", "3\n")
        os.makedirs(f"{self.work}/scan", exist_ok=True)

    @staticmethod
    def write(path, text, mode=0o644):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)

    def argv(self):
        return ["s6-svscan", f"{self.work}/scan"]

    def stdin(self):
        """A FIFO with us as its writer: the programs inherit it, and see no end of it."""
        os.mkfifo(f"{self.work}/hold")
        return os.open(f"{self.work}/hold", os.O_RDWR | os.O_CLOEXEC)

    def parents(self):
        return [pid for pid in children(self.pid) if name_of(pid) == "s6-supervise"]

    def processes(self):
        return [self.pid, *self.parents()]

    def status_argv(self):
        return ["s6-svstat", f"{self.work}/scan/p0"]


class S6Notifying(S6):
    """The same with s6's readiness protocol, which a program, or here a shell before it, has to speak."""
    name = "s6, notification-fd"
    is_notifying = True


ALL = (Mcpinit, Supervisord, S6)
