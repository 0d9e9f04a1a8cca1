# SPDX-License-Identifier: MIT
"""Benchmarks with real containers: the image of fake_mcp, and the engine that DOCKER_HOST names."""
import http.client
import json
import os
import re
import signal
import socket
import time
import urllib.parse

from processes import HELLO, Agent, agents_named, answer_after_death, call, relay_tables, with_agents
from rig import Mcpinit, Skip, await_that, ms_since, spread, table

IMAGE = "mcpinit-test/fake:local"
SERVER = f"launch = api\nimage = {IMAGE}"
LABEL = f"mcpinit-bench={os.getpid()}"
LIST_TOOLS = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'


class Engine(http.client.HTTPConnection):
    """One call at a time, over the unix socket."""

    def __init__(self):
        super().__init__("engine", timeout=60)
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        if not host.startswith("unix://"):
            raise Skip(f"the engine is not at a unix socket: {host}")
        self.path = host.removeprefix("unix://")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        self.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()[:300]}")
        return json.loads(text) if text else None

    def list(self, label):
        return self.ask("GET", "/containers/json?all=1&filters=" + urllib.parse.quote(json.dumps({"label": [label]})))

    def inspect(self, container):
        return self.ask("GET", f"/containers/{container}/json")

    def remove(self, container):
        """Also when it is just being removed by itself."""
        try:
            self.ask("DELETE", f"/containers/{container}?force=1")
        except RuntimeError as error:
            if not re.search(": (404|409) ", str(error)):
                raise

    def clean(self):
        for container in self.list(LABEL):
            self.remove(container["Id"])


