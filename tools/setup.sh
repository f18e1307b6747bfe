#!/usr/bin/env bash
# Installs what building, testing and the demo need: Debian 12 packages, only those that are missing.
# Idempotent; needs root (or sudo) only when something is missing. `setup.sh fuzz`: for fuzzing too.
set -euo pipefail

packages=(
  # build
  build-essential cmake ninja-build ccache pkg-config git
  # libraries
  libcurl4-openssl-dev rapidjson-dev libtbb-dev libyaml-dev prometheus-cpp-dev libsodium-dev
  libsqlite3-dev libspdlog-dev libfmt-dev libcli11-dev libboost1.81-dev libonig-dev
  libvalijson-dev
  libexpected-dev libsystemd-dev zlib1g-dev libjemalloc-dev
  # tests, benchmarks, demo
  libgtest-dev libgmock-dev libbenchmark-dev libjq-dev jq nginx-light gunicorn python3-httpbin python3-jsonschema openssl
  libnghttp2-dev libssl-dev curl sqlite3 prometheus tzdata
  exim4-daemon-light
  zsh fish mandoc
  systemd adduser dpkg-dev file
  # lint
  clang-format-14 clang-tidy-14
)
if [[ ${1:-} == fuzz ]]; then
  packages+=(clang-14 libclang-rt-14-dev llvm-14)
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "setup.sh: missing ${missing[*]}; run it as root" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup.sh: installing ${missing[*]}" >&2
# Services that packages bring must not start here: the tests start their own, on free ports.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
