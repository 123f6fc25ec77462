#!/bin/sh
# A turn over HTTP with curl alone:
#   sh turns.sh wait   <session> <prompt>    waits for the result, and prints it (JSON)
#   sh turns.sh stream <session> <prompt>    prints the events of the turn while it is answered (JSON, one per line)
# HEARTH_URL: the gateway (default: http://127.0.0.1:8080). HEARTH_TOKEN: a bearer token, if the gateway requires one.
set -eu
how=$1 session=$2 prompt=$3

# A session id may hold any printable character: percent-encoded, it is one segment of a path.
encoded() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; }
# Any text as a JSON string (with jq: jq -Rs .).
json() { printf %s "$1" | sed 's/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g' | awk '{ printf "%s%s", (NR > 1 ? "\\n" : "\""), $0 } END { print "\"" }'; }

turns=${HEARTH_URL:-http://127.0.0.1:8080}/v1/sessions/$(encoded "$session")/turns
set -- --fail-with-body -sS -H 'Content-Type: application/json' -d "{\"prompt\": $(json "$prompt")}"
[ -z "${HEARTH_TOKEN:-}" ] || set -- "$@" -H "Authorization: Bearer $HEARTH_TOKEN"

case $how in
wait)
  # 200 with the result, or 202 when it takes longer; GET …/turns/{turnId} returns the result later.
  curl "$@" "$turns?wait=60"
  ;;
stream)
  # Server-sent events: lines `id:`, `event:`, `data:`, and an empty line after each event. A refusal is one JSON object.
  curl "$@" -N -H 'Accept: text/event-stream' "$turns" | sed -nu 's/^data: //p; /^{/p'
  ;;
esac
