# SPDX-License-Identifier: MIT
"""What is asked of an init process. A case yields (name, verdict, detail); verdict None: an observation, no demand."""
import fcntl
import hashlib
import os
import signal
import statistics
import subprocess
import time

from harness import PATIENCE, children, proc_status

EXIT_TERM, EXIT_EOF, EXIT_LEAVE = 42, 43, 7  # of probe
FORWARDED = ("INT", "QUIT", "HUP", "USR1", "USR2", "WINCH", "CONT", "ALRM", "TERM")
QUIET = 0.3  # s in which something that must not happen would have happened
DOCKER_STOP = 10  # s


def number(name):
    return signal.Signals["SIG" + name].value


def where(below):
    return "not PID 1: " if below else ""


def name_of(status):
    return "runs on" if status is None else str(status)


def is_status(run, expected, patience=PATIENCE):
    status = run.wait(patience)
    return status == expected, "" if status == expected else name_of(status)


def all_same(found):
    """found: {expected status: what it was}"""
    wrong = [f"{got} for {expected}" for expected, got in found.items() if got != expected]
    return not wrong, ", ".join(wrong)


# --- status ------------------------------------------------------------------------------------------


def exit_codes(bench, below):
    found = {}
    for code in (0, 1, 2, 64, 127, 255):
        with bench.run("exit", str(code), below=below) as run:
            found[code] = run.wait()
    yield f"{where(below)}exit status 0, 1, 2, 64, 127, 255 is passed on", *all_same(found)


def killed(bench, below):
    found = {}
    for name in ("TERM", "HUP", "QUIT", "KILL", "SEGV"):
        with bench.run("die", str(number(name)), below=below) as run:
            found[128 + number(name)] = run.wait()
    yield f"{where(below)}child killed by TERM, HUP, QUIT, KILL, SEGV: 128 + number", *all_same(found)


def cannot_run(bench, _):
    text, script, broken = (os.path.join(bench.work, name) for name in ("text", "script", "broken"))
    for path, mode, content in ((text, 0o644, "x\n"), (script, 0o755, "exit 5\n"), (broken, 0o755, "#!/not/there\n")):
        with open(path, "w", encoding="ascii") as f:
            f.write(content)
        os.chmod(path, mode)
    for what, command, status in (
        ("command not found in PATH", "no-such-command", 127),
        ("command not found by path", "/no/such/command", 127),
        ("command not executable", text, 126),
        ("command is a directory", bench.work, 126),
    ):
        with bench.run_any(command) as run:
            yield f"{what}: {status}", *is_status(run, status)
            yield f"{what}: stderr names it", command in run.stderr(), ""
    for what, command in (("script without #!", script), ("script whose interpreter is missing", broken)):
        with bench.run_any(command) as run:
            yield f"{what}: status", None, str(run.wait())


# --- signals -----------------------------------------------------------------------------------------


def forwarded(bench, below):
    reached_group = []
    with bench.run("signals", "@", below=below) as run:
        run.logs("child ready"), run.logs("grandchild ready")
        for name in FORWARDED:
            run.signal(number(name))
            is_logged = run.logs(f"child signal {number(name)}", PATIENCE / 4)
            yield f"{where(below)}{name} is forwarded", is_logged, ""
            if is_logged and name != "TERM":
                reached_group.append(run.logs(f"grandchild signal {number(name)}", QUIET))
        yield f"{where(below)}status after TERM is the child's", *is_status(run, EXIT_TERM)
    group = "yes" if all(reached_group) else "some" if any(reached_group) else "no"
    yield f"{where(below)}signals also reach the child's process group", None, group


def forwarded_realtime(bench, _):
    with bench.run("signals", "@") as run:
        run.logs("child ready")
        run.signal(signal.SIGRTMIN + 3)
        yield "RTMIN+3 is forwarded", run.logs(f"child signal {signal.SIGRTMIN + 3}", PATIENCE / 4), ""


def pending(bench, below):
    """A signal that has come before the init could begin: it reaches the child, which it may end."""
    for name in ("TERM", "INT", "HUP", "USR1"):
        with bench.run("signals", "@", below=below, before=("pending", str(number(name)))) as run:
            end = time.monotonic() + PATIENCE / 4
            is_seen = False
            while not is_seen and time.monotonic() < end:
                time.sleep(0.02)
                is_seen = f"child signal {number(name)}" in run.lines() or run.process.poll() is not None
            yield f"{where(below)}{name} before the child has started is not lost", is_seen, ""
            if name == "TERM":
                yield f"{where(below)}status after TERM before the child has started", None, name_of(run.wait(QUIET))


