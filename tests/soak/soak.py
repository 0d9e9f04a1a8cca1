#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Twenty agents at random work while servers and their engine are killed; see soak.sh, which prepares all of it.

Prints `ok - ...` and `not ok - ...`. A request is accounted for when it has exactly one answer, the right one or an error
-32603 that says why, or when its session was ended by its own agent.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import threading
import time

import agents
import chaos
import ledger

PAUSES = 4  # looks at mcpinit while all agents rest, after the warm-up
WARM_UP = 1 / 6
SETTLE_S = 180
GROWTH_KIB = 1024  # of what is private and of RSS, from the end of the warm-up to the end
GROWTH_FDS = 16  # idle connections to the engine are kept for a while
SERVERS = [f"{kind}-{launch}" for launch in ("api", "cli") for kind in ("fake", "everything", "filesystem", "memory")]
SERVERS += ["process-1", "process-2"]
RESTING = ("mcpinit_server_requests_in_flight", "mcpinit_server_requests_waiting", "mcpinit_server_queue_bytes",
           "mcpinit_agent_sessions", "mcpinit_agent_queue_bytes", "mcpinit_agent_pending_bytes")


def fds_of(pid):
    """How many of each kind."""
    found = collections.Counter()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            to = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        found["FIFO" if to.startswith("/") else to.split(":[")[0]] += 1
    return found


