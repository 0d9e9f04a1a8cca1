#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGTERM at a random moment of mcpinit's life, many times: it ends in time, with the right status, and leaves nothing.

  any_moment.py MCPINIT FAKE_MCP WORK [RUNS [IMAGE]]    lines as tests/run counts them: ok - ..., not ok - ...
With IMAGE a container server takes the place of the three child processes. SEED=N repeats a run of the dice.

Every life has a server that ignores everything, one that crashes for ever, and one with an agent in the middle of a
call; every second has a COMMAND, every second is PID 1 of a namespace. Below PID 1 nothing cleans up behind mcpinit:
there it shows what it leaves.
"""
import concurrent.futures
import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import time

PARALLEL = 6  # they wait more than they work; an engine has more to do
PARALLEL_IMAGE = 2
SHUTDOWN_MS = 3000
SLACK_MS = 500 * (4 if os.environ.get("MODE") else 1)  # until a busy machine has told us
LATEST_MS = 150
SURE_MS = 60  # a call sent so long before the signal has arrived
PATIENCE = 20
NAMESPACE = ["unshare", "-pf", "--mount-proc", "--kill-child=KILL"] + ([] if os.geteuid() == 0 else ["-r"])

CONFIG = """[mcpinit]
runtime_dir = {dir}/mcp
control_dir = {dir}/control
instance = {instance}
log_level = debug
shutdown_timeout = {shutdown}ms
command_grace = 300ms
"""
PROCESSES = """launch = process
[defaults]
stop_grace_period = 150ms
backoff = 20ms
backoff_max = 50ms
[server:normal]
command = {dir}/fake
required = {required}
[server:stubborn]
command = {dir}/fake --ignore-term --ignore-eof
[server:crashing]
command = {dir}/fake --exit-at-start 3
"""
CONTAINER = """[server:normal]
image = {image}
network_mode = none
required = {required}
"""
CALL = b'{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{"name":"sleep","arguments":{"ms":60000}}}\n'


class Life:
    """One mcpinit, from its start to its end."""

    def __init__(self, setup, number, dice):
        self.setup = setup
        self.instance = f"moment-{os.getpid()}-{number}"
        self.dir = os.path.join(setup["work"], self.instance)
        self.is_pid1 = dice.random() < 0.5
        self.has_command = dice.random() < 0.5
        self.is_required = dice.random() < 0.3
        self.after_ms = dice.uniform(0, setup["latest_ms"])
        self.text = f"life {number}: {'PID 1' if self.is_pid1 else 'a child'}, " \
                    f"{'a COMMAND' if self.has_command else 'no COMMAND'}{', required' if self.is_required else ''}, " \
                    f"TERM after {self.after_ms:.1f} ms"
        self.wrong = []
        self.process = None
        self.was_slow = False
        self.called_at = None
        self.ends = []

    def complain(self, what):
        self.wrong.append(what)

    # --- the parts of a life

    def start(self):
        os.makedirs(self.dir)
        os.symlink(self.setup["fake"], os.path.join(self.dir, "fake"))  # so that its command line names the directory
        path = os.path.join(self.dir, "mcpinit.ini")
        servers = CONTAINER if self.setup["image"] else PROCESSES
        with open(path, "w", encoding="ascii") as f:
            f.write((CONFIG + servers).format(
                dir=self.dir, instance=self.instance, shutdown=self.setup["shutdown_ms"], image=self.setup["image"],
                required="yes" if self.is_required else "no"))
        argv = (NAMESPACE if self.is_pid1 else []) + [self.setup["mcpinit"], "-c", path]
        argv += ["--", "sleep", "60"] if self.has_command else []
        with open(os.path.join(self.dir, "log"), "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=os.environ | {"MOMENT_DIR": self.dir}, start_new_session=True)
        self.pid = self.find_mcpinit()

    def find_mcpinit(self):
        """Its pid, once a TERM cannot be lost any more: to a PID 1 without a handler the kernel delivers none."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            pid = self.process.pid if not self.is_pid1 else first_child(self.process.pid)
            if pid and is_named(pid, "mcpinit") and blocks_term(pid):
                return pid
            time.sleep(0.0005)
        self.complain("it did not start")
        return None

    def attach(self):
        """An agent with a call that has no answer yet, as soon as there are pipes."""
        pipes = os.path.join(self.dir, "mcp", "default", "normal")
        try:
            self.ends = [os.open(os.path.join(pipes, "out"), os.O_RDONLY | os.O_NONBLOCK)]
            self.ends.append(os.open(os.path.join(pipes, "in"), os.O_WRONLY | os.O_NONBLOCK))
            os.write(self.ends[1], CALL)
            self.called_at = time.monotonic()
        except OSError:
            self.close()  # not yet, or not any more

    def close(self):
        for fd in self.ends:
            os.close(fd)
        self.ends = []

    def live(self):
        due = time.monotonic() + self.after_ms / 1000
        while time.monotonic() < due:
            if self.called_at is None:
                self.attach()
            time.sleep(min(0.002, max(0, due - time.monotonic())))
        self.killed_at = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)

    def end(self):
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.complain(f"still there after {PATIENCE} s")
            self.process.kill()
            return
        took = (time.monotonic() - self.killed_at) * 1000
        if took > self.setup["shutdown_ms"] + SLACK_MS:
            self.complain(f"ended after {took:.0f} ms")
        # A COMMAND whose turn had not come was never run; without required servers its turn comes at once.
        right = {143} if self.has_command else {0}
        right |= {0} if self.has_command and self.is_required else set()
        if status not in right:
            self.complain(f"status {status}, not {' or '.join(map(str, sorted(right)))}")

    def check_agent(self):
        if not self.ends:
            return
        answer = b""
        while True:
            try:
                piece = os.read(self.ends[0], 65536)
            except BlockingIOError:
                self.complain("the agent does not read the end")
                break
            if not piece:
                break
            answer += piece
        if answer:
            try:
                reply = json.loads(answer)  # one line, and whole
                if reply["id"] != "mine" or reply["error"]["code"] != -32603:
                    raise ValueError
            except (ValueError, KeyError):
                self.complain(f"the agent reads {answer[:200]!r}")
        elif (self.killed_at - self.called_at) * 1000 > SURE_MS:
            self.complain("the call in flight was not answered")

    def check_left(self):
        for root, _, names in os.walk(self.dir):
            for name in names:
                mode = os.lstat(os.path.join(root, name)).st_mode
                if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
                    self.complain(f"left: {os.path.join(root, name)}")
        for pid in processes_of(self.dir):
            self.complain(f"left: process {pid}")
            os.kill(pid, signal.SIGKILL)
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as f:
            log = f.read()
        if "Sanitizer" in log or "runtime error:" in log:
            self.complain("a sanitizer speaks")
        if self.setup["image"]:
            found = self.containers()
            # An engine slower than the budget: what is left was named, and the engine goes on removing it.
            if found and all(re.search(f"could not be removed.*docker rm -f ({pair})", log) for pair in found):
                self.was_slow = True
                end = time.monotonic() + PATIENCE
                while found and time.monotonic() < end:
                    time.sleep(0.1)
                    found = self.containers()
            if found:
                found = [pair.split("|")[0] for pair in found]
                self.complain(f"left: containers {' '.join(found)}")
                subprocess.run(["docker", "rm", "-f", *found], capture_output=True, check=False)
        if self.wrong:
            self.wrong += log.splitlines()[-15:]

    def containers(self):
        """ID|name of each of its containers."""
        argv = ["docker", "ps", "-a", "--no-trunc", "--filter", f"label=io.mcpinit.instance={self.instance}",
                "--format", "{{.ID}}|{{.Names}}"]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()

    def run(self):
        try:
            self.start()
            if self.pid:
                self.live()
                self.end()
                self.check_agent()
        finally:
            self.close()
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        self.check_left()
        return self


