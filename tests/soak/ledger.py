# SPDX-License-Identifier: MIT
"""What became of every request, and the report of it."""
import collections
import os
import platform
import threading
import time

HOPELESS = 50  # failures: more of them say nothing new


class Ledger:
    """Threads write here. Files: events (what was done when), failed-N (a session's last lines, and what mcpctl said)."""

    def __init__(self, work, look):
        self.work, self.look = work, look
        self.lock = threading.Lock()
        self.outcomes = collections.Counter()  # (server, outcome)
        self.reasons = collections.Counter()  # of errors
        self.failures = []
        self.latencies_ms = []
        self.sessions = collections.Counter()
        self.began = time.monotonic()
        self.events = open(os.path.join(work, "events"), "w", encoding="utf-8")

    def clock(self):
        s = int(time.monotonic() - self.began)
        return f"{s // 3600}:{s // 60 % 60:02}:{s % 60:02}"

    def event(self, text):
        with self.lock:
            self.events.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())} {text}\n")
            self.events.flush()

    def count(self, server, outcome, reason=None, ms=None):
        with self.lock:
            self.outcomes[server, outcome] += 1
            if reason:
                self.reasons[reason] += 1
            if ms is not None:
                self.latencies_ms.append(ms)

    def session(self, kind):
        with self.lock:
            self.sessions[kind] += 1

    def fail(self, text, transcript=()):
        with self.lock:
            name = os.path.join(self.work, f"failed-{len(self.failures) + 1}")
            self.failures.append(f"{text}; {name}")
        with open(name, "w", encoding="utf-8") as f:
            f.write(text + "\n\n" + "\n".join(transcript) + "\n\n" + self.look())
        self.event("FAILED: " + text)

    def is_hopeless(self):
        return len(self.failures) >= HOPELESS

    def total(self):
        with self.lock:
            return sum(self.outcomes.values())

    def by_outcome(self):
        with self.lock:
            found = collections.Counter()
            for (_, outcome), n in self.outcomes.items():
                found[outcome] += n
            return found

    def summary(self):
        return ", ".join(f"{n} {outcome}" for outcome, n in sorted(self.by_outcome().items())) + \
            f", {len(self.failures)} failures"


def quantiles(values):
    values = sorted(values)
    if not values:
        return "none"
    at = [values[min(len(values) - 1, int(len(values) * q))] for q in (0.5, 0.99)]
    return f"p50 {at[0]:.0f} ms, p99 {at[1]:.0f} ms, max {values[-1]:.0f} ms"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]) + "\n"


def report(soak):
    """Markdown: what was done, what became of it, mcpinit's memory and descriptors."""
    book, metrics = soak.ledger, soak.metrics()
    kills = soak.chaos.done
    by_server = sorted({server for server, _ in book.outcomes})
    outcomes = sorted({outcome for _, outcome in book.outcomes})
    restarts = metrics.get("mcpinit_server_restarts_total", {})
    def restarts_of(server):
        return " ".join(f"{l.split('reason=')[1].strip(chr(34))}:{v:g}" for l, v in sorted(restarts.items())
                        if f'server="{server}"' in l and v)
    minutes = f"{soak.args.minutes:g}"
    text = f"""# Soak

`make soak SOAK_MINUTES={minutes}` (SEED={soak.seed}), {time.strftime('%Y-%m-%d', time.gmtime())}, \
{os.cpu_count()} CPUs, Linux {platform.release()}: {'FAILED' if soak.failed else 'nothing failed'}.

Ten servers by all three launchers, ten agents at named pipes and ten by `mcpctl connect`, each in one random session after
the other. {sum(book.sessions.values())} sessions, {book.total()} requests, {sum(kills.values())} kills. A request ends by its right answer, by an
error -32603 that says why, or by its own agent's leaving. Answers: {quantiles(book.latencies_ms)}.

"""
    text += table(["server", *outcomes, "restarts, by reason"],
                  [[s, *[book.outcomes[s, o] for o in outcomes], restarts_of(s)] for s in by_server])
    text += "\n" + table(["what was done to them", "times"], sorted(kills.items()))
    text += "\n" + table(["errors, by data.reason", "times"], book.reasons.most_common(12))
    text += "\nAt rest, with all agents between two sessions (KiB). What grows are the rings that keep the servers' stderr, 256 KiB\n" \
            "each at most.\n\n"
    text += table(["minute", "PSS", "RSS", "private dirty", "descriptors", "children", "requests so far"],
                  [[f"{s['minute']:.1f}", s["Pss"], s["Rss"], s["Private_Dirty"], s["fds"], s["children"], s["requests"]]
                   for s in soak.samples])
    return text
