# SPDX-License-Identifier: MIT
"""Benchmarks that need no container engine: the servers are plain processes."""
import os
import re
import shutil
import signal
import subprocess
import time

from rig import (ALL, FAKE, NAMESPACE, MCPINIT, Mcpinit, S6, S6Notifying, Skip, Supervisord, TOOLS, await_that,
                 children, memory, ms_since, name_of, parent_of, spawn_ms, spread, switches, table)

HELLO = ('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
         '"capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}\n'
         '{"jsonrpc":"2.0","method":"notifications/initialized"}\n')


def call(number, tool, arguments="{}"):
    return (f'{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":'
            f'{{"name":"{tool}","arguments":{arguments}}}}}\n')


class Agent:
    """Two open files, as any agent has them."""

    def __init__(self, pipes):
        self.to = open(f"{pipes}/in", "w", encoding="utf-8", buffering=1)
        self.out = open(f"{pipes}/out", encoding="utf-8")
        self.ask(HELLO)

    def ask(self, line):
        self.to.write(line)
        return self.answer()

    def answer(self):
        """The next line that is no notification."""
        while (line := self.out.readline()) and '"id":' not in line:
            pass
        return line

    def close(self):
        self.to.close()
        self.out.close()


# --- the relay

def bench_rtt(mode, size, count, repeats, sides):
    """What bench_rtt printed: a list of repetitions, each {side: [numbers]}."""
    out = subprocess.run([f"{TOOLS}/bench_rtt", mode, str(size), str(count), str(repeats), *sides], check=True,
                         capture_output=True, text=True, timeout=120).stdout
    lines = [(name, [int(n) for n in numbers]) for name, *numbers in map(str.split, out.splitlines())]
    return [dict(lines[i:i + len(sides)]) for i in range(0, len(lines), len(sides))]


def round_trips(runs, names, ours, base):
    """Rows: each side, then what ours has more than base; µs."""
    def row(title, pick):
        return [title, *(spread([pick(run, i) / 1e3 for run in runs], digits=1) for i in (0, 1))]

    rows = [row(title, lambda run, i, name=name: run[name][i]) for name, title in names.items()]
    return [*rows, row("**added**", lambda run, i: run[ours][i] - run[base][i])]


def rates(runs, names, ours, base):
    """Rows: each side in MB/s, then ours in percent of base."""
    rows = [[title, spread([run[name][0] / 1e6 for run in runs], digits=0)] for name, title in names.items()]
    return [*rows, ["**of the direct one**", spread([100 * run[ours][0] / run[base][0] for run in runs], " %", 0)]]


def relay_tables(sides, names, ours, base, count):
    """sides: a callable, as a container can be attached to only once."""
    found = []
    for size in (100, 4096):
        runs = bench_rtt("rtt", size, count, 5, sides())
        found.append(table(f"round trip, lines of {size} bytes, µs", ("", "median", "p99"),
                           round_trips(runs, names, ours, base)))
    for mode, size, lines, title in (("down", 1 << 20, 150, "bulk, answers of 1 MiB, MB/s"),
                                     ("up", 1 << 20, 50, "bulk, requests and answers of 1 MiB, MB/s each way"),
                                     ("up", 100, 20000, "lines of 100 bytes, 64 under way, MB/s each way")):
        runs = bench_rtt(mode, size, lines, 5, sides())
        found.append(table(title, ("", "median of 5"), rates(runs, names, ours, base)))
    return found


def relay():
    """The same server behind a pipe pair, and behind mcpinit's FIFOs."""
    with Mcpinit(1) as init:
        names = {"direct": "pipe pair, direct", "hop": "through a bare relay",
                 "mcpinit": "through mcpinit"}
        sides = [f"direct=run:{FAKE}", f"hop=run:{TOOLS}/hop {FAKE}", f"mcpinit=fifo:{init.pipes()}"]
        return relay_tables(lambda: sides, names, "mcpinit", "direct", 5000)


# --- what it costs to be there

def memory_of(kind, count, **more):
    with kind(count, **more) as init:
        time.sleep(0.5)
        return memory(init.processes())


def with_agents(init):
    """mcpinit's memory with all its agents attached to all three servers, and answered once by each."""
    names = init.more["agents"]
    with init:
        agents = [Agent(init.pipes(f"s{i}", name)) for name in names for i in range(3)]
        for agent in agents:
            agent.ask(call(1, "echo", '{"text":"x"}'))
        found = memory(init.processes())
        for agent in agents:
            agent.close()
        return found


def agents_named(count):
    return {"agents": [f"a{i}" for i in range(count)], "keys": "default_agent = no"}


