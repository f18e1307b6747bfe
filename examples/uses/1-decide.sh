#!/bin/sh
# Completes a decision step: once; the second one to decide gets 409.
set -eu
api=${STEPWELL_URL:-http://127.0.0.1:8080}/api/v1
call() { curl -sS --fail-with-body -H "Authorization: Api-Key $STEPWELL_API_KEY" "$@"; }

# Start the workflow, and wait until its step is open.
id=$(call "$api/instances" -H 'Content-Type: application/json' \
  -d '{"workflow": "uses/approve", "input": {"number": 7, "total": 950}}' | jq .id)
until call "$api/instances/$id" | jq -e '.openSteps | length > 0' > /dev/null; do sleep 0.1; done

# What is asked, and which answers there are.
call "$api/instances/$id" | jq '.openSteps[] | {step, prompt, options}'

# Decide. An option that is not offered is refused.
decide() {
  call "$api/instances/$id/complete-step" -H 'Content-Type: application/json' -o answer.json \
    -w '%{http_code}\n' -d "{\"step\": \"approveOrder\", \"output\": {\"decision\": \"$1\"}}"
}
decide perhaps || jq -r .reason answer.json     # 400 step-output-invalid
decide approve                                  # 200
decide reject || jq -r .reason answer.json      # 409: too late
call "$api/instances/$id/events" | sed -n '/"status":"completed"/p'    # the stream ends with it
call "$api/instances/$id" | jq '{status, output}'
