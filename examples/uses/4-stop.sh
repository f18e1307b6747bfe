#!/bin/sh
# Stops one instance, several by id, and all that a filter picks.
set -eu
api=${STEPWELL_URL:-http://127.0.0.1:8080}/api/v1
call() { curl -sS --fail-with-body -H "Authorization: Api-Key $STEPWELL_API_KEY" "$@"; }
start() {
  call "$api/instances" -H 'Content-Type: application/json' \
    -d "{\"workflow\": \"uses/linger\", \"tags\": [\"$1\"]}" | jq .id
}

# One.
id=$(start one)
call -X POST "$api/instances/$id/stop" | jq '{status}'

# Several by their ids.
ids=$(start several),$(start several)
call "$api/instances/bulk/stop" -H 'Content-Type: application/json' -d "{\"ids\": [$ids]}" |
  jq -c '{taken, problems}'

# All that have something in common; first only to see which ones.
start picked > /dev/null
start picked > /dev/null
call "$api/instances/bulk/stop" -H 'Content-Type: application/json' \
  -d '{"workflow": "uses/linger", "tag": "picked", "dryRun": true}' | jq '{matched}'
call "$api/instances/bulk/stop" -H 'Content-Type: application/json' \
  -d '{"workflow": "uses/linger", "tag": "picked"}' | jq -c '{taken, problems}'
call "$api/instances?workflow=uses/linger&open=true" | jq '.items | length'