def memory_rows():
    few, many = 3, 100
    rows = []
    for kind in ALL:
        at = {n: memory_of(kind, n) for n in (few, many)}
        each = [f"{(at[many][i] - at[few][i]) / (many - few):,.1f}" for i in (0, 1)]
        rows.append([kind.name, *(f"{at[n][i]:,}" for n in (few, many) for i in (0, 1)), *each])
    return rows


def memory_bench():
    """PSS and private dirty of the supervisor's own processes, without the servers."""
    few, many = 3, 53
    at = {n: with_agents(Mcpinit(3, **agents_named(n))) for n in (few, many)}
    each = [f"{(at[many][i] - at[few][i]) / (many - few) / 3:,.1f}" for i in (0, 1)]
    return [table("process servers, KiB",
                  ("", "3: PSS", "3: private dirty", "100: PSS", "100: private dirty", "one more: PSS",
                   "one more: private dirty"), memory_rows()),
            table("mcpinit, 3 process servers, every agent attached to all three, KiB",
                  ("", "PSS", "private dirty"),
                  [*([f"{n} agents", *(f"{kib:,}" for kib in at[n])] for n in (few, many)),
                   ["**one more agent at one server**", *each]])]


def idle():
    """3 servers, nothing to do, no health check: how often the supervisor sleeps and wakes in 30 s."""
    with Mcpinit(3) as init, Supervisord(3) as supervisord, S6(3) as s6:
        agents = [Agent(init.pipes(f"s{i}")) for i in range(3)]
        time.sleep(2)
        all_of = (init, supervisord, s6)
        before = [switches(one.processes()) for one in all_of]
        time.sleep(30)
        rows = [[one.name, switches(one.processes()) - was] for one, was in zip(all_of, before)]
        for agent in agents:
            agent.close()
    return [table("voluntary context switches in 30 s", ("", ""), rows)]


def status():
    """One program of the command line, from its start to its end."""
    rows = [["/bin/true, for comparison", spread([spawn_ms(["/bin/true"]) for _ in range(51)], " ms")]]
    for kind, title, rounds in ((Mcpinit, "mcpctl status", 51), (Supervisord, "supervisorctl status", 11),
                                (S6, "s6-svstat, one service", 51)):
        with kind(3) as init:
            rows.append([f"{title}, median of {rounds}",
                         spread([spawn_ms(init.status_argv()) for _ in range(rounds)], " ms")])
    return [table("status of 3 servers", ("", "median (min–max)"), rows)]


# --- starts, ends, deaths

def relaunch_ms(init, victim):
    """From SIGKILL to the successor's exec."""
    parent = parent_of(victim)
    others = set(children(parent))
    start = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    await_that("a new process", lambda: init.program_name in map(name_of, set(children(parent)) - others), step=0.0003)
    return ms_since(start)


def relaunch():
    """kill -KILL of one program after another, each up for longer than startsecs (1 s)."""
    rows = []
    for kind, count in ((Mcpinit, 31), (Supervisord, 9), (S6, 9), (S6Notifying, 31)):
        with kind(count) as init:
            time.sleep(2.5)
            rows.append([kind.name, count, spread([relaunch_ms(init, pid) for pid in init.programs()], " ms")])
    return [table("death → successor executed", ("", "n", "median (min–max)"), rows)]


def start_stop():
    """100 programs: from the supervisor's start until all are executed; from SIGTERM until it has ended."""
    rows = []
    for kind in ALL:
        starts, ready, stops = [], [], []
        for _ in range(3):
            with kind(100) as init:
                starts.append(init.start_ms)
                ready.append(getattr(init, "ready_ms", 0))
                stops.append(init.stop_ms())
        rows.append([kind.name, spread(starts, " ms", 0), spread(ready, " ms", 0) if any(ready) else "–",
                     spread(stops, " ms", 0)])
    return [table("100 process servers, median of 3",
                  ("", "all executed", "all ready (handshake done, tools listed)", "stopped"), rows)]


def stubborn():
    """Servers that ignore SIGTERM (and, for mcpinit, the end of their stdin), 2 s until they are killed."""
    rows = []
    for kind in ALL:
        found = []
        for count in (1, 3):
            with kind(count, "--ignore-term", "--ignore-eof") as init:
                time.sleep(0.5)  # executed is not yet deaf
                found.append(init.stop_ms() / 1e3)
        rows.append([kind.name, *(f"{seconds:.2f} s" for seconds in found)])
    return [table("SIGTERM → ended, grace 2 s", ("", "1 server", "3 servers"), rows)]


# --- orphans

