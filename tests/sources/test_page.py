"""docs/sources.md: every command runs as written and answers what is written below it.

`mosquitto_sub` and `curl` are stood in for by scripts that print recorded messages: no broker and
no other program is needed to follow the page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eventlog.sources import SOURCES
from tests.sources.frigate.frigate_messages import attempt, mqtt, review, state

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "sources.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
START = 1772015400.5
RING = {"id": 7330963245622279024, "kind": "ding", "created_at": "2026-02-25T10:30:00Z"}
LOCK = {"entity_id": "lock.front", "attributes": {}, "last_updated": "2026-02-25T10:30:00+00:00"}
ACCESS = {
    "type": "access.door.unlock",
    "log_key": "unlock",
    "published": 1772015400000,
    "result": "ACCESS",
}
DOOR = {"id": "d", "type": "door", "display_name": "Front Door"}
FACE = {"name": "ada", "confidence": 92.5, "match": True, "filename": "a.jpg"}
LOOKED = {"id": f"{START}-abc123", "camera": "front_door", "timestamp": "2026-02-25T10:30:01Z"}

FILES: dict[str, Any] = {
    "ring-history.json": [
        {**RING, "answered": False, "duration": 40.0},
        {**RING, "id": 7330963245622279025, "kind": "on_demand"},
    ],
    "protect.json": [
        {
            "id": "4f50b25130a6a955b0aba44d",
            "type": "smartDetectZone",
            "start": 1772015400000,
            "end": 1772015430000,
            "score": 88,
            "smartDetectTypes": ["person"],
            "camera": "e2ff0ade6be0f2a2beb61869",
        },
        {"id": "f2c0797cef2295cf94d7258d", "type": "access", "start": 1772015400000},
    ],
    "access.jsonl": [
        {"event": "access.logs.add", "data": {"_source": {"event": ACCESS, "target": [DOOR]}}},
        {
            "event": "access.logs.insights.add",
            "data": {**ACCESS, "event_type": ACCESS["type"], "metadata": {"door": DOOR}},
        },
    ],
    "activities.json": [
        {"id": "a-1", "action": "pin_unlock", "timestamp": 1772015400000, "deviceID": "L1"},
        {"id": "a-2", "action": "door_open", "timestamp": 1772015402000, "deviceID": "L1"},
    ],
    "answer.json": {"result": [{"subjects": [{"subject": "ada", "similarity": 0.97}]}]},
    "matter.jsonl": [
        {
            "event": "node_event",
            "data": {
                "node_id": 5,
                "endpoint_id": 1,
                "cluster_id": 257,
                "event_id": 2,
                "event_number": 9,
                "data": {"lockOperationType": 1, "operationSource": 3, "userIndex": 2},
            },
        }
    ],
    "trigger.json": {
        "platform": "state",
        "from_state": {**LOCK, "state": "locked"},
        "to_state": {**LOCK, "state": "unlocked"},
    },
    "notification.json": {
        "Topic": "tns1:RuleEngine/MyRuleDetector/Visitor",
        "Message": {"UtcTime": "2026-02-25T10:30:00Z", "Data": None},
    },
}
# What a broker has, by the first part of the topic.
BROKER: dict[str, list[tuple[str, object]]] = {
    "nuki": [("nuki/3A2B/lockActionEvent", "1,0,7,0,0"), ("nuki/3A2B/state", "3")],
    "frigate": [
        ("frigate/events", mqtt("new", None, state(1))),
        ("frigate/events", mqtt("update", state(1), state(2, sub_label=["ada", 0.95]))),
        ("frigate/tracked_object_update", attempt(name="ada")),
        ("frigate/reviews", review()),
    ],
    "ring": [
        ("ring/l/camera/c1/motion/state", "ON"),
        ("ring/l/camera/c1/motion/attributes", {"lastMotion": 1772015400, "personDetected": True}),
    ],
    "double-take": [
        (
            "double-take/cameras/front_door",
            {
                **LOOKED,
                "matches": [FACE],
                "misses": [{**FACE, "match": False, "filename": "b.jpg"}],
            },
        ),
    ],
    "zigbee2mqtt": [
        ("zigbee2mqtt/Front Door", {"action": "unlock", "action_user": 2, "action_source": 0}),
        ("zigbee2mqtt/Front Door", {"action": None, "lock_state": "unlocked", "battery": 80}),
    ],
    "zwave": [
        (
            "zwave/_EVENTS/ZWAVE_GATEWAY-home/node/notification",
            {"data": [{"id": 8}, 113, {"type": 6, "event": 6, "parameters": {"userId": 2}}]},
        )
    ],
}


def line(topic: str, payload: object) -> str:
    """A message as `mosquitto_sub -F %j` writes it."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    tst = "2026-02-25T10:30:00.000000+0000"
    return json.dumps({"tst": tst, "topic": topic, "qos": 0, "retain": 0, "payload": text})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the files that the page names, and the programs that it calls."""
    for name, value in FILES.items():
        is_lines = name.endswith(".jsonl")
        text = "\n".join(map(json.dumps, value)) if is_lines else json.dumps(value)
        (tmp_path / name).write_text(text, encoding="utf-8")
    programs = tmp_path / "programs"
    programs.mkdir()
    for prefix, messages in BROKER.items():
        text = "".join(line(topic, payload) + "\n" for topic, payload in messages)
        (programs / f"{prefix}.lines").write_text(text, encoding="utf-8")
    (programs / "frigate.api").write_text(
        json.dumps(
            [
                {
                    "id": f"{START}-abc123",
                    "camera": "front_door",
                    "label": "person",
                    "start_time": START,
                    "end_time": START + 30,
                    "data": {"top_score": 0.8},
                }
            ]
        ),
        encoding="utf-8",
    )
    scripts = {
        "eventlog": f'exec {sys.executable} -m eventlog "$@"',
        "curl": f"cat {programs}/frigate.api",
        "mosquitto_sub": f'topic="$4"; cat "{programs}/${{topic%%/*}}.lines"',
    }
    for name, script in scripts.items():
        program = programs / name
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n", 1)[0][2:40])
def test_a_command_of_the_page_answers_what_is_written_below_it(block: str, place: Path) -> None:
    """Each block starts with an empty log."""
    kept = {k: v for k, v in os.environ.items() if k not in {"DB_PATH", "THUMBNAILS_DIR"}}
    environment = {
        **kept,
        "PATH": f"{place / 'programs'}:{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "TIME_ZONE": "UTC",
    }
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        if "jq " in command and shutil.which("jq") is None:
            pytest.skip("jq is not installed")
        (place / "events.db").unlink(missing_ok=True)
        script = ["bash", "-c", f"set -o pipefail; {command}"]
        done = subprocess.run(
            script,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.rstrip("\n") == expected.rstrip("\n")


def test_every_source_has_its_section() -> None:
    """Each adapter is shown on the page by its own command."""
    for name in SOURCES:
        assert f"eventlog ingest {name} " in PAGE
