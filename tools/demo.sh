#!/usr/bin/env bash
# The demonstration: a real daemon, a real upstream (httpbin), and what happens when a key is revoked
# or expires while instances run. Leaves nothing behind; exits 1 when anything went otherwise.
# Usage: tools/demo.sh STEPWELL_BINARY
set -Eeuo pipefail

stepwell=$(realpath "${1:?usage: tools/demo.sh STEPWELL_BINARY}")
examples=$(realpath "$(dirname "$0")/../examples")
work=$(mktemp -d "${TMPDIR:-/tmp}/stepwell-demo.XXXXXX")
upstream_pid=
daemon_pid=
told=
failed_at=

# ---- words ---------------------------------------------------------------------------------------
if [[ -t 1 ]]; then bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'; else bold='' green='' red='' plain=''; fi
section() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '   %s\n' "$*"; }
good() { printf '   %sok%s  %s\n' "$green" "$plain" "$*"; }
die() {
  told=yes
  printf '\n%sdemo: %s%s\n' "$red" "$*" "$plain" >&2
  if [[ -s $work/daemon.log ]]; then
    echo "demo: the end of the daemon's log:" >&2
    tail -n 15 "$work/daemon.log" >&2
  fi
  exit 1
}
indent() { sed 's/^/      /'; }

# ---- processes -----------------------------------------------------------------------------------
stop() { # PID: asks, waits up to 10 s, insists
  [[ -n ${1:-} ]] && kill -0 "$1" 2>/dev/null || return 0
  kill -TERM "$1" 2>/dev/null || true
  for _ in {1..100}; do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}
clean_up() {
  local code=$?
  trap - EXIT ERR
  if [[ $code -ne 0 && -z $told ]]; then (die "$failed_at failed with exit code $code") || true; fi
  stop "$daemon_pid"
  stop "$upstream_pid"
  rm -rf "$work"
}
trap clean_up EXIT
trap 'failed_at="line $LINENO ($BASH_COMMAND)"' ERR
trap 'exit 130' INT TERM

wait_for() { # SECONDS WHAT COMMAND…: until the command succeeds
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [[ $SECONDS -lt $until ]] || die "$what did not happen in time"
    sleep 0.05
  done
}

# ---- talking to the daemon -----------------------------------------------------------------------
api() { # METHOD PATH [BODY]
  curl -sS --max-time 60 -X "$1" -H "Authorization: Api-Key $STEPWELL_API_KEY" \
    -H 'Content-Type: application/json' ${3:+--data "$3"} "http://$address/api/v1$2"
}
start() { # WORKFLOW INPUT [QUERY]
  api POST "/instances${3:-}" "$(jq -nc --arg w "$1" --argjson i "$2" '{workflow: $w, input: $i}')"
}
metric() { # the sum of the samples whose line begins with this text
  curl -sS --max-time 10 "http://$address/metrics" |
    awk -v want="$1" 'index($0, want) == 1 { sum += $NF } END { printf "%d\n", sum }'
}
field() { # JSON PATH
  jq -r "$2" <<<"$1"
}
expect() { # WHAT ACTUAL WANTED
  [[ $2 == "$3" ]] || die "$1 is '$2', expected '$3'"
}
show_fault() { # INSTANCE
  jq '.error | {reason, status, detail, instance, credential, credentialVersion, sent, retryable}' \
    <<<"$1" | indent
}
requests_at_upstream() { grep -c '"GET /bearer' "$work/upstream.access" || true; }

# Debian's own, since python3-httpbin belongs to that one.
gunicorn=/usr/bin/gunicorn
for tool in curl jq openssl "$gunicorn"; do
  command -v "$tool" >/dev/null || die "$tool is missing; tools/setup.sh installs it"
done

# ---- an upstream ---------------------------------------------------------------------------------
section "An upstream: httpbin"
"$gunicorn" --chdir "$work" --bind 127.0.0.1:0 --workers 1 --threads 16 --worker-tmp-dir "$work" \
  --access-logfile "$work/upstream.access" httpbin:app >"$work/upstream.log" 2>&1 &
upstream_pid=$!
wait_for 60 "the start of the upstream" grep -q 'Listening at: http' "$work/upstream.log"
upstream=$(sed -n 's/.*Listening at: \(http:[^ ]*\).*/\1/p' "$work/upstream.log" | head -n 1)
wait_for 60 "an answer of the upstream" curl -sSf -o /dev/null --max-time 5 "$upstream/get"
good "answers at $upstream"

