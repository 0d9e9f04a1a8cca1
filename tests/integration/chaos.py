# SPDX-License-Identifier: MIT
"""Eight agents at random work on one server that is killed again and again, for 53-chaos.sh.

chaos.py DIR SERVER KILLS [FIND-PID-COMMAND...]: the agents are DIR/a1 … a8; the command prints the PID of the server's
process. Keeps the books of every request: answered once, to who asked, by its own answer; prints them as JSON.
"""
import errno
import json
import os
import random
import select
import signal
import subprocess
import sys
import time

DIR, SERVER, KILLS, FIND = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
N_AGENTS, IN_FLIGHT, PATIENCE = 8, 6, 30
seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
dice = random.Random(seed)
books = dict.fromkeys(("sent", "answered", "failed", "cancelled", "died", "kills", "wrong", "missing"), 0)
faults = []


def fault(what, line):
    books["wrong"] += 1
    faults.append("%s: %.200s" % (what, line))


class Agent:
    def __init__(self, n):
        self.name = "a%d" % n
        self.session = 0
        self.n = 0
        self.blind_until = 0
        self.open()

    def open(self):
        self.session += 1
        self.waiting = {}  # id → the text that its answer must hold; None: any
        self.taken_back = set()
        self.is_greeted = self.has_heard = self.is_mid = False
        self.to_write = self.read = b""
        base = "%s/%s/%s/" % (DIR, self.name, SERVER)
        self.out = os.open(base + "out", os.O_RDONLY | os.O_NONBLOCK)
        self.inp = os.open(base + "in", os.O_WRONLY | os.O_NONBLOCK)
        self.hello = self.say("initialize", {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": self.name, "version": "1"}})
        self.to_write += b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'

    def die(self):
        """As a killed program does: both ends at once, whatever was asked."""
        books["died"] += len(self.waiting)
        os.close(self.out)
        os.close(self.inp)

    def say(self, method, params, text=None):
        self.n += 1
        number = self.session * 100000 + self.n
        id = number if number % 2 else "q%d" % number
        self.waiting[id] = text
        books["sent"] += 1
        line = json.dumps({"method": method, "params": params, "jsonrpc": "2.0", "id": id})
        self.to_write += line.encode() + b"\n"
        return id

    def call(self, tool, arguments, text=None):
        return self.say("tools/call", {"name": tool, "arguments": arguments, "_meta": {"progressToken": 1}}, text)

    def work(self):
        """One more request, if it may have one more."""
        if len(self.waiting) >= IN_FLIGHT or not self.is_greeted:
            return
        what = dice.random()
        if what < 0.5:
            text = "%s session %d call %d" % (self.name, self.session, self.n)
            self.call("echo", {"text": text}, text)
        elif what < 0.7:
            self.call("sleep", {"ms": dice.randrange(100)}, "slept")
        elif what < 0.8:
            self.say("tools/list", {}, '"echo"')
        elif what < 0.9:
            self.call("big", {"bytes": dice.randrange(100000)}, "x")
        elif what < 0.95:
            self.say("ping", {})
        else:
            id = self.call("sleep", {"ms": 10000})
            self.take_back(id)

    def take_back(self, id):
        del self.waiting[id]
        self.taken_back.add(id)
        books["cancelled"] += 1
        line = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}
        self.to_write += json.dumps(line).encode() + b"\n"

    def write(self):
        try:
            n = os.write(self.inp, self.to_write[:65536])
            self.is_mid = not self.to_write[:n].endswith(b"\n")
            self.to_write = self.to_write[n:]
        except BlockingIOError:
            pass

    def hear(self):
        try:
            more = os.read(self.out, 65536)
        except BlockingIOError:
            return
        if not more:
            fault("%s: its pipe ended" % self.name, "")
            self.waiting.clear()
            return
        *lines, self.read = (self.read + more).split(b"\n")
        for line in lines:
            self.take(line.decode())

    def take(self, line):
        try:
            message = json.loads(line)
        except ValueError:
            # A program that opens at the moment the last one closes may find the rest of its line.
            if self.is_greeted or self.has_heard:
                fault("%s: no JSON" % self.name, line)
            self.has_heard = True
            return
        self.has_heard = True
        if "method" in message:
            if "id" in message:
                fault("%s: a request" % self.name, line)
            return
        id = message.get("id")
        if id == self.hello:
            self.is_greeted = True
        if id not in self.waiting:
            was_before = isinstance(id, (int, str)) and int(str(id).lstrip("q")) < self.session * 100000
            if id in self.taken_back:  # crossed with its cancellation
                self.taken_back.remove(id)
            elif not was_before or self.is_greeted:
                fault("%s: nobody asked, or it was answered before" % self.name, line)
            return
        text = self.waiting.pop(id)
        error = message.get("error")
        if not error:
            books["answered"] += 1
            if text is not None and text not in line:
                fault("%s: another's answer, want %s" % (self.name, text), line)
        elif error.get("code") == -32603 and error.get("data", {}).get("server") == SERVER:
            books["failed"] += 1
        else:
            fault("%s: an error" % self.name, line)


def find_pid():
    found = subprocess.run(FIND, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.split()
    return int(found[0]) if found else 0


class Killer:
    """Kills the server's process at a random moment after it was found, one way or another."""

    def __init__(self):
        self.pid = self.last = 0
        self.at = 0
        self.is_stopped = False

    def step(self, agents, now):
        if now < self.at:
            return
        if not self.pid:
            self.pid = find_pid()
            if self.pid == self.last:
                self.pid = 0
            self.at = now + (dice.uniform(0, 0.2) if self.pid else 0.02)
            return
        if not self.is_stopped and dice.random() < 0.3:
            self.is_stopped = True
            self.kill(signal.SIGSTOP)
            self.at = now + dice.uniform(0, 0.1)
            return
        if not self.is_stopped and dice.random() < 0.3:
            dice.choice(agents).call("half", {})  # of a line, then SIGKILL; at the latest the next round kills it
            self.at = now + 0.5
            self.is_stopped = True
            return
        self.kill(signal.SIGKILL)
        self.last, self.pid, self.is_stopped = self.pid, 0, False
        books["kills"] += 1
        self.at = now + 0.02

    def kill(self, number):
        try:
            os.kill(self.pid, number)
        except OSError as e:
            if e.errno != errno.ESRCH:
                raise


def turn(agents):
    now = time.monotonic()
    ready = [a.out for a in agents if a.blind_until < now]
    writing = [a.inp for a in agents if a.to_write]
    readable, writable, _ = select.select(ready, writing, [], 0.005)
    for a in agents:
        if a.out in readable:
            a.hear()
        if a.inp in writable:
            a.write()
    return now


def main():
    agents = [Agent(n + 1) for n in range(N_AGENTS)]
    killer = Killer()
    end = time.monotonic() + 900
    while books["kills"] < KILLS and time.monotonic() < end:
        now = turn(agents)
        a = dice.choice(agents)
        chance = dice.random()
        if chance < 0.002 and not a.is_mid:  # half a line would be joined by the next program's first
            a.die()
            a.open()
        elif chance < 0.004:
            a.blind_until = now + 0.3  # it reads slowly
        else:
            a.work()
        killer.step(agents, now)
    end = time.monotonic() + PATIENCE
    while any(a.waiting or a.to_write for a in agents) and time.monotonic() < end:
        turn(agents)
    for a in agents:
        books["missing"] += len(a.waiting)
        faults.extend("%s: no answer to %s (%s)" % (a.name, id, text) for id, text in a.waiting.items())
    end = time.monotonic() + 0.5  # what would come twice
    while time.monotonic() < end:
        turn(agents)
    print(json.dumps(dict(books, seed=seed, faults=faults[:5])))


main()
