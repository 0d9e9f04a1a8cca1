# SPDX-License-Identifier: MIT
"""Agents: threads that talk to servers by named pipes or by `mcpctl connect`, one session after the other."""
import collections
import dataclasses
import json
import os
import select
import subprocess
import threading
import time

ANSWER_S = 240  # longer than any start, health check and engine's absence take together here
TRANSCRIPT = 60  # lines of a session that are kept for a failure's report
RUDE = 0.2  # of sessions end with calls in flight
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "soak", "version": "1"}}


class Gate:
    """Agents pass it between two sessions; closed, they rest there."""

    def __init__(self):
        self.cond = threading.Condition()
        self.is_open, self.is_over, self.waiting = True, False, 0

    def close(self, n, seconds):
        with self.cond:
            self.is_open = False
            return self.cond.wait_for(lambda: self.waiting == n, seconds)

    def open(self):
        with self.cond:
            self.is_open = True
            self.cond.notify_all()

    def end(self):
        with self.cond:
            self.is_over = True
            self.cond.notify_all()

    def passes(self):
        """False: it is over."""
        with self.cond:
            self.waiting += 1
            self.cond.notify_all()
            self.cond.wait_for(lambda: self.is_open or self.is_over)
            self.waiting -= 1
            return not self.is_over


@dataclasses.dataclass
class Setup:
    bin: str
    run: str
    servers: list


class Broken(Exception):
    """The session cannot go on; a failure in a run where nothing may end it but its agent."""


