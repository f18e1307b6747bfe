#!/bin/sh
# Changes steps that wait: the names in a drop-down of users, an email's recipients and text.
set -eu
api=${STEPWELL_URL:-http://127.0.0.1:8080}/api/v1
call() { curl -sS --fail-with-body -H "Authorization: Api-Key $STEPWELL_API_KEY" "$@"; }
open_step() {
  until call "$api/instances/$id" | jq -e ".openSteps[] | select(.step == \"$1\")" > /dev/null
  do sleep 0.1; done
}
change() {
  call -X PATCH "$api/instances/$id/steps/$1" -H 'Content-Type: application/merge-patch+json' -d "$2"
}
complete() {
  call "$api/instances/$id/complete-step" -H 'Content-Type: application/json' \
    -d "{\"step\": \"$1\", \"output\": $2}" > answer.json
}

id=$(call "$api/instances" -H 'Content-Type: application/json' \
  -d '{"workflow": "uses/notify"}' | jq .id)

# The drop-down offers ana alone; from now on admin too.
open_step chooseClerk
change chooseClerk '{"fields": {"clerk": {"options": ["ana", "admin"]}}}' |
  jq -c '.openSteps[].fields[0].options'
complete chooseClerk '{"clerk": "admin"}'

# The email waits: somebody else gets it, under another subject. Then it is let go.
open_step tellCustomer
change tellCustomer '{"to": ["ana@example.com"], "subject": "Order 17"}' |
  jq -c '.openSteps[] | {to, subject}'
complete tellCustomer '{"send": true}'
call "$api/instances/$id/events" > events.txt
call "$api/instances/$id" | jq '{status, error: .error.reason}'