# ---- a site and its daemon -----------------------------------------------------------------------
section "A new site and its daemon"
site=$work/site
"$stepwell" init "$site" -o json >"$work/init.json"
export STEPWELL_CONFIG=$site/stepwell.yaml
STEPWELL_API_KEY=$(jq -r .key "$work/init.json")
export STEPWELL_API_KEY
rm -f "$work/init.json"
[[ $STEPWELL_API_KEY == sw_* ]] || die "init printed no API key"
expect "the mode of the master key" "$(stat -c %a "$site/secrets/master.key")" 600
good "stepwell init wrote settings, folders, the master key (0600) and a first API key"

"$stepwell" serve --config "$STEPWELL_CONFIG" --listen 127.0.0.1:0 --set egress.allow=127.0.0.0/8 \
  --set "definitions=$examples" --set shutdown.grace=PT5S 2>"$work/daemon.log" &
daemon_pid=$!
is_ready() {
  kill -0 "$daemon_pid" 2>/dev/null || die "the daemon ended at its start"
  grep -q 'msg=ready ' "$work/daemon.log"
}
wait_for 60 "the daemon's start" is_ready
address=$(sed -n 's/.*msg=ready .*address=\([^ ]*\).*/\1/p' "$work/daemon.log" | tr -d '"' | head -n 1)
expect "/-/ready" "$(curl -sS "http://$address/-/ready")" ready
good "stepwell serve is ready at $address with $(api GET /workflows | jq '.items | length') workflows"

# ---- credentials ---------------------------------------------------------------------------------
section "Three credentials, by standard input, for one origin only"
crm_token=$(openssl rand -hex 24)
orders_token=$(openssl rand -hex 24)
partner_token=$(openssl rand -hex 24)
billing_password=demo-password
printf %s "$crm_token" | "$stepwell" credentials add crm --kind bearer --origin "$upstream" --value - >/dev/null
printf %s "$billing_password" | "$stepwell" credentials add billing --kind basic --username ada \
  --origin "$upstream" --value - >/dev/null
printf %s "$orders_token" | "$stepwell" credentials add orders --kind apiKey --header X-Api-Key \
  --origin "$upstream" --value - >/dev/null
"$stepwell" credentials list | indent

# ---- three steps ---------------------------------------------------------------------------------
section "Three HTTP steps that pass data on: examples/three-steps.yaml"
input=$(jq -nc --arg u "$upstream" '{upstream: $u, items: ["tea", "cups"]}')
instance=$(start examples/three-steps "$input" '?wait=30s')
expect "the instance's status" "$(field "$instance" .status)" completed
field "$instance" .output | indent
expect "what the last step sent of the step before" "$(field "$instance" .output.order.for)" ada
expect "what the last step sent of the first" "$(field "$instance" .output.order.customerKnown)" true
if grep -qF -e "$crm_token" -e "$orders_token" <<<"$instance"; then die "a token is in the answer"; fi
good "instance $(field "$instance" .id) is completed; no token in its answer"

# ---- revoke while instances run ------------------------------------------------------------------
section "Revoking crm while instances use it: examples/poll-customer.yaml"
ids=()
for ((i = 0; i < 24; ++i)); do
  # Every fourth is short, and most likely done before; the others are at work when it happens.
  rounds=$((i % 4 == 0 ? 1 : 100000))
  ids+=("$(field "$(start examples/poll-customer \
    "$(jq -nc --arg u "$upstream" --argjson r $rounds '{upstream: $u, rounds: $r}')")" .id)")
done
enough_calls() { [[ $(requests_at_upstream) -ge 200 ]]; }
wait_for 60 "two hundred calls" enough_calls
say "${#ids[@]} instances started, $(requests_at_upstream) calls so far, all with the token"
began=$(date +%s%N)
"$stepwell" credentials revoke crm --force >/dev/null
say "revoke returned after $((($(date +%s%N) - began) / 1000000)) ms (with the command's start)"

completed=0 faulted=0 example=
for id in "${ids[@]}"; do
  has_ended() {
    instance=$(api GET "/instances/$id")
    [[ $(field "$instance" .status) =~ ^(completed|faulted|stopped)$ ]]
  }
  wait_for 30 "the end of instance $id" has_ended
  case $(field "$instance" .status) in
    completed)
      expect "the rounds of an instance that completed" "$(field "$instance" .output.rounds)" 1
      completed=$((completed + 1))
      ;;
    faulted)
      expect "the reason of instance $id" "$(field "$instance" .error.reason)" credential-revoked
      expect "its status" "$(field "$instance" .error.status)" 401
      expect "whether the request was sent" "$(field "$instance" .error.sent)" no
      expect "whether it may be retried" "$(field "$instance" .error.retryable)" false
      faulted=$((faulted + 1))
      example=$instance
      ;;
    *) die "instance $id ended as $(field "$instance" .status)" ;;
  esac