def orphans_of(init_pid):
    return [pid for pid in children(init_pid) if name_of(pid) == "orphans"]


def is_zombie(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "Z"


def reap_ms(argv, count, is_stopped):
    """Time until PID 1 has no orphan left: from their death, or from its continuation when all are zombies."""
    null = subprocess.DEVNULL
    with subprocess.Popen([*NAMESPACE, *argv], stdin=null, stdout=null, stderr=null) as space:
        try:
            init = await_that("PID 1", lambda: next(iter(children(space.pid)), 0))
            await_that(f"{argv[0]} runs", lambda: name_of(init) not in ("unshare", ""), 10)
            time.sleep(0.5)
            subprocess.run(["nsenter", "-t", str(init), "-p", "-m", f"{TOOLS}/orphans", str(count)], check=True)
            pids = await_that("the orphans", lambda: len(orphans_of(init)) == count and orphans_of(init))
            group = os.getpgid(pids[0])
            if is_stopped:
                os.kill(init, signal.SIGSTOP)
            start = time.monotonic()
            os.killpg(group, signal.SIGKILL)
            if is_stopped:
                await_that("all are dead", lambda: all(map(is_zombie, pids)), step=0.01)
                start = time.monotonic()
                os.kill(init, signal.SIGCONT)
            await_that("none is left", lambda: len(children(init)) < count // 2 and not orphans_of(init), step=0.002)
            return ms_since(start)
        finally:
            space.kill()


def orphans():
    """2,000 children of PID 1 that it has not started die at once."""
    sleep, rows = ["/bin/sleep", "1000"], []
    with Supervisord(0) as supervisord, S6(0) as s6:
        inits = {"mcpinit": [MCPINIT, "--", *sleep], "tini": ["tini", "--", *sleep],
                 "dumb-init": ["dumb-init", *sleep], "s6-svscan": s6.argv(), "supervisord": supervisord.argv()}
        supervisord.process.kill()
        s6.process.kill()
        for name, argv in inits.items():
            if name == "supervisord":  # 20 s each
                rows.append([name, spread([reap_ms(argv, 2000, False)], " ms", 0), "–"])
                continue
            rows.append([name, *(spread([reap_ms(argv, 2000, is_stopped) for _ in range(5)], " ms", 0)
                                 for is_stopped in (False, True))])
    return [table("2,000 orphans, time until none is left (median of 5; supervisord once)",
                  ("", "from their SIGKILL", "all zombies already: reaping alone"), rows)]


# --- an agent's view of a death

def answer_after_death(agent, victim, number):
    """ms until the call under way has failed, and until the next one is answered, both from the death."""
    agent.to.write(call(number, "sleep", '{"ms":60000}'))
    time.sleep(0.05)
    start = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    failed = agent.answer()
    failed_ms = ms_since(start)
    answer = agent.ask(call(number + 1, "pid"))
    answered_ms = ms_since(start)
    if '"error"' not in failed or not re.search(rf'"result".*"id":{number + 1}\b', answer):
        raise RuntimeError(f"not what was expected: {failed} {answer}")
    return failed_ms, answered_ms


def death():
    """kill -KILL of a process server with a call under way; the agent asks again as soon as that has failed."""
    found = []
    with Mcpinit(15) as init:
        agents = [Agent(init.pipes(f"s{i}")) for i in range(15)]
        time.sleep(1.2)
        for i, agent in enumerate(agents):
            pid = int(re.search(r'"text":"(\d+)"', agent.ask(call(1, "pid"))).group(1))
            victim = next(p for p in init.programs() if inner_pid(p) == pid)
            found.append(answer_after_death(agent, victim, 10 * i + 10))
            agent.close()
    failed, answered = zip(*found)
    return [table("process launcher, from the server's death", ("", "median of 15 (min–max)"),
                  [["the call under way has failed", spread(failed, " ms")],
                   ["the next call is answered", spread(answered, " ms")]])]


def inner_pid(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"^NSpid:.*\s(\d+)$", f.read(), re.M).group(1))


def missing():
    return [name for name in ("supervisord", "s6-svscan", "tini", "dumb-init") if not shutil.which(name)]


def needs_peers(function):
    def wrapped():
        if missing():
            raise Skip(f"not installed: {', '.join(missing())}; run: bash tests/deps.sh bench")
        return function()
    wrapped.__doc__ = function.__doc__
    return wrapped


BENCHMARKS = {"relay": relay, "death": death} | {
    name: needs_peers(function) for name, function in
    {"memory": memory_bench, "idle": idle, "status": status, "relaunch": relaunch, "start-stop": start_stop,
     "stubborn": stubborn, "orphans": orphans}.items()}