def any_moment(bench, _):
    """Below PID 1, where no signal is dropped by the kernel, TERM ends it whenever it comes."""
    n_lost = 0
    for i in range(30):
        with bench.run("signals", "@", below=True) as run:
            pid = run.pid
            time.sleep(i * 0.0005)
            os.kill(pid, signal.SIGTERM)
            if run.wait(PATIENCE / 2) is None:
                n_lost += 1
                if n_lost == 3:
                    break
    yield "not PID 1: TERM at any moment of the start ends it", n_lost == 0, f"{n_lost} lost" if n_lost else ""


def stopped(bench, below):
    with bench.run("signals", "@", below=below) as run:
        run.logs("child ready")
        child = children(run.pid)[0]
        os.kill(child, signal.SIGSTOP)
        is_alive = run.wait(QUIET) is None
        os.kill(child, signal.SIGCONT)
        run.signal(signal.SIGTERM)
        status = run.wait()
        yield (f"{where(below)}a stopped child has not ended", is_alive and status == EXIT_TERM,
               name_of(status) if is_alive else "taken for ended")


def stopped_for_good(bench, _):
    with bench.run("signals", "@") as run:
        run.logs("child ready")
        os.kill(children(run.pid)[0], signal.SIGSTOP)
        time.sleep(QUIET)
        run.signal(signal.SIGTERM)
        yield "TERM ends a stopped child, too", *is_status(run, EXIT_TERM, PATIENCE / 4)


def deaf(bench, _):
    with bench.run("signals", "@", "deaf") as run:
        run.logs("child ready")
        run.signal(signal.SIGTERM)
        yield "a child that ignores TERM is killed before `docker stop` would", run.wait(DOCKER_STOP - 1) == 128 + 9, ""


# --- orphans -----------------------------------------------------------------------------------------


def daemon(bench, below):
    with bench.run("daemon", "@", below=below) as run:
        run.wait()
        yield f"{where(below)}a double-forked daemon is adopted", "adopted 1" in run.lines(), ""
        yield f"{where(below)}a double-forked daemon is reaped", {"adopted 1", "reaped 1"} <= set(run.lines()), ""


def stranger(bench, below):
    with bench.run_any("sh", "-c", "sleep 0.3; exit 5", below=below, before=("parent",)) as run:
        yield f"{where(below)}a child from before the exec is not taken for COMMAND", *is_status(run, 5)


def left(bench, below):
    with bench.run("leave", "@", below=below) as run:
        yield f"{where(below)}status of a child that leaves an orphan", *is_status(run, EXIT_LEAVE)
        lines = run.lines()
        yield f"{where(below)}orphans get TERM before the init exits", "orphan told" in lines, ""
        yield f"{where(below)}orphans get time to end before the init exits", "orphan done" in lines, ""
    with bench.run("leave", "@", "deaf", below=below) as run:
        yield f"{where(below)}an orphan that ignores TERM is not waited for for ever", *is_status(run, EXIT_LEAVE)


def crowd(bench, _):
    """Alone on the machine: it measures."""
    with bench.run("orphans", "@", "2000") as run:
        status = run.wait(PATIENCE * 3)
        last = (run.lines() or ["nothing made"])[-1]  # left N after MS ms
        is_done = last.startswith("left 0 ")
        yield "2,000 orphans at once are reaped", is_done, "" if is_done else last
        yield "2,000 orphans at once: ms until none is left", None, last.split()[3] if is_done else "-"
        yield "status of a child that ends after that", status == EXIT_LEAVE, ""


# --- what the child inherits -------------------------------------------------------------------------


def facts(run):
    """probe status as {key: [rest of line, ...]}."""
    run.wait()
    found = {}
    for line in run.lines():
        key, _, value = line.partition(" " if "\t" not in line else "\t")
        found.setdefault(key, []).append(value)
    return found


def changed(ours, bare, *keys):
    pairs = [{(key, value) for key in keys for value in found.get(key, [])} for found in (ours, bare)]
    more, less = pairs[0] - pairs[1], pairs[1] - pairs[0]
    return [f"has {key} {value[:80]}" for key, value in sorted(more)] + \
           [f"has not {key} {value[:80]}" for key, value in sorted(less)]