class Soak:
    def __init__(self, args):
        self.args = args
        self.ledger = ledger.Ledger(args.work, lambda: self.ctl("status") + "\n" + self.ctl("metrics"))
        self.gate = agents.Gate()
        self.wrong = []
        self.samples = []
        self.began = time.monotonic()
        seed = args.seed or random.randrange(1, 1 << 31)
        self.seed = seed
        dice = random.Random(seed)
        setup = agents.Setup(bin=args.bin, run=os.path.join(args.work, "mcp"), servers=SERVERS)
        self.agents = [agents.Agent(setup, f"{kind}-{i}", random.Random(dice.random()), self.ledger, self.gate)
                       for kind in ("pipes", "socket") for i in range(10)]
        self.chaos = chaos.Chaos(args, random.Random(dice.random()), self.ledger, SERVERS)

    # --- looking at mcpinit

    def ctl(self, *argv):
        try:
            return subprocess.run([os.path.join(self.args.bin, "mcpctl"), *argv], capture_output=True, text=True,
                                  timeout=60, check=False).stdout
        except subprocess.TimeoutExpired:
            return ""

    def states(self):
        try:
            servers = json.loads(self.ctl("--json", "status"))["servers"]
        except (ValueError, KeyError):
            return {}
        return {s["name"]: (s["state"], s["why"]) for s in servers}

    def metrics(self):
        """{name: {labels: value}}"""
        found = {}
        for line in self.ctl("metrics").splitlines():
            if line and line[0] != "#":
                name, value = line.rsplit(" ", 1)
                name, _, labels = name.partition("{")
                found.setdefault(name, {})[labels.rstrip("}")] = float(value)
        return found

    def resting(self):
        """What is not at rest, by mcpinit's own metrics and by the engine; empty: all is."""
        left = [f"{name} is {state}: {why}" for name, (state, why) in self.states().items() if state != "RUNNING"]
        metrics = self.metrics()
        for name in RESTING:
            left += [f"{name}{{{labels}}} is {value:g}" for labels, value in metrics.get(name, {}).items() if value]
        names = self.chaos.containers()
        for server in SERVERS[:8]:
            mine = [n for n in names if n.rsplit("-", 1)[0].endswith("-" + server)]
            if len(mine) != 1:
                left.append(f"{server} has {len(mine)} containers: {mine}")
        return left if metrics else ["mcpctl metrics says nothing"]

    def sample(self):
        pid, found = self.args.pid, {"minute": (time.monotonic() - self.began) / 60}
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                if line.split(":")[0] in ("Rss", "Pss", "Private_Dirty"):
                    found[line.split(":")[0]] = int(line.split()[1])
        fds = fds_of(pid)
        found["fds"] = sum(fds.values())
        self.ledger.event(f"descriptors: {dict(fds)}")
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            found["children"] = len(f.read().split())
        found["requests"] = self.ledger.total()
        return found

    def rest(self):
        """All agents between two sessions, no kills, all servers RUNNING: then mcpinit is measured."""
        self.chaos.pause()
        if not self.gate.close(len(self.agents), agents.ANSWER_S + 30):
            self.wrong.append("an agent does not come to rest")
        end = time.monotonic() + SETTLE_S
        while (left := self.resting()) and time.monotonic() < end:
            time.sleep(0.5)
        self.wrong += [f"at rest after {self.ledger.clock()}: {what}" for what in left]
        self.samples.append(self.sample())
        self.ledger.event(f"at rest: {self.samples[-1]}")

    def go_on(self):
        self.gate.open()
        self.chaos.go_on()

    # --- the run

    def run(self):
        end = time.monotonic() + SETTLE_S
        while (left := self.resting()) and time.monotonic() < end:
            time.sleep(0.2)
        if left:
            self.wrong.append(f"not ready to begin: {left}")
            return
        self.began = time.monotonic()
        seconds = self.args.minutes * 60
        for thread in [*self.agents, self.chaos]:
            thread.start()
        for part in [WARM_UP] + [(1 - WARM_UP) / PAUSES] * PAUSES:
            self.go_on()
            end = time.monotonic() + seconds * part
            while time.monotonic() < end and not self.ledger.is_hopeless():
                time.sleep(0.2)
            if not self.is_alive():
                break
            self.rest()
            print(f"# {self.ledger.clock()}: {self.ledger.summary()}; {self.samples[-1]}", flush=True)
            if self.ledger.is_hopeless():
                break
        self.chaos.end()
        self.gate.end()
        for agent in self.agents:
            agent.join(agents.ANSWER_S + 60)

    def is_alive(self):
        if os.path.exists(f"/proc/{self.args.pid}"):
            return True
        self.wrong.append("mcpinit has gone")
        return False

    # --- what came of it

    def check(self, name, wrong):
        if not wrong:
            print(f"ok - {name}")
            return
        print(f"not ok - {name}")
        for line in wrong[:20]:
            print(f"#   {line}")
        if len(wrong) > 20:
            print(f"#   and {len(wrong) - 20} more")
        self.failed = True

    def growth(self, key, limit):
        if len(self.samples) < 2:
            return ["it was not measured twice"]
        first, last = self.samples[0][key], self.samples[-1][key]
        return [f"{first} after the warm-up, {last} at the end"] if last > first + limit else []

    def verdict(self):
        self.failed = False
        unaccounted = self.ledger.failures
        self.check(f"every request of {self.ledger.total()} is accounted for", unaccounted)
        self.check("all comes to rest: servers RUNNING, nothing waits or is queued, one container each", self.wrong)
        self.check("every kind of kill was tried", [f"{kind} never" for kind in self.chaos.kinds()
                                                    if not self.chaos.done[kind]] if self.args.minutes >= 10 else [])
        # PSS is shown, and no more: what others share with us is not our doing.
        for key in ("Rss", "Private_Dirty"):
            self.check(f"{key} is flat (KiB)", self.growth(key, GROWTH_KIB))
        self.check("descriptors are flat", self.growth("fds", GROWTH_FDS))
        self.check("children are flat", self.growth("children", 0))
        with open(self.args.report, "w", encoding="utf-8") as f:
            f.write(ledger.report(self))
        return 1 if self.failed else 0


def main():
    p = argparse.ArgumentParser()
    for name in ("bin", "work", "instance", "engine", "report"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--pid", type=int, required=True)
    p.add_argument("--minutes", type=float, required=True)
    p.add_argument("--seed", type=int, default=0)
    soak = Soak(p.parse_args())
    print(f"# SEED={soak.seed}", flush=True)
    soak.run()
    sys.exit(soak.verdict())


if __name__ == "__main__":
    main()
