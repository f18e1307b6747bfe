#!/usr/bin/env bash
# clang-format and clang-tidy over every source of ours; any finding fails. BUILD_DIR has a
# compile_commands.json, where a folder's sources are joined into a few translation units (the preset
# `lint`): so the headers are looked at once for many sources. With `deep` the path-sensitive checks
# of clang's analyzer run instead, source by source (the preset `dev`).
# Usage: tools/lint.sh BUILD_DIR [deep]
set -euo pipefail
build=$1
deep=${2:-}
git ls-files '*.h' '*.cpp' | xargs clang-format-14 --dry-run --Werror
git ls-files '*.sh' .ci/run | xargs -n 1 bash -n

# Joined, a source looks like a header, and names of libraries stand beside our own.
joined='-bugprone-suspicious-include,-bugprone-forward-declaration-namespace'

tidy() { # FLAGS…: over the files on standard input
  xargs -r -P "$(nproc)" -n 1 clang-tidy-14 --quiet -p "$build" \
    --extra-arg=-Wno-unknown-warning-option "$@" 2>&1 |
    { grep -v -E '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' || true; } |
    tee -a "$build/tidy.log"
}
: >"$build/tidy.log"
if [[ $deep == deep ]]; then
  # The analyzer follows paths into Boost.Asio and reports null pointers that cannot be: it is left
  # out where Boost is included, and only there.
  ours=$(git ls-files '*.cpp' | grep -v -E '^(tests|benchmarks)/')
  boost=$(grep -l '#include <boost/' $ours)
  grep -v -x -F "$boost" <<<"$ours" | tidy '--checks=-*,clang-analyzer-*'
else
  jq -r '.[].file' "$build/compile_commands.json" | grep -v /benchmarks/ |
    tidy "--checks=-clang-analyzer-*,$joined"
fi
echo "lint: clean"