class Pipes:
    def __init__(self, setup, agent, server):
        folder = os.path.join(setup.run, agent, server)
        self.out = os.open(os.path.join(folder, "out"), os.O_RDONLY | os.O_NONBLOCK)
        try:
            self.into = os.open(os.path.join(folder, "in"), os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            os.close(self.out)
            raise

    def close(self):
        os.close(self.into)
        os.close(self.out)


class Socket:
    def __init__(self, setup, agent, server):
        argv = [os.path.join(setup.bin, "mcpctl"), "-s", os.path.join(setup.run, agent, "agent.sock"), "connect", server]
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.into = self.child.stdout.fileno(), self.child.stdin.fileno()
        os.set_blocking(self.into, False)
        os.set_blocking(self.out, False)

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise Broken("mcpctl connect did not end within 20 s of the end of its stdin") from None
        finally:
            self.child.stderr.close()


class Call:
    def __init__(self, number, text, is_right):
        self.number, self.text, self.is_right = number, text, is_right
        self.at, self.since = time.monotonic(), time.strftime("%H:%M:%S", time.gmtime())


class Agent(threading.Thread):
    def __init__(self, setup, name, dice, book, gate):
        super().__init__(daemon=True, name=name)
        self.setup, self.dice, self.book, self.gate = setup, dice, book, gate
        self.kind = name.split("-")[0]
        self.n_sessions = 0
        self.left = {}  # server: ids of calls that we left unanswered, by pipes

    def run(self):
        while self.gate.passes():
            self.n_sessions += 1
            server = self.dice.choice(self.setup.servers)
            try:
                Session(self, server).live()
            except Exception as e:  # whatever it is, it is a finding  # pylint: disable=broad-except
                self.book.fail(f"{self.name} session {self.n_sessions} at {server}: {type(e).__name__}: {e}")
                time.sleep(1)
            self.book.session(self.kind)
            time.sleep(self.dice.uniform(0, 0.5))


class Session:
    def __init__(self, agent, server):
        self.agent, self.server, self.dice, self.book = agent, server, agent.dice, agent.book
        self.name = f"{agent.name}.{agent.n_sessions}"
        self.pending = {}
        self.transcript = collections.deque(maxlen=TRANSCRIPT)
        self.buffer = b""
        self.n_calls = 0
        self.is_greeted = False
        self.end = None

    def live(self):
        self.end = (Pipes if self.agent.kind == "pipes" else Socket)(self.agent.setup, self.agent.name, self.server)
        try:
            self.talk()
        except (Broken, OSError, ValueError) as e:
            self.fail(f"{e}")
        finally:
            # What is pending now ends with the session: we leave.
            for _ in self.pending:
                self.book.count(self.server, "left by the agent")
            if self.agent.kind == "pipes":
                self.agent.left.setdefault(self.server, set()).update(self.pending)
            self.end.close()

    def talk(self):
        self.ask("initialize", INITIALIZE, lambda r: "protocolVersion" in r)
        self.listen(lambda: not self.pending)
        self.is_greeted = True
        self.agent.left.pop(self.server, None)
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        window = self.dice.choice((1, 1, 2, 8))
        is_rude = self.dice.random() < RUDE
        for _ in range(self.dice.randrange(3, 40)):
            if not self.agent.gate.is_open:
                break
            self.work()
            self.listen(lambda: len(self.pending) < window)
            if self.dice.random() < 0.3:
                time.sleep(self.dice.uniform(0, 0.3))
        if not is_rude:
            self.listen(lambda: not self.pending)

    def fail(self, text):
        self.book.fail(f"agent {self.agent.name}, session {self.name} at {self.server}: {text}", self.transcript)

    # --- what is asked

    def work(self):
        mark = f"{self.name}/{self.n_calls}"
        kind = self.server.split("-")[0]
        if self.dice.random() < 0.1:
            self.ask("tools/list", {}, lambda r: "tools" in r)
        elif self.dice.random() < 0.05:
            self.ask("ping", {}, lambda r: r == {})
        elif kind in ("fake", "process"):
            self.ask_fake(mark)
        elif kind == "everything":
            self.ask_everything(mark)
        elif kind == "filesystem":
            self.tool("list_directory", {"path": "/app"}, "node_modules")
        else:
            self.tool("search_nodes", {"query": mark}, "entities")

    def ask_fake(self, mark):
        dice = self.dice.random()
        if dice < 0.5:
            self.tool("echo", {"text": mark}, mark)
        elif dice < 0.75:
            self.tool("sleep", {"ms": self.dice.randrange(1500)}, "")
        elif dice < 0.995:
            n = self.dice.choice((10, 5000, 200000))
            self.tool("big", {"bytes": n}, "x" * min(n, 8))
        else:
            self.tool("exit", {"code": 3}, None)

    def ask_everything(self, mark):
        dice = self.dice.random()
        if dice < 0.6:
            self.tool("echo", {"message": mark}, mark)
        elif dice < 0.9:
            self.tool("get-sum", {"a": 40, "b": 2}, "42")
        else:
            self.tool("trigger-long-running-operation", {"duration": 1, "steps": 2}, "", token=mark)

    def tool(self, name, arguments, part, token=None):
        """part: what the text of the answer holds; None: an answer would be wrong."""
        params = {"name": name, "arguments": arguments} | ({"_meta": {"progressToken": token}} if token else {})

        def is_right(result):
            return part is not None and not result.get("isError") and part in json.dumps(result)
        self.ask("tools/call", params, is_right)

    def ask(self, method, params, is_right):
        number = self.n_calls
        self.n_calls += 1
        call_id = f"{self.name}/{number}"
        line = {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}
        self.pending[call_id] = Call(number, f"{method} {params.get('name', '')}".strip(), is_right)
        self.write(line)

    # --- bytes

    def note(self, arrow, line):
        self.transcript.append(f"{time.strftime('%H:%M:%S', time.gmtime())} {arrow} {line[:400]}")

    def write(self, message):
        line = json.dumps(message)
        self.note(">", line)
        data = line.encode() + b"\n"
        end = time.monotonic() + ANSWER_S
        while data:
            try:
                data = data[os.write(self.end.into, data):]
            except BlockingIOError:
                select.select([self.end.out], [self.end.into], [], 1)
                self.read()
                if time.monotonic() > end:
                    raise Broken(f"its lines are not taken for {ANSWER_S} s") from None

    def listen(self, is_enough):
        while not is_enough():
            oldest = min(self.pending.values(), key=lambda c: c.at)
            if time.monotonic() - oldest.at > ANSWER_S:
                self.never_answered()
            select.select([self.end.out], [], [], 1)
            self.read()

    def never_answered(self):
        late = {i: c for i, c in self.pending.items() if time.monotonic() - c.at > ANSWER_S}
        for call_id, call in late.items():
            del self.pending[call_id]
            self.book.count(self.server, "NEVER ANSWERED")
            self.fail(f"request {call_id} ({call.text}), sent at {call.since}, has no answer after {ANSWER_S} s")

    def read(self):
        try:
            piece = os.read(self.end.out, 1 << 18)
        except BlockingIOError:
            return
        if not piece:
            raise Broken(f"mcpinit ended the session, {len(self.pending)} calls were pending: {list(self.pending)}")
        *lines, self.buffer = (self.buffer + piece).split(b"\n")
        for line in lines:
            self.note("<", line.decode(errors="replace"))
            self.take(json.loads(line))

    def take(self, message):
        if "id" not in message or "method" in message:
            return  # a notification
        call = self.pending.pop(message["id"], None)
        if call is None:
            if self.is_greeted or message["id"] not in self.agent.left.get(self.server, ()):
                self.fail(f"an answer that it did not ask for, or the second one: {json.dumps(message)[:300]}")
            return
        ms = (time.monotonic() - call.at) * 1000
        if "result" in message:
            if call.is_right(message["result"]):
                self.book.count(self.server, "answered", ms=ms)
            else:
                self.book.count(self.server, "WRONG ANSWER")
                self.fail(f"request {message['id']} ({call.text}): wrong answer {json.dumps(message)[:300]}")
            return
        error = message.get("error", {})
        data = error.get("data") or {}
        if error.get("code") == -32603 and "reason" in data and "retryable" in data:
            self.book.count(self.server, "told why not", reason=reason_of(data["reason"]))
        else:
            self.book.count(self.server, "WRONG ERROR")
            self.fail(f"request {message['id']} ({call.text}): {json.dumps(message)[:300]}")


def reason_of(text):
    """Without what differs each time."""
    return "".join("N" if c.isdigit() else c for c in text)[:90]
