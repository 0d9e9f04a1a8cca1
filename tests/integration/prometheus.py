#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads Prometheus text (format 0.0.4) from stdin and is strict: exit 1 and a line for each thing that is wrong.

  prometheus.py           checks
  prometheus.py SAMPLE    prints the value of NAME{label="value",...}, labels in any order; nothing when there is none
Source: prometheus.io/docs/instrumenting/exposition_formats and /docs/practices/naming.
"""
import collections
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)$")
VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf)$|NaN$")
TYPES = ("counter", "gauge", "histogram")
UNITS = ("seconds", "bytes")
BAD_UNITS = re.compile(r"_(ms|milliseconds|minutes|kib|mib|kb|mb)(_|$)")


def series_of(name, labels):
    return name, tuple(sorted(re.findall(LABEL, labels or "")))


class Checker:
    def __init__(self, text):
        self.wrong, self.values, self.help, self.type = [], {}, {}, {}
        self.family = None
        if not text.endswith("\n"):
            self.wrong.append("the last line has no end")
        for number, line in enumerate(text.split("\n")[:-1], 1):
            what = self.comment(line) if line.startswith("#") else self.sample(line)
            if what:
                self.wrong.append(f"{number}: {what}: {line}")
        for name, kind in self.type.items():
            if kind == "histogram":
                self.histogram(name)

    def comment(self, line):
        found = re.match(rf"# (HELP|TYPE) ({NAME}) (.+)$", line)
        if not found:
            return "a comment that is neither HELP nor TYPE"
        word, name, rest = found.groups()
        table = self.help if word == "HELP" else self.type
        if name in table:
            return f"{word} twice"
        table[name] = rest
        if word == "HELP":
            self.family = name
            return "HELP holds a bad escape" if re.search(r"\\[^\\n]", rest) else None
        if name != self.family:
            return "TYPE without its HELP before it"
        if rest not in TYPES:
            return "no such type"
        if (rest == "counter") != name.endswith("_total"):
            return "counters, and only they, end in _total"
        if BAD_UNITS.search(name):
            return f"not a base unit ({', '.join(UNITS)})"
        if rest == "histogram" and not name.endswith(UNITS):
            return "a histogram without its unit"
        return None

    def sample(self, line):
        found = SAMPLE.match(line)
        if not found:
            return "not NAME{LABELS} VALUE"
        name, labels, value = found.group(1), found.group(2), found.groups()[-1]
        kind = self.type.get(self.family)
        names = [self.family + s for s in ("_bucket", "_sum", "_count")] if kind == "histogram" else [self.family]
        if kind is None or name not in names:
            return "a sample outside its family"
        if not VALUE.match(value):
            return "no number"
        if kind != "gauge" and not float(value) >= 0:
            return "less than nothing"
        series = series_of(name, labels)
        if len({label for label, _ in series[1]}) != len(series[1]):
            return "a label twice"
        if series in self.values:
            return "a series twice"
        self.values[series] = float(value)
        return None

    def histogram(self, name):
        buckets = collections.defaultdict(list)
        for (sample, labels), value in self.values.items():
            if sample == name + "_bucket":
                le = [v for k, v in labels if k == "le"]
                rest = tuple(pair for pair in labels if pair[0] != "le")
                buckets[rest].append((float(le[0]) if le else float("nan"), value))
        for rest, found in buckets.items():
            bounds, counts = [b for b, _ in found], [c for _, c in found]
            if bounds != sorted(bounds) or counts != sorted(counts):
                self.wrong.append(f"{name}{rest}: buckets do not rise")
            if bounds[-1] != float("inf") or self.values.get((name + "_count", rest)) != counts[-1]:
                self.wrong.append(f"{name}{rest}: +Inf is not the count")
            if (name + "_sum", rest) not in self.values:
                self.wrong.append(f"{name}{rest}: no sum")


def main():
    checker = Checker(sys.stdin.read())
    if len(sys.argv) > 1:
        name, _, labels = sys.argv[1].partition("{")
        value = checker.values.get(series_of(name, labels))
        if value is not None:
            print(f"{value:.15g}")
        return
    if not checker.values:
        checker.wrong.append("no sample at all")
    print("\n".join(checker.wrong) or "ok")
    sys.exit(bool(checker.wrong))


if __name__ == "__main__":
    main()
