# SPDX-License-Identifier: MIT
"""Runs the benchmarks that are named, or all, and prints a Markdown section for each. Called by bench/run."""
import os
import platform
import subprocess
import sys
import time
import traceback

import containers
import gateways
import processes
from rig import MCPINIT, Skip

BENCHMARKS = processes.BENCHMARKS | containers.BENCHMARKS | gateways.BENCHMARKS


def first_line(*argv):
    try:
        out = subprocess.run(argv, capture_output=True, text=True, check=False)
        return (out.stdout or out.stderr).splitlines()[0].strip()
    except (OSError, IndexError):
        return "not there"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "?")
    packages = first_line("dpkg-query", "-W", "-f", "${Package} ${Version}, ", "supervisor", "s6", "tini", "dumb-init",
                          "libcurl4", "docker.io").rstrip(", ")
    return (f"{cpu}, {os.cpu_count()} CPUs; Linux {platform.release()}; {first_line(MCPINIT, '-V')}; {packages}. "
            f"Load average at the start: {os.getloadavg()[0]:.1f}.")


def main(names):
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"bench: what is {' '.join(unknown)}? There is: {' '.join(BENCHMARKS)}")
    print(machine(), flush=True)
    failed = 0
    for name in names or BENCHMARKS:
        start = time.monotonic()
        print(f"\n## {name}\n\n{BENCHMARKS[name].__doc__}\n\n`bench/run {name}`", end="", flush=True)
        try:
            tables = BENCHMARKS[name]()
            print(f" ({time.monotonic() - start:.0f} s)\n")
            print("\n".join(tables), end="", flush=True)
        except Skip as why:
            print(f"\n\nSkipped: {why}.", flush=True)
        except Exception:  # the others can still be measured
            failed += 1
            print("\n\nFailed.", flush=True)
            traceback.print_exc()
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