def inherits(bench, below):
    words = ("status", "@", "", "a b", "--", "-x", "ü\n", "x" * 100000)
    with bench.run(*words, below=below, bare=True) as run:
        bare = facts(run)
    with bench.run(*words, below=below) as run:
        ours = facts(run)
        is_silent = run.stderr() == ""
    rest = [key for key in bare if key.endswith(":") and not key.startswith("Sig")]
    for name, keys in (
        ("child's signal mask is empty", ("SigBlk:",)),
        ("child ignores and catches no signal", ("SigIgn:", "SigCgt:")),
        ("child's descriptors are 0, 1 and 2", ("fds",)),
        ("flags of 0, 1 and 2 are as they were", ("flags",)),
        ("working directory is unchanged", ("cwd",)),
        ("environment is unchanged", ("env",)),
        ("arguments are unchanged", ("arg", "end")),
        ("limits, umask, user and capabilities are unchanged", ("limit", *rest)),
    ):
        difference = changed(ours, bare, *keys)
        yield f"{where(below)}{name}", not difference, "; ".join(difference)
    yield f"{where(below)}says nothing when all is well", None, "yes" if is_silent else "no"


def inherits_dirt(bench, _):
    with bench.run("status", "@", before=("dirty",)) as run:
        ours = facts(run)
    none = ["0" * 16]
    yield "started with signals blocked: child's mask is empty", ours.get("SigBlk:") == none, ""
    yield "started with signals ignored: child ignores none", ours.get("SigIgn:") == none, ""
    fate = "passed on" if ours.get("fds") == ["0 1 2 7 9"] else "closed"
    yield "descriptors above 2 that it was started with", None, fate
    with bench.run("signals", "@", before=("dirty",)) as run:
        run.logs("child ready")
        run.signal(signal.SIGTERM)
        yield "started with SIGCHLD ignored: child's end is noticed", *is_status(run, EXIT_TERM)


def bare_rooms(bench, _):
    with bench.run("status", "@", before=("closed",)) as run:
        ours = facts(run)
        yield "started without 0, 1 and 2: child has nothing of the init's there", ours.get("fds") == [""], \
            f"status {run.wait()}"
    if not os.environ.get("MODE"):  # sanitizers themselves need it
        with bench.run("exit", "5", before=("noproc",)) as run:
            yield "works without /proc", *is_status(run, 5)


# --- stdio -------------------------------------------------------------------------------------------


def passes_through(bench, below):
    data = os.urandom(1 << 20)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with bench.run_any("cat", below=below, **pipes) as run:
        try:
            out = run.process.communicate(data, PATIENCE)[0]
        except subprocess.TimeoutExpired:
            out = b""
        same = hashlib.sha256(out).digest() == hashlib.sha256(data).digest()
        yield f"{where(below)}stdin to stdout: 1 MiB untouched, and its end", same and run.wait() == 0, ""