done
[[ $faulted -gt 0 ]] || die "no instance was at work when the credential was revoked"
good "$completed completed before, $faulted faulted; every fault is credential-revoked. One of them:"
show_fault "$example"

# Under a path of their own, since lines of the upstream's log may still be on their way.
for ((i = 0; i < 8; ++i)); do
  instance=$(start examples/poll-customer \
    "$(jq -nc --arg u "$upstream/later" '{upstream: $u, rounds: 1}')" '?wait=30s')
  expect "an instance after the revocation" "$(field "$instance" .error.reason)" credential-revoked
done
curl -sS -o /dev/null --max-time 60 "$upstream/later/last"
wait_for 30 "the line of the last call" grep -q '"GET /later/last' "$work/upstream.access"
expect "the calls that reached the upstream afterwards" \
  "$(grep -c '"GET /later/bearer' "$work/upstream.access" || true)" 0
good "8 more instances faulted at once, and the upstream saw 0 further calls"

# ---- expiry --------------------------------------------------------------------------------------
section "A credential that expires: examples/partner.yaml"
from_now() { date -u -d "$1" +%Y-%m-%dT%H:%M:%S.%3NZ; }
expires=$(from_now '+1 hour')
printf %s "$partner_token" | "$stepwell" credentials add partner --kind bearer --origin "$upstream" \
  --expires "$expires" --value - >/dev/null
input=$(jq -nc --arg u "$upstream" '{upstream: $u}')
instance=$(start examples/partner "$input" '?wait=30s')
expect "an instance before the expiry" "$(field "$instance" .status)" completed
good "before $expires: $(field "$instance" .status), $(jq -c .output <<<"$instance")"
expires=$(from_now '+1 second')
"$stepwell" credentials set-expiry partner --expires "$expires" >/dev/null
say "from now on it expires at $expires"
is_expired() { [[ $(api GET /credentials/partner | jq -r .state) == expired ]]; }
wait_for 30 "the expiry" is_expired
instance=$(start examples/partner "$input" '?wait=30s')
expect "the reason after the expiry" "$(field "$instance" .error.reason)" credential-expired
expect "whether the request was sent" "$(field "$instance" .error.sent)" no
good "after it: faulted, nothing sent"
show_fault "$instance"

# ---- what the metrics say ------------------------------------------------------------------------
section "What the metrics say"
counts_expired() { [[ $(metric 'stepwell_credentials{state="expired"}') == 1 ]]; }
wait_for 30 "the gauge of expired credentials" counts_expired
curl -sS "http://$address/metrics" >"$work/metrics"
grep -E '^stepwell_(instances_(started|ended)_total|steps_total|credentials\{|credential_denials_total|revocations_total|revocation_duration_seconds_(sum|count)|http_requests_total|http_connections_total)' \
  "$work/metrics" | grep -v ' 0$' | indent
revoked_denials=$(metric 'stepwell_credential_denials_total{reason="credential-revoked"}')
[[ $revoked_denials -ge $((faulted + 8)) ]] ||
  die "the metrics tell of $revoked_denials denials, expected at least $((faulted + 8))"
[[ $(metric 'stepwell_credential_denials_total{reason="credential-expired"}') -ge 1 ]] ||
  die "the metrics tell of no denial after the expiry"
expect "the revocations in the metrics" "$(metric 'stepwell_revocations_total{kind="credential"}')" 1

# ---- no secret anywhere --------------------------------------------------------------------------
section "No secret in the log, the metrics or the data folder"
for secret in "$crm_token" "$orders_token" "$partner_token" "$billing_password" "$STEPWELL_API_KEY"; do
  for place in "$work/daemon.log" "$work/metrics" "$site/data" "$site/stepwell.yaml"; do
    if grep -rqaF -- "$secret" "$place"; then die "a secret is readable in ${place##*/}"; fi
  done
done
good "searched for all four credentials and the API key"

# ---- the end -------------------------------------------------------------------------------------
section "SIGTERM"
kill -TERM "$daemon_pid"
code=0
wait "$daemon_pid" || code=$?
daemon_pid=
expect "the daemon's exit code" "$code" 0
good "the daemon stopped in an orderly way, exit code 0"
printf '\n%sdemo: everything went as it should%s\n' "$green" "$plain"
