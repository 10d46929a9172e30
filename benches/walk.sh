#!/bin/bash
# A million small files: what a scan of them costs, beside what it costs `fd` to list them.
#
#   benches/walk.sh [BLASTMAP] > benches/walk.txt
#
# Needs fd (Debian: fd-find) and python3; makes a tree of some 4 GB of blocks in ${TMPDIR:-/tmp} and removes it. CPU
# seconds are user and system time of the process, as the kernel counts them; wall time says more of the machine.
set -eu
here=$(dirname "$(readlink -f "$0")")
blastmap=$(readlink -f "${1:-$here/../target/release/blastmap}")
fd=$(command -v fdfind || command -v fd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
python3 "$here/tree.py" "$tree/tree"
python3 "$here/measure.py" --runs "${RUNS:-5}" \
    "fd -tf" "$fd -tf . $tree/tree" \
    "blastmap --depth headers --sniff named" "$blastmap scan $tree/tree --depth headers --sniff named -q --format jsonl" \
    "blastmap --depth headers" "$blastmap scan $tree/tree --depth headers -q --format jsonl" \
    "blastmap" "$blastmap scan $tree/tree -q --format jsonl"
