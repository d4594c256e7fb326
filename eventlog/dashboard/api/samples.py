"""Examples of programs that use the API, for its page: curl, Python and Home Assistant.

Each is complete and runs as it is with two values in the environment. They need nothing that is
not there: the Python ones use the standard library alone. A test runs them.
"""

from __future__ import annotations

from typing import Final

ADDRESS: Final = "http://127.0.0.1:8000"  # what the page replaces by its own address

CURL: Final = """\
export DOOR=http://127.0.0.1:8000 TOKEN=...

# the newest events of a day
curl -s -H "Authorization: Bearer $TOKEN" "$DOOR/api/events?day=2026-02-25&limit=5"

# a ring, written once however often this is sent: the key says so
curl -s -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  "$DOOR/api/facts" -d '{
    "facts": [{"kind": "ding", "camera_id": "front_door", "recorded_at": "2026-02-25T10:30:00Z"}],
    "key": "ring:7312345678901234567"}'
"""

APPEND: Final = '''\
"""Writes a visit: a ring, what a model saw, and whom it recognised. All of it, or nothing."""

import json
import os
import urllib.request
from datetime import datetime, timezone

door, token = os.environ["DOOR"], os.environ["TOKEN"]
now = datetime.now(timezone.utc).isoformat()
visit = {
    "facts": [
        {"kind": "ding", "camera_id": "front_door", "recorded_at": now},
        {"kind": "detection", "label": "person", "confidence": 0.91},
        {"kind": "face_result", "name": "ada", "distance": 0.38, "tolerance": 0.6},
    ],
    "key": f"example:{now}",
}
request = urllib.request.Request(
    f"{door}/api/facts",
    data=json.dumps(visit).encode(),
    headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=30) as answer:
    receipt = json.load(answer)
print("event", receipt["event_id"], "positions", ", ".join(receipt["positions"]))
'''

FOLLOW: Final = '''\
"""Prints what happens, as it happens. Goes on where it was after a lost connection."""

import json
import os
import time
import urllib.error
import urllib.request

door, token = os.environ["DOOR"], os.environ["TOKEN"]
stop_after = int(os.environ.get("STOP_AFTER", "0"))  # records; 0 goes on for ever
cursor = os.environ.get("AFTER", "0")  # 0 is the beginning of the log
shown = 0
while True:
    request = urllib.request.Request(
        f"{door}/api/stream?after={cursor}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as stream:
            seen = cursor
            for line in stream:
                field, _, value = line.decode().rstrip("\\n").partition(": ")
                if field == "id":
                    seen = value
                elif field == "data" and value != "{}":
                    record = json.loads(value)
                    what = record.get("text", record.get("kind", "another history begins"))
                    print(record["position"], what, flush=True)
                    cursor = seen
                    shown += 1
                    if shown == stop_after:
                        raise SystemExit
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        print("connecting again:", error, flush=True)
    time.sleep(2)
'''

HOME_ASSISTANT: Final = """\
# configuration.yaml: the last visitor as a sensor. The token is in secrets.yaml as
#   door_token: "Bearer ..."
rest:
  - resource: http://127.0.0.1:8000/api/events?limit=1
    headers:
      Authorization: !secret door_token
    scan_interval: 30
    sensor:
      - name: Last visitor
        unique_id: door_last_visitor
        value_template: >-
          {% set events = value_json.events %}
          {{ (events[0].person_name or 'nobody known') if events else 'nobody yet' }}
        json_attributes_path: "$.events[0]"
        json_attributes: [id, listed_at, event_type, outcome]

# A ring that Home Assistant has seen, written to the log:
rest_command:
  door_ring:
    url: http://127.0.0.1:8000/api/facts
    method: post
    headers:
      Authorization: !secret door_token
    content_type: application/json
    payload: >-
      {"facts": [{"kind": "ding", "camera_id": "front_door",
                  "recorded_at": "{{ utcnow().isoformat() }}"}],
       "key": "home_assistant:{{ key }}"}
"""

SAMPLES: Final = (
    ("curl", "curl", CURL),
    ("python-append", "Python: write a visit", APPEND),
    ("python-follow", "Python: follow what happens", FOLLOW),
    ("home-assistant", "Home Assistant", HOME_ASSISTANT),
)
