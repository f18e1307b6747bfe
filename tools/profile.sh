#!/usr/bin/env bash
# Where an instance's time goes: CPU by thread, and the functions that take most of it, by perf, or
# counted in instructions by valgrind where the machine does not allow perf.
# profile.sh BENCH_PROGRAM [w1|w3|p1|c|bare|bare-head] [instances]
set -euo pipefail

program=$1
workload=${2:-w1}
instances=${3:-100000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$program" --profile "$workload" --instances "$instances"

if perf record -o "$folder/probe" -e cpu-clock true >"$folder/log" 2>&1; then
  perf record -o "$folder/data" -e cpu-clock -F 2000 -- \
    "$program" --profile "$workload" --instances "$instances" >>"$folder/log" 2>&1
  for thread in reactor worker journal; do
    echo
    echo "$thread: share of all samples, by library, then by function"
    for key in dso dso,symbol; do
      perf report -i "$folder/data" --comm "$thread" --no-children --sort "$key" -w 24,70 --stdio \
        2>>"$folder/log" | grep '%' | sed 's/  *-  *-  *$//' | head -n 25 || true
    done
  done
elif command -v valgrind >/dev/null; then
  # About fifty times slower: fewer instances.
  valgrind --tool=callgrind --separate-threads=yes --callgrind-out-file="$folder/count" \
    "$program" --profile "$workload" --instances 3000 >"$folder/log" 2>&1
  for part in "$folder"/count-*; do
    echo
    callgrind_annotate "$part" 2>>"$folder/log" | cut -c1-140 | sed -n '/Ir/,$p' | head -n 30
  done
else
  echo "neither perf nor valgrind can be used here: apt-get install linux-perf valgrind" >&2
  exit 1
fi
