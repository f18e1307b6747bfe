#!/usr/bin/env bash
# clang-format and clang-tidy over every source of ours; any finding fails. With `deep` also the
# path-sensitive checks of clang's analyzer, which take as long again.
# Usage: tools/lint.sh BUILD_DIR (with compile_commands.json) [deep]
set -euo pipefail
build=$1
deep=${2:-}
git ls-files '*.h' '*.cpp' | xargs clang-format-14 --dry-run --Werror
git ls-files '*.sh' .ci/run | xargs -n 1 bash -n

tidy() { # FLAGS…: over the files on standard input
  xargs -r -P "$(nproc)" -n 4 clang-tidy-14 --quiet -p "$build" \
    --extra-arg=-Wno-unknown-warning-option "$@" 2>&1 |
    { grep -v -E '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' || true; } |
    tee -a "$build/tidy.log"
}
: >"$build/tidy.log"
ours=$(git ls-files '*.cpp' | grep -v -E '^(tests|benchmarks)/')
if [[ $deep == deep ]]; then
  # The analyzer follows paths into Boost.Asio and reports null pointers that cannot be: it is left
  # out where Boost is included, and only there.
  boost=$(grep -l '#include <boost/' $ours)
  grep -v -x -F "$boost" <<<"$ours" | tidy
  tidy '--checks=-clang-analyzer-*' <<<"$boost"
else
  tidy '--checks=-clang-analyzer-*' <<<"$ours"
fi
echo "lint: clean"
