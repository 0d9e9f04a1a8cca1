# SPDX-License-Identifier: MIT
"""Other programs that stand between MCP clients and a stdio server, from npm: the SDK's clients at all of them in turn."""
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile

from rig import FAKE, MCPCTL, Mcpinit, Skip, await_that, children, memory, spread, table

NPM = os.environ.get("BENCH_NPM", "")  # what tests/npm.sh gateways has fetched
EVERYTHING = os.environ.get("BENCH_EVERYTHING", "")  # the program of server-everything
CALLS = int(os.environ.get("BENCH_CALLS", "800"))
ROUNDS, CLIENTS = 3, 8
ECHO = {"tool": "echo", "arguments": {"message": "x" * 64}, "calls": CALLS}
BULK = {"tool": "big", "arguments": {"bytes": 1 << 20}, "calls": max(CALLS // 20, 1)}


def descendants(pid):
    return [p for child in children(pid) for p in (child, *descendants(child))]


def of(gateway):
    """Its processes, servers included."""
    return [gateway.process.pid, *descendants(gateway.process.pid)] if gateway.process else []


def argv_of(pid):
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
        return f.read().split("\0")[:-1]


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


def version(package):
    with open(f"{NPM}/node_modules/{package}/package.json", encoding="utf-8") as f:
        return json.load(f)["version"]


# --- what stands between: `with` starts it before the server; .side says how a client gets there

class Direct:
    name, process = "direct, a server each", None

    def __init__(self, server):
        self.server, self.side = server, {"command": server}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def end(process):
    """However it takes being asked to."""
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Gateway:
    """One of npm's, as a process of its own with all its children."""
    path = "/mcp"

    def __init__(self, server):
        self.server, self.port = server, free_port()
        self.command = self.argv(server)
        self.side = {"sse" if self.path == "/sse" else "http": f"http://localhost:{self.port}{self.path}"}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        try:
            await_that(f"{self.name} listens", self.is_listening, step=0.05)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Asked, it ends its servers."""
        self.process.terminate()
        end(self.process)

    def is_listening(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} has ended")
        with socket.socket() as s:
            return s.connect_ex(("localhost", self.port)) == 0


class SupergatewaySse(Gateway):
    name, path, transport = "supergateway, SSE", "/sse", ["sse"]

    def argv(self, server):
        return [f"{NPM}/node_modules/.bin/supergateway", "--logLevel", "none", "--port", str(self.port),
                "--outputTransport", *self.transport, "--stdio", " ".join(server)]


class SupergatewayStateful(SupergatewaySse):
    name, path, transport = "supergateway, stateful: a server each", "/mcp", ["streamableHttp", "--stateful"]


class McpProxySse(Gateway):
    name, path, kind = "mcp-proxy, SSE", "/sse", "sse"

    def argv(self, server):
        return [f"{NPM}/node_modules/.bin/mcp-proxy", "--host", "localhost", "--port", str(self.port),
                "--server", self.kind, "--", *server]


class McpProxyStream(McpProxySse):
    name, path, kind = "mcp-proxy, HTTP stream", "/mcp", "stream"


class Ours(Mcpinit):
    name = "**mcpinit, `mcpctl connect`**"

    def __init__(self, server):
        super().__init__(1, server=f"launch = process\ncommand = {' '.join(server)}")
        self.server, self.program_name = server, os.path.basename(server[0])
        self.side = {"command": [MCPCTL, "-s", f"{self.work}/control/control.sock", "connect", "s0"]}


SIDES = (Direct, SupergatewaySse, SupergatewayStateful, McpProxySse, McpProxyStream, Ours)


# --- clients

class Clients:
    """One node process with this many of the SDK's clients, connected."""

    def __init__(self, work, gateway, count):
        self.gateway = gateway
        self.argv = ["node", f"{work}/gateways.mjs", json.dumps(gateway.side), str(count)]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.hear()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        end(self.process)
        self.process.stdout.close()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the clients of {self.gateway.name} have ended")
        return json.loads(line)

    def run(self, order):
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return self.hear()

    def memory(self):
        """Private dirty KiB, which does not depend on how much node there is elsewhere, of what is between client and
        server, what clients have started included; how many servers there are, and their KiB."""
        pids = [*descendants(self.process.pid), *of(self.gateway)]
        servers = [pid for pid in pids if argv_of(pid) == self.gateway.server]
        return memory(set(pids) - set(servers))[1], len(servers), memory(servers)[1]


def measure(server, count, order):
    """{side: [what each round has found]}, the sides in turn; and memory after the first."""
    found, kib = {kind: [] for kind in SIDES}, {}
    with contextlib.ExitStack() as stack:
        work = stack.enter_context(tempfile.TemporaryDirectory(prefix="mcpinit-bench."))
        shutil.copy(os.path.join(os.path.dirname(__file__), "gateways.mjs"), work)
        os.symlink(f"{NPM}/node_modules", f"{work}/node_modules")
        gateways = {kind: stack.enter_context(kind(server)) for kind in SIDES}
        for i in range(ROUNDS):
            for kind, gateway in gateways.items():
                with Clients(work, gateway, count) as clients:
                    found[kind].append(clients.run(order))
                    if i == 0:
                        kib[kind] = clients.memory()
    return found, kib


def percentile(ms, share):
    return sorted(ms)[min(int(len(ms) * share), len(ms) - 1)]


def times(runs):
    return [spread([percentile(run["ms"], share) for run in runs]) for share in (0.5, 0.99)]


def replies(runs):
    """Wrong ones and, if there were any, those that failed."""
    wrong, failed, calls = (sum(map(count, runs)) for count in
                            (lambda run: run["wrong"], lambda run: run["failed"], lambda run: len(run["ms"])))
    return f"{wrong:,} of {calls:,}" + (f"; {failed:,} failed" if failed else "")


def rate(runs, unit):
    return spread([unit * len(run["ms"]) / run["seconds"] for run in runs], digits=0)


def gateways():
    """The SDK's clients, all in one process, at server-everything: over stdio, over HTTP gateways, through mcpinit."""
    if not NPM or not EVERYTHING:
        raise Skip("the gateways could not be fetched from npm")
    server = ["node", EVERYTHING]
    one, small = measure(server, 1, ECHO)
    many, large = measure(server, CLIENTS, ECHO)
    bulk, _ = measure([FAKE], 1, BULK)
    base = [percentile(run["ms"], 0.5) for run in one[Direct]]
    versions = ", ".join(f"{name} {version(name)}" for name in ("supergateway", "mcp-proxy"))
    return [
        table(f"one client, a call at a time, ms; {versions}; median of {ROUNDS} runs of {CALLS}",
              ("", "median", "p99", "added to direct, median", "wrong replies"),
              [[kind.name, *times(runs), "–" if kind is Direct else
                f"{statistics.median(percentile(run['ms'], 0.5) for run in runs) - statistics.median(base):.2f}",
                replies(runs)] for kind, runs in one.items()]),
        table(f"{CLIENTS} clients at the same time, ms", ("", "median", "p99", "calls a second", "wrong replies"),
              [[kind.name, *times(runs), rate(runs, 1), replies(runs)] for kind, runs in many.items()]),
        table("answers of 1 MiB, one client, server fake_mcp, MB/s", ("", "", "wrong replies"),
              [[kind.name, rate(runs, (1 << 20) / 1e6), replies(runs)] for kind, runs in bulk.items()]),
        table(f"private dirty memory between clients and servers, after {CALLS} calls, KiB",
              ("", "1 client", f"{CLIENTS} clients", "one more client", f"servers then, at {CLIENTS} clients"),
              [[kind.name, f"{few[0]:,}", f"{all_of[0]:,}", f"{(all_of[0] - few[0]) / (CLIENTS - 1):,.0f}",
                f"{all_of[1]}, {all_of[2]:,} KiB"] for kind in SIDES for few, all_of in [(small[kind], large[kind])]])]


BENCHMARKS = {"gateways": gateways}
