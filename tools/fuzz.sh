#!/usr/bin/env bash
# Runs the fuzz targets one after the other, for SECONDS in total, with JOBS processes each; ends
# with an error at the first broken promise. Corpora and what was found stay in BUILD/fuzzing.
# Usage: tools/fuzz.sh BUILD SECONDS JOBS
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 seconds=$2 jobs=$3
work=$build/fuzzing
mkdir -p "$work/found"

# From tests/fuzz/seeds.txt: a program, a tab, its input. Between them a zero byte for the evaluator.
seed_files() {
  local number=0 program input
  mkdir -p "$work/seeds/"{parser,evaluator,json,programs}
  while IFS=$'\t' read -r program input; do
    number=$((number + 1))
    printf '%s' "$program" > "$work/seeds/parser/$number"
    printf '%s\0%s' "$program" "$input" > "$work/seeds/evaluator/$number"
    printf '%s' "$input" > "$work/seeds/json/$number"
  done < tests/fuzz/seeds.txt
}

# target, percent of the time, longest input
run() {
  local target=$1 share=$(( seconds * $2 / 100 )) log=$work/$1.log
  mkdir -p "$work/corpus/$target"
  echo "fuzz: $target for $share s"
  if ! "$build/fuzz_$target" "$work/corpus/$target" "$work/seeds/$target" \
      -dict=tests/fuzz/jq.dict -max_len="$3" -max_total_time="$share" -fork="$jobs" -timeout=20 \
      -malloc_limit_mb=256 -rss_limit_mb=2048 -artifact_prefix="$work/found/$target-" \
      > "$log" 2>&1; then
    grep -a -A 12 -m 1 -E '^broken|runtime error|ERROR: ' "$log" || tail -n 20 "$log"
    echo "fuzz: $target found something: $work/found, $log" >&2
    exit 1
  fi
  grep -a 'cov:' "$log" | tail -n 1
}

seed_files
run programs 45 512
run evaluator 35 1024
run parser 12 1024
run json 8 1024
