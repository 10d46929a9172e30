#!/bin/bash
# Checkpoints of 16.7 GB, mostly holes, bare and in a tar in a tar: what a whole run of the program takes on each, from
# start to exit, and how much it reads. tests/big.rs asserts the same of the library.
#
#   benches/big.sh [BLASTMAP]
#
# Needs cargo and python3, and a file system that keeps holes under ${TMPDIR:-/tmp}.
set -eu
here=$(dirname "$(readlink -f "$0")")
blastmap=$(readlink -f "${1:-$here/../target/release/blastmap}")
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
cd "$here/.."
FORGE_INTO=$files cargo test --quiet --test big -- --ignored forge_the_files > /dev/null
python3 - "$blastmap" "$files" <<'END'
import json, os, resource, statistics, subprocess, sys, time

blastmap, files = sys.argv[1:]
def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


print("| file | bytes | parameters | bytes read | CPU ms | wall ms |")
print("|---|---|---|---|---|---|")
for name in sorted(os.listdir(files)):
    path = os.path.join(files, name)
    costs = []
    for _ in range(11):
        start = time.monotonic(), cpu()
        out = subprocess.run([blastmap, "scan", path, "-q", "--format", "jsonl"], capture_output=True, check=True)
        costs.append(((cpu() - start[1]) * 1000, (time.monotonic() - start[0]) * 1000))
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    (asset,) = [line for line in lines if line["type"] == "asset"]
    (coverage,) = [line for line in lines if line["type"] == "coverage"]
    parameters = asset["facts"]["parameter_count"]
    read = coverage["bytes_read"]
    used, wall = (statistics.median(column) for column in zip(*costs))
    print(f"| {name} | {os.path.getsize(path):,} | {parameters:,} | {read:,} | {used:.0f} | {wall:.0f} |")
END
