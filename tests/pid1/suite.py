#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of an init process: any program that takes a command, runs it as its child and is meant to be PID 1.

  suite.py INIT [ARG...]              lines as tests/run counts them: ok - ..., not ok - ..., and notes
  suite.py --table NAME=COMMAND...    all of them, one Markdown table
For example: suite.py mcpinit --    suite.py --table 'tini=tini --' 'dumb-init=dumb-init'
"""
import concurrent.futures
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the tree stays as it is

import cases
import harness

PARALLEL = 8  # they wait more than they work


def build_probe(work):
    probe = os.path.join(work, "probe")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probe.c")
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-o", probe, source], check=True)
    return probe


def run_case(bench, case, below):
    try:
        return list(case(bench, below))
    except Exception as e:  # a broken case is a failure by name, and the others go on
        return [(f"{case.__name__} runs to its end", False, f"{type(e).__name__}: {e}")]


def run_all(argv, work):
    """[(section, [(name, verdict, detail)...])...] of one init."""
    os.makedirs(work)
    bench = harness.Bench(argv, build_probe(work), work)
    plan = [(section, case, below) for section, group in cases.SECTIONS for case, ways in group for below in ways]
    results = {}
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        # The longest first.
        order = sorted(plan, key=lambda job: job[1] is not cases.idle)
        together = {job: pool.submit(run_case, bench, *job[1:]) for job in order if job[1] not in cases.ALONE}
        results = {job: future.result() for job, future in together.items()}
    for job in plan:
        if job not in results:
            results[job] = run_case(bench, *job[1:])
    sections = [(section, [row for job in plan if job[0] == section for row in results[job]])
                for section, _ in cases.SECTIONS]
    return sections + [("Sanitizers", sanitizer_reports(work))]


def sanitizer_reports(work):
    for path in glob.glob(os.path.join(work, "*.err")):
        with open(path, encoding="utf-8", errors="replace") as f:
            report = re.search(r"(?s)(ERROR: \w+Sanitizer|runtime error:).{0,1500}", f.read())
        if report:
            return [("sanitizers are silent", False, report[0].replace("\n", "\n#   "))]
    return []


def print_lines(sections):
    n_failed = 0
    for _, rows in sections:
        for name, verdict, detail in rows:
            if verdict is None:
                print(f"note - {name}: {detail}")
                continue
            print(f"{'ok' if verdict else 'not ok'} - {name}")
            if not verdict:
                n_failed += 1
                print(f"#   {detail or 'no'}")
    return n_failed


def cell(row):
    if row is None:
        return ""
    _, verdict, detail = row
    if verdict is None:
        return detail
    return "yes" if verdict else f"**no**: {detail}" if detail and len(detail) < 60 else "**no**"


def print_table(tables):
    """tables: {name of init: what run_all returned}"""
    for i, (section, _) in enumerate(cases.SECTIONS):
        rows_of = [{row[0]: row for row in table[i][1]} for table in tables.values()]
        names = list(dict.fromkeys(name for rows in rows_of for name in rows))
        print(f"\n| {section} | {' | '.join(tables)} |\n|---{'|---' * len(tables)}|")
        for name in names:
            print(f"| {name} | {' | '.join(cell(rows.get(name)) for rows in rows_of)} |")


def main(args):
    if not args or args[0] in ("-h", "--help"):
        print(__doc__, file=sys.stderr)
        return 64
    with tempfile.TemporaryDirectory(prefix="pid1.") as work:
        if args[0] != "--table":
            return 1 if print_lines(run_all(args, os.path.join(work, "init"))) else 0
        inits = dict(arg.split("=", 1) for arg in args[1:])
        print_table({name: run_all(shlex.split(command), os.path.join(work, str(i)))
                     for i, (name, command) in enumerate(inits.items())})
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
