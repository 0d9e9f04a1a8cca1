# SPDX-License-Identifier: MIT
"""What is done to the servers and to their engine, at random."""
import collections
import os
import signal
import subprocess
import threading
import time

EVERY_S = 2  # on average
ENGINE_EVERY_S = 240
PATIENCE_S = 90


def run(*argv, timeout=60):
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False).stdout.split()
    except subprocess.TimeoutExpired:
        return []


def kill(pid, signo):
    try:
        os.kill(pid, signo)
        return True
    except ProcessLookupError:
        return False


class Chaos(threading.Thread):
    def __init__(self, args, dice, book, servers):
        super().__init__(daemon=True)
        self.args, self.dice, self.book, self.servers = args, dice, book, servers
        self.done = collections.Counter()
        self.decks = {}
        self.may_go = threading.Event()
        self.may_go.set()
        self.idle = threading.Event()
        self.is_over = False
        # Half way through the warm-up, then now and then.
        self.engine_at = time.monotonic() + min(ENGINE_EVERY_S, args.minutes * 60 / 12)
        self.engine_every = min(ENGINE_EVERY_S, args.minutes * 60 / 3)
        self.n_engine = 0

    # --- between the rests

    def pause(self):
        self.may_go.clear()
        self.idle.wait(PATIENCE_S * 3)

    def go_on(self):
        self.may_go.set()

    def end(self):
        self.is_over = True
        self.may_go.set()

    def run(self):
        while True:
            if not self.may_go.is_set():
                self.idle.set()
                self.may_go.wait()
                self.idle.clear()
            if self.is_over:
                return
            try:
                self.one()
            except (OSError, ValueError) as e:
                self.book.event(f"could not do it: {e}")
            self.sleep(self.dice.expovariate(1 / EVERY_S))

    def sleep(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.may_go.is_set() and not self.is_over:
            time.sleep(0.05)

    def one(self):
        if time.monotonic() >= self.engine_at:
            self.engine_at = time.monotonic() + self.engine_every
            self.n_engine += 1
            self.restart_engine(signal.SIGKILL if self.n_engine % 2 else signal.SIGTERM)
            return
        server = self.dice.choice(self.servers)
        kinds = self.process_kinds() if server.startswith("process") else self.container_kinds()
        deck = self.decks.setdefault(tuple(kinds), [])
        if not deck:  # each kind once, before any of them again
            deck += self.dice.sample(list(kinds), len(kinds))
        name = deck.pop()
        began = time.monotonic()
        is_done = kinds[name](server)
        self.done[name] += is_done
        self.book.event(f"{name} {server}: {'done' if is_done else 'nothing there'} in {time.monotonic() - began:.1f} s")

    # --- the kinds

    def container_kinds(self):
        return {
            "kill -9": lambda s: self.signal(s, signal.SIGKILL),
            "docker kill": lambda s: self.docker(s, "kill"),
            "docker stop": lambda s: self.docker(s, "stop", "-t", "1"),
            "docker rm -f": lambda s: self.docker(s, "rm", "-f"),
            "SIGSTOP": lambda s: self.signal(s, signal.SIGSTOP),
            "SIGSTOP, SIGCONT": lambda s: self.hold(s, signal.SIGSTOP, signal.SIGCONT),
            "docker pause": lambda s: self.docker(s, "pause"),
            "docker pause, unpause": self.pause_for_a_while,
            "mcpctl restart": self.ask_restart,
        }

    def process_kinds(self):
        return {
            "kill -9": lambda s: self.signal(s, signal.SIGKILL),
            "SIGTERM": lambda s: self.signal(s, signal.SIGTERM),
            "SIGSTOP": lambda s: self.signal(s, signal.SIGSTOP),
            "SIGSTOP, SIGCONT": lambda s: self.hold(s, signal.SIGSTOP, signal.SIGCONT),
            "mcpctl restart": self.ask_restart,
        }

    def kinds(self):
        return [*dict.fromkeys([*self.container_kinds(), *self.process_kinds(), "engine SIGTERM", "engine SIGKILL"])]

    def containers(self):
        return run("docker", "ps", "-a", "--filter", f"label=io.mcpinit.instance={self.args.instance}", "--format",
                   "{{.Names}}")

    def container(self, server):
        found = run("docker", "ps", "-q", "--filter", f"label=io.mcpinit.instance={self.args.instance}", "--filter",
                    f"label=io.mcpinit.server={server}")
        return found[0] if found else None

    def pids(self, server):
        """Those of the server itself, not of the init before it."""
        if server.startswith("process"):
            return [int(p) for p in run("pgrep", "-f", f"^{self.args.work}/{server}")]
        container = self.container(server)
        pid = run("docker", "inspect", "-f", "{{.State.Pid}}", container) if container else []
        if not pid or pid[0] == "0":
            return []
        return [int(p) for p in run("pgrep", "-P", pid[0])] or [int(pid[0])]

    def signal(self, server, signo):
        return any([kill(pid, signo) for pid in self.pids(server)])

    def hold(self, server, stop, cont):
        pids = self.pids(server)
        is_done = any([kill(pid, stop) for pid in pids])
        self.sleep(self.dice.uniform(0.2, 2))
        for pid in pids:
            kill(pid, cont)
        return is_done

    def docker(self, server, verb, *options):
        container = self.container(server)
        return bool(container and run("docker", verb, *options, container))

    def pause_for_a_while(self, server):
        container = self.container(server)
        if not container or not run("docker", "pause", container):
            return False
        self.sleep(self.dice.uniform(0.2, 2))
        run("docker", "unpause", container)
        return True

    def ask_restart(self, server):
        return bool(run(os.path.join(self.args.bin, "mcpctl"), "restart", server, "--no-wait"))

    def restart_engine(self, signo):
        with open(os.path.join(self.args.engine, "docker.pid"), encoding="ascii") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            argv = f.read().split(b"\0")[:-1]
        began = time.monotonic()
        kill(pid, signo)
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < began + PATIENCE_S:
            time.sleep(0.05)
        self.sleep(self.dice.uniform(0, 5))
        try:
            os.unlink(os.path.join(self.args.engine, "docker.pid"))
        except FileNotFoundError:
            pass
        with open(os.path.join(self.args.engine, "dockerd.log"), "ab") as log:
            subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")
        while not run("docker", "version", "--format", "{{.Server.Version}}", timeout=10):
            if time.monotonic() > began + 2 * PATIENCE_S:
                raise OSError("the engine does not come back")
            time.sleep(0.1)
        self.done["engine " + signo.name] += 1
        self.book.event(f"engine {signo.name}: it answers again after {time.monotonic() - began:.1f} s")
