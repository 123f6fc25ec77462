#!/usr/bin/env python3
"""A turn over HTTP with nothing but Python's standard library, and a stream that survives a bad network.

    python3 hearth_turn.py <session> <prompt>

Text is printed while it arrives. HEARTH_URL is the gateway (default: http://127.0.0.1:8080),
HEARTH_TOKEN a bearer token, if the gateway requires one.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

GATEWAY = os.environ.get("HEARTH_URL") or "http://127.0.0.1:8080"
# Longer than the interval of the gateway's heartbeats: a connection that is silent for this time is dead.
SILENCE_S = 60
RETRY_S = 0.2
# Refused for now: a limit, or a gateway or a proxy that restarts.
FOR_NOW = {429, 502, 503, 504}


def call(path, body=None, headers=None):
    request = urllib.request.Request(GATEWAY + path, headers=headers or {})
    if os.environ.get("HEARTH_TOKEN"):
        request.add_header("Authorization", "Bearer " + os.environ["HEARTH_TOKEN"])
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    return urllib.request.urlopen(request, timeout=SILENCE_S)


def submit(session, prompt):
    """The turn is accepted when this returns. The turnId makes a retry after a lost answer safe: it is the same turn."""
    path = f"/v1/sessions/{urllib.parse.quote(session, safe='')}/turns"
    turn_id = str(uuid.uuid4())
    for _ in persistently():
        try:
            with call(path, {"prompt": prompt, "turnId": turn_id}) as response:
                response.read()
                return f"{path}/{turn_id}"
        except urllib.error.HTTPError as problem:
            wait_if_for_now(problem)
        except (OSError, http.client.HTTPException):
            continue


def events(turn):
    """Every event of the turn once, in order, however often the connection is lost."""
    last_id = None
    for _ in persistently():
        try:
            headers = {"Accept": "text/event-stream"}
            if last_id is not None:
                headers["Last-Event-ID"] = last_id
            with call(turn + "/events", headers=headers) as response:
                for event_id, event in parse(response):
                    last_id = event_id
                    yield event
                    if event["type"] in ("turn.finished", "turn.failed"):
                        return
        except urllib.error.HTTPError as problem:
            wait_if_for_now(problem)
        except (OSError, http.client.HTTPException):
            continue


def parse(lines):
    """Server-sent events: fields line by line, an empty line ends an event. A truncated event is dropped."""
    event_id, data = None, None
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "id":
            event_id = value
        elif name == "data":
            data = value
        elif name == "" and data is not None:
            yield event_id, json.loads(data)
            data = None


def wait_if_for_now(problem):
    if problem.code not in FOR_NOW:
        raise problem
    print(f"the gateway answers {problem.code}; again", file=sys.stderr)
    delay = problem.headers.get("Retry-After", "")
    time.sleep(int(delay) if delay.isdigit() else 0)


def persistently():
    """Attempts without end, with a pause between two."""
    while True:
        yield
        time.sleep(RETRY_S)


def main():
    session, prompt = sys.argv[1:3]
    for event in events(submit(session, prompt)):
        if event["type"] == "text.delta":
            print(event["text"], end="", flush=True)
        elif event["type"] == "turn.failed":
            sys.exit(f"{event['error']['code']}: {event['error']['message']}")
    print()


if __name__ == "__main__":
    try:
        main()
    except urllib.error.HTTPError as problem:
        # RFC 9457: a stable code, and the way out.
        sys.exit(problem.read().decode())