# --- what /proc tells ----------------------------------------------------------------------------------


def read(path, mode="r"):
    try:
        with open(path, mode) as f:
            return f.read()
    except OSError:
        return "" if mode == "r" else b""


def first_child(pid):
    words = read(f"/proc/{pid}/task/{pid}/children").split()
    return int(words[0]) if words else None


def is_named(pid, name):
    return read(f"/proc/{pid}/comm") == name + "\n"


def blocks_term(pid):
    for line in read(f"/proc/{pid}/status").splitlines():
        if line.startswith("SigBlk:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def processes_of(directory):
    """A server by its command line, all else by its environment."""
    needle = directory.encode() + b"/"
    variable = b"MOMENT_DIR=" + directory.encode() + b"\0"
    return [int(name) for name in os.listdir("/proc") if name.isdigit()
            and (variable in read(f"/proc/{name}/environ", "rb") or needle in read(f"/proc/{name}/cmdline", "rb"))]


def main(args):
    if len(args) < 3:
        print(__doc__, file=sys.stderr)
        return 64
    runs = int(args[3]) if len(args) > 3 else 150
    image = args[4] if len(args) > 4 else None
    setup = {
        "mcpinit": args[0], "fake": args[1], "work": args[2], "image": image,
        # A container takes the engine's time: to start, and to be removed.
        "shutdown_ms": 8000 if image else SHUTDOWN_MS, "latest_ms": 800 if image else LATEST_MS,
    }
    seed = int(os.environ.get("SEED") or time.time_ns() % 1000000)
    dice = random.Random(seed)
    lives = [Life(setup, number, dice) for number in range(runs)]
    with concurrent.futures.ThreadPoolExecutor(PARALLEL_IMAGE if image else PARALLEL) as pool:
        bad = [life for life in pool.map(Life.run, lives) if life.wrong]
    for life in bad[:10]:
        print(f"# {life.text}")
        for line in life.wrong:
            print(f"#   {line}")
    n_slow = sum(life.was_slow for life in lives)
    print(f"# SEED={seed}; {sum(life.called_at is not None for life in lives)} with a call in flight"
          f"{f', {n_slow} with an engine slower than the budget' if n_slow else ''}")
    what = "a container" if image else "3 servers"
    print(f"{'not ok' if bad else 'ok'} - {what}, TERM at a random moment: {runs - len(bad)} of {runs} end in time, with "
          "the right status, and leave nothing")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
