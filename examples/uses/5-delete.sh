#!/bin/sh
# Selects instances by a filter and deletes them with their files and their journal.
set -eu
api=${STEPWELL_URL:-http://127.0.0.1:8080}/api/v1
call() { curl -sS --fail-with-body -H "Authorization: Api-Key $STEPWELL_API_KEY" "$@"; }
delete() { call "$api/instances/bulk/delete" -H 'Content-Type: application/json' -d "$1"; }
start() {
  call "$api/instances" -H 'Content-Type: application/json' \
    -d '{"workflow": "uses/linger", "tags": ["old"]}' | jq .id
}
call -X POST "$api/instances/$(start)/stop" > stopped.json
running=$(start)

# Which ones would it be? Nothing is deleted.
delete '{"workflow": "uses/linger", "tag": "old", "dryRun": true}' | jq '{matched}'

# A filter takes those that have ended; one that has not is refused where it is named …
delete '{"workflow": "uses/linger", "tag": "old"}' | jq -c '{taken, problems}'
delete "{\"ids\": [$running]}" | jq -c '{taken, problems: [.problems[].reason]}'

# … unless it may be stopped before.
delete '{"workflow": "uses/linger", "tag": "old", "stop": true}' | jq -c '{taken, problems}'
call "$api/instances?workflow=uses/linger&tag=old" | jq '.items | length'
