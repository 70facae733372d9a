#!/usr/bin/env bash
# The life of a note on /v2: added, given a file, changed by who has read it last, deleted.
#
#   KEY=tnk_… TICKET=<uuid> examples/v2.sh        needs curl and jq
set -euo pipefail
gateway=${GATEWAY:-http://127.0.0.1:4000}
v2=(curl -sS --fail-with-body -H "X-API-Key: $KEY" -H 'Content-Type: application/json')

# 1. A note. Sent again with the same Idempotency-Key it is added once.
once=$(cat /proc/sys/kernel/random/uuid)
body=$(jq -n --arg ticket "$TICKET" '{ticket_id: $ticket, value: "The lamp is on.", is_public: true, categories: ["pre-scan"]}')
note=$("${v2[@]}" "$gateway/v2/tickets/notes" -H "Idempotency-Key: $once" -d "$body" | jq -r .id)
again=$("${v2[@]}" "$gateway/v2/tickets/notes" -H "Idempotency-Key: $once" -d "$body" | jq -r .id)
test "$note" = "$again" && echo "added once"

# 2. A file. Its upload URL works for a minute, without a key; the type is the one of the extension.
attachment=$(jq -n --arg note "$note" '{note_id: $note, filename: "lamp.txt"}')
upload=$("${v2[@]}" "$gateway/v2/tickets/note-attachments" -d "$attachment" | jq -r .signed_url)
curl -sS --fail-with-body -X PUT "$upload" -H 'Content-Type: text/plain' --data-binary 'the lamp is on'
download=$("${v2[@]}" "$gateway/v2/tickets/note-attachments/$note/lamp.txt" | jq -r .signed_url)
curl -sS --fail-with-body "$download"
echo

# 3. A change. If-Match has the tag of what was read; another one's change in between gives 412, and nothing is written.
tag=$("${v2[@]}" -o /dev/null -D - "$gateway/v2/tickets/notes/$note" | tr -d '\r' | sed -n 's/^etag: //ip')
change=$(jq -n --arg ticket "$TICKET" '{ticket_id: $ticket, value: "The lamp is off.", is_public: true}')
"${v2[@]}" -X PUT "$gateway/v2/tickets/notes/$note" -H "If-Match: $tag" -d "$change" | jq -r .value
curl -sS -X PUT "$gateway/v2/tickets/notes/$note" -H "X-API-Key: $KEY" -H 'Content-Type: application/json' \
  -H "If-Match: $tag" -d "$change" | jq -c '[.status, .title]'

# 4. The notes of the ticket, and the end.
"${v2[@]}" "$gateway/v2/tickets/notes?ticket_id=$TICKET&limit=1" | jq -c '.query | [.limit, .offset]'
"${v2[@]}" -X DELETE "$gateway/v2/tickets/notes/$note" -w '%{http_code}\n'
