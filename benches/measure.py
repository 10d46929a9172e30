"""Runs commands in turn, several times, and prints the medians of what the kernel says they cost.

measure.py [--runs N] NAME COMMAND [NAME COMMAND …]; the first is what the others are compared with.
"""

import os
import shlex
import statistics
import subprocess
import sys
import time


def run(command):
    start = time.monotonic()
    child = subprocess.Popen(shlex.split(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode > 1:
        sys.exit(f"{command}: exit code {child.returncode}")
    wall = time.monotonic() - start
    return usage.ru_utime + usage.ru_stime, usage.ru_utime, usage.ru_stime, wall, usage.ru_maxrss / 1024


def main(words):
    runs = 5
    if words[0] == "--runs":
        runs, words = int(words[1]), words[2:]
    commands = list(zip(words[::2], words[1::2]))
    for _, command in commands:
        run(command)  # Warms the caches.
    costs = {name: [] for name, _ in commands}
    for _ in range(runs):
        for name, command in commands:
            costs[name].append(run(command))
    print("| command | CPU s | ratio | user s | system s | wall s | peak MiB |")
    print("|---|---|---|---|---|---|---|")
    base = None
    for name, _ in commands:
        cpu, user, system, wall, peak = (statistics.median(column) for column in zip(*costs[name]))
        base = base or cpu
        print(f"| `{name}` | {cpu:.2f} | {cpu / base:.2f} | {user:.2f} | {system:.2f} | {wall:.2f} | {peak:.0f} |")


main(sys.argv[1:])