class Raw:
    """A container with the same settings as mcpinit's, without mcpinit."""

    def __init__(self, engine, like):
        body = dict(like["Config"], HostConfig=like["HostConfig"], Labels=dict([LABEL.split("=")]), Hostname="")
        self.engine, self.id = engine, engine.ask("POST", "/containers/create", body)["Id"]

    def attach(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.engine.path)
        self.sock.sendall(f"POST /containers/{self.id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: engine\r\n"
                          "Content-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        self.until(b"\r\n\r\n")

    def until(self, end):
        seen = b""
        while not seen.endswith(end):
            piece = self.sock.recv(65536)
            if not piece:
                raise RuntimeError(f"the engine hung up: {seen!r}")
            seen += piece

    def start(self):
        self.engine.ask("POST", f"/containers/{self.id}/start")

    def shake_hands(self):
        self.sock.sendall(HELLO.encode())
        self.until(b"\n")
        self.sock.sendall(LIST_TOOLS.encode())
        self.until(b"\n")


def instance(init):
    with open(f"{init.work}/ini", encoding="utf-8") as f:
        return re.search(r"^instance = (.*)$", f.read(), re.M).group(1)


def containers(engine, init, server=None):
    found = engine.list(f"io.mcpinit.instance={instance(init)}")
    return [c["Id"] for c in found if server is None or c["Labels"]["io.mcpinit.server"] == server]


def only_container(engine, init, server="s0"):
    return engine.inspect(containers(engine, init, server)[0])


class Containers(Mcpinit):
    """mcpinit with this many container servers, and the engine."""

    def __init__(self, count=1, **more):
        super().__init__(0, server=SERVER, **more)
        self.engine, self.servers = Engine(), count

    def configure(self):
        self.count = self.servers
        super().configure()
        self.count = 0  # none of them is a child

    def settle(self):
        super().settle()
        self.ctl("wait", "--timeout", "120s")

    def __exit__(self, *args):
        try:
            if self.process and self.process.poll() is None:
                self.stop_ms()
            for container in containers(self.engine, self):
                self.engine.remove(container)
            self.engine.clean()
        finally:
            super().__exit__(*args)


def docker_relay():
    """The same container behind a raw attach, behind `docker run -i`, and behind mcpinit (launch = api)."""
    names = {"attach": "raw attach", "cli": "`docker run -i`", "mcpinit": "through mcpinit"}
    with Containers() as init:
        like = only_container(init.engine, init)

        def sides():
            init.engine.clean()
            return [f"attach=attach:{init.engine.path}:{Raw(init.engine, like).id}",
                    f"cli=run:docker run -i --rm --init --log-driver none --label {LABEL} {IMAGE}",
                    f"mcpinit=fifo:{init.pipes()}"]

        return relay_tables(sides, names, "mcpinit", "attach", 2000)


def raw_life_ms(engine, like):
    """From its creation to the end of its handshake, and from its death to the end of its stream."""
    start = time.monotonic()
    raw = Raw(engine, like)
    raw.attach()
    raw.start()
    raw.shake_hands()
    started = ms_since(start)
    start = time.monotonic()
    os.kill(engine.inspect(raw.id)["State"]["Pid"], signal.SIGKILL)
    while raw.sock.recv(65536):
        pass
    ended = ms_since(start)
    raw.sock.close()
    engine.clean()
    return started, ended


def docker_life():
    """A start, and a death: beside the engine's own time for the same container."""
    raw, failed, answered = [], [], []
    with Containers() as init:
        like, agent = only_container(init.engine, init), Agent(init.pipes())
        for i in range(7):
            raw.append(raw_life_ms(init.engine, like))
            init.ctl("restart", "s0")
            agent.ask(call(2, "pid"))
            time.sleep(1.2)
            victim = only_container(init.engine, init)["State"]["Pid"]
            both = answer_after_death(agent, victim, 10 * i + 10)
            failed.append(both[0])
            answered.append(both[1])
            time.sleep(1.2)
        with open(f"{init.work}/log", encoding="utf-8") as f:
            ready = [int(ms) for ms in re.findall(r" s0 .*ready in (\d+) ms", f.read())]
    rows = [["create, attach, start, handshake, tools/list: the engine alone",
             spread([both[0] for both in raw], " ms", 0)],
            [f"the same through mcpinit (\"ready in\", {len(ready)} times)", spread(ready, " ms", 0)],
            ["container killed → its raw attach ends: the engine alone", spread([both[1] for both in raw], " ms", 1)],
            ["container killed → the call under way has failed", spread(failed, " ms", 1)],
            ["container killed → the next call is answered", spread(answered, " ms", 0)]]
    return [table("one container server, launch = api", ("", "median of 7 (min–max)"), rows)]


def docker_memory():
    """mcpinit with 3 container servers and 3 agents, each attached to all three: PSS and private dirty."""
    return [table("launch = api, KiB", ("", "PSS", "private dirty"),
                  [["3 servers, 3 agents", *(f"{kib:,}" for kib in with_agents(Containers(3, **agents_named(3))))]])]


def raw_teardown_ms(engine, like, count):
    raws = [Raw(engine, like) for _ in range(count)]
    for raw in raws:
        raw.attach()
        raw.start()
        raw.shake_hands()
    start = time.monotonic()
    for raw in raws:
        raw.sock.shutdown(socket.SHUT_WR)
    await_that("the engine removes them", lambda: not engine.list(LABEL), step=0.02)
    return ms_since(start)


def docker_teardown():
    """50 containers: their stdin is closed, they end, and are removed; until the last one is gone."""
    with Containers(50) as init:
        engine, like = init.engine, only_container(init.engine, init)
        ours = init.stop_ms()
        left = len(containers(engine, init))
        alone = raw_teardown_ms(engine, like, 50)
    return [table("50 containers", ("", ""),
                  [["stdin closed → all removed, the engine alone", f"{alone:,.0f} ms"],
                   ["SIGTERM → mcpinit has ended", f"{ours:,.0f} ms"], ["containers left", left]])]


def needs_engine(function):
    def wrapped():
        if not os.environ.get("BENCH_ENGINE"):
            raise Skip("no Docker engine")
        return function()
    wrapped.__doc__ = function.__doc__
    return wrapped


BENCHMARKS = {name: needs_engine(function) for name, function in
              {"docker-relay": docker_relay, "docker-memory": docker_memory, "docker-life": docker_life,
               "docker-teardown": docker_teardown}.items()}
