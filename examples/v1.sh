#!/usr/bin/env bash
# The life of a client of /v1: a token, a page of notes and the next one, a file, and a note with that file.
#
#   CLIENT_ID=… CLIENT_SECRET=… examples/v1.sh        needs curl and jq
set -euo pipefail
gateway=${GATEWAY:-http://127.0.0.1:4000}

# 1. An OAuth client gets a token for an hour. A personal access token, which is an API key here, needs no such step.
token=$(curl -sS --fail-with-body "$gateway/oauth/token" -d grant_type=client_credentials \
  -d "client_id=$CLIENT_ID" --data-urlencode "client_secret=$CLIENT_SECRET" | jq -r .access_token)
v1=(curl -sS --fail-with-body -H "Authorization: Bearer $token")

# 2. Two pages of notes. The header Link has the address of the next page.
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
headers=$work/headers
"${v1[@]}" -D "$headers" "$gateway/v1/notes?per_page=2&fields=text,created_at" | jq -c '.[] | keys'
next=$(grep -i '^link:' "$headers" | grep -o '<[^>]*>; rel="next"' | sed 's/<\(.*\)>.*/\1/')
"${v1[@]}" "$next" | jq 'length'

# 3. A file: where it goes and which fields go with it, then the upload, which needs no token.
storage=$("${v1[@]}" "$gateway/v1/attachments/storage")
mapfile -t fields < <(jq -r '.s3 | to_entries[] | "--form-string", "\(.key)=\(.value)"' <<<"$storage")
echo "the lamp is on" >"$work/lamp.txt"
key=$(curl -sS --fail-with-body "$(jq -r .upload_uri <<<"$storage")" "${fields[@]}" \
  -F 'Content-Type=text/plain' -F "file=@$work/lamp.txt;type=text/plain" | sed 's/.*<Key>\(.*\)<\/Key>.*/\1/')

# 4. A note with it. Sent again with the same Idempotency-Key it is added once.
request=$("${v1[@]}" "$gateway/v1/requests?per_page=1" | jq '.[0].id')
note=$("${v1[@]}" "$gateway/v1/requests/$request/notes" -H 'Content-Type: application/json' \
  -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \
  -d "$(jq -n --arg key "$key" '{text: "See the file.", attachments: [{key: $key}]}')" | jq .id)
"${v1[@]}" "$gateway/v1/notes/$note" | jq -c '[.text, .attachments[0].name, .medium]'