def full_stderr(bench, _):
    """A log that nobody reads must not hold up PID 1."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    before = fcntl.fcntl(writer, fcntl.F_GETFL)
    with bench.run_any("/no/such/command", stderr=writer) as run:
        yield "stderr full: it still ends", run.wait(PATIENCE / 2) is not None, ""
        yield "stderr's own flags stay as they were", fcntl.fcntl(writer, fcntl.F_GETFL) == before, ""
    os.close(reader), os.close(writer)


# --- terminal ----------------------------------------------------------------------------------------


def terminal(bench, _):
    with bench.run("echo", "@", tty=True) as run:
        run.logs("ready")
        yield ("terminal: child has it as controlling terminal, in the foreground",
               "tty 111 controlling 1 foreground 1 size 33x101" in run.lines(), "".join(run.lines()[:1]))
        run.type("hello\n")
        yield "terminal: child reads from it", run.logs("line hello", PATIENCE / 4), ""
        run.type("\x03")
        yield "terminal: Ctrl-C ends the child, status 130", *is_status(run, 130, PATIENCE / 2)
    with bench.run("echo", "@", tty=True) as run:
        run.logs("ready")
        run.type("\x1c")
        yield "terminal: Ctrl-\\ ends the child, status 131", *is_status(run, 131, PATIENCE / 2)
    with bench.run("echo", "@", tty=True) as run:
        run.logs("ready")
        run.type("\x04")
        yield "terminal: Ctrl-D is the end of stdin", *is_status(run, EXIT_EOF, PATIENCE / 2)


def terminal_signals(bench, _):
    with bench.run("signals", "@", tty=True) as run:
        run.logs("child ready")
        run.type("\x03")
        run.logs(f"child signal {number('INT')}", PATIENCE / 4)
        time.sleep(QUIET)
        count = run.lines().count(f"child signal {number('INT')}")
        yield "terminal: Ctrl-C reaches the child once", count == 1, f"{count} times" if count != 1 else ""
        run.resize(50, 120)
        yield "terminal: a new size reaches the child", run.logs(f"child signal {number('WINCH')}", PATIENCE / 4), ""
        run.signal(signal.SIGTERM)
        yield "terminal: TERM is forwarded, the status is the child's", *is_status(run, EXIT_TERM, PATIENCE / 2)


def terminal_suspend(bench, _):
    with bench.run("echo", "@", tty=True) as run:
        run.logs("ready")
        run.type("\x1a")
        time.sleep(QUIET)
        run.type("still here\n")
        yield "terminal: Ctrl-Z does not hang the container", run.logs("line still here", PATIENCE / 4), ""
    with bench.run("echo", "@", tty=True) as run:
        run.logs("ready")
        run.hang_up()
        yield "terminal: it ends when the terminal goes away", run.wait(PATIENCE / 2) is not None, ""


def terminal_shell(bench, _):
    """Not PID 1, started by a shell with job control."""
    def quoted(words):
        return " ".join("'" + word + "'" for word in words)

    def shell():
        run = bench.run_any("bash", "--norc", "--noprofile", "-i", bare=True, tty=True)
        run.type(quoted([*bench.argv, bench.probe, "echo", run.log]) + "\n")
        run.logs("ready")
        return run

    with shell() as run:
        run.type("\x03")
        time.sleep(QUIET)
        run.type("echo status-$?-end\n")
        yield "not PID 1: the shell sees 130 after Ctrl-C", run.reads("status-130-end", PATIENCE / 4), ""
    with shell() as run:
        run.type("\x1a")
        time.sleep(QUIET)
        run.type("echo back-$((40 + 2))\n")
        is_back = run.reads("back-42", PATIENCE / 4)
        yield "not PID 1: Ctrl-Z gives the terminal back to the shell", is_back, ""
        run.type("fg\n")
        time.sleep(QUIET)
        run.type("hello\n")
        yield "not PID 1: and fg continues it", is_back and run.logs("line hello", PATIENCE / 4), ""


# --- costs -------------------------------------------------------------------------------------------


def idle(bench, _):
    with bench.run("signals", "@") as run:
        run.logs("child ready")
        time.sleep(1)
        before = proc_status(run.pid, "voluntary_ctxt_switches")
        time.sleep(10)
        count = proc_status(run.pid, "voluntary_ctxt_switches") - before
        yield "sleeps while nothing happens", count <= 1, f"{count} wake-ups in 10 s" if count > 1 else ""
        yield "resident memory, kB", None, str(proc_status(run.pid, "VmRSS"))


def start(bench, _):
    """Alone on the machine: it measures."""
    took = {False: [], True: []}
    for bare in (False, True) * 40:
        begin = time.monotonic()
        with bench.run("exit", "0", bare=bare) as run:
            run.wait()
        took[bare].append(time.monotonic() - begin)
    more = statistics.median(took[False]) - statistics.median(took[True])
    yield "start and end, ms more than without an init", None, f"{more * 1000:.1f}"


# (case, the ways to run it: below PID 1 or as PID 1)
BOTH, PID1 = (False, True), (False,)
SECTIONS = (
    ("Status", ((exit_codes, BOTH), (killed, BOTH), (cannot_run, PID1))),
    ("Signals", ((forwarded, BOTH), (forwarded_realtime, PID1), (pending, BOTH), (any_moment, PID1), (stopped, BOTH),
                 (stopped_for_good, PID1), (deaf, PID1))),
    ("Orphans", ((daemon, BOTH), (stranger, BOTH), (left, BOTH), (crowd, PID1))),
    ("What the child inherits", ((inherits, BOTH), (inherits_dirt, PID1), (bare_rooms, PID1))),
    ("Stdin, stdout, stderr", ((passes_through, BOTH), (full_stderr, PID1))),
    ("Terminal", ((terminal, PID1), (terminal_signals, PID1), (terminal_suspend, PID1), (terminal_shell, PID1))),
    ("Costs", ((idle, PID1), (start, PID1))),
)
ALONE = (crowd, start)  # they measure time
