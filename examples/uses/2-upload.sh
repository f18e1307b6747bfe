#!/bin/sh
# Uploads a file and hands it in with a form; later steps send it on to the archive.
# ARCHIVE is where the workflow sends it; FILE is what is uploaded.
set -eu
api=${STEPWELL_URL:-http://127.0.0.1:8080}/api/v1
call() { curl -sS --fail-with-body -H "Authorization: Api-Key $STEPWELL_API_KEY" "$@"; }

id=$(call "$api/instances" -H 'Content-Type: application/json' \
  -d "{\"workflow\": \"uses/claim\", \"input\": {\"archive\": \"$ARCHIVE\"}}" | jq .id)
until call "$api/instances/$id" | jq -e '.openSteps | length > 0' > /dev/null; do sleep 0.1; done

# The file by itself, streamed to the daemon's disk …
file=$(call "$api/files" -F "file=@$FILE;type=application/pdf" | tee file.json | jq -r .id)
jq '{name, mediaType, size, sha256}' file.json

# … and then its id in the field's value.
call "$api/instances/$id/complete-step" -H 'Content-Type: application/json' > answer.json -d '{
  "step": "describeDamage",
  "output": {"what": "a door", "amount": 120.5, "on": "2027-01-31", "parts": ["door"],
             "clerk": "admin", "photo": "'"$file"'"}}'

# Follow the instance to its end, and fetch the file back.
call "$api/instances/$id/events" > events.txt
call "$api/instances/$id" | jq '{status, output, error: .error.reason}'
call "$api/files/$file/content" -o copy.pdf
cmp "$FILE" copy.pdf && echo same
