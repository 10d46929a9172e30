#!/usr/bin/env bash
# A trial of ten million rows as CSV and as Parquet, and DataProfiler over its first 100,000 rows, one after the other.
# Needs python3 with numpy and pyarrow ($PYTHON), and one with 'DataProfiler[ml]' ($PEER), and 1.2 GB in $FOLDER.
set -euo pipefail
cd "$(dirname "$0")"
folder="${FOLDER:-/tmp/blastmap-tables}"
binary=../../target/release/blastmap
[ -f "$folder/trial.csv" ] || "${PYTHON:-python3}" make.py 10000000 "$folder" --parquet
head -100001 "$folder/trial.csv" > "$folder/sample.csv"
measure() {
    python3 - "$@" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{sys.argv[1].rsplit('/', 1)[-1]:10} {sys.argv[-1].rsplit('/', 1)[-1]:14} {used.ru_utime + used.ru_stime:7.2f} CPU-seconds, peak {used.ru_maxrss // 1024} MiB")
PY
}
for file in trial.csv trial.parquet sample.csv; do
    measure "$binary" scan -q --isolated --format jsonl "$folder/$file"
done
[ -z "${PEER:-}" ] || measure "$PEER" peer.py "$folder/sample.csv"
