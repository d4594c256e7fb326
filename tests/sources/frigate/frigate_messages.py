"""Frigate's messages of one object, as its API and MQTT send them, for the tests of its adapter."""

from __future__ import annotations

import json
from typing import Any

from eventlog.facts import FaceResult, Motion, Score, VisitEnded
from eventlog.sources.adapter import DEFAULTS, Settings
from eventlog.sources.frigate import adapter as frigate
from eventlog.sources.frigate.tracked_object import SIMILARITY
from eventlog.sources.items import Addition, Item
from eventlog.sources.messages import moment
from eventlog.sources.reading import read as read_file

ID = "1607123955.475377-mxklsc"
KEY = f"frigate:{ID}"
START = 1607123955.475377
OPENER = Motion(camera_id="front_door", recorded_at=moment(START), recording_id=ID)


def api(**changes: object) -> dict[str, Any]:
    """An element of the events API's list, after the object has disappeared."""
    return {
        "id": ID,
        "camera": "front_door",
        "label": "person",
        "start_time": START,
        "end_time": START + 30,
        "false_positive": False,
        "sub_label": None,
        "model_type": "ssd",
        "data": {"top_score": 0.9, "score": 0.8, "box": [0.25, 0.5, 0.125, 0.25]},
        **changes,
    }


def state(seconds: float = 0.0, **changes: object) -> dict[str, Any]:
    """An object unchanged some seconds after it came, in an MQTT message."""
    return {
        "id": ID,
        "camera": "front_door",
        "label": "person",
        "frame_time": START + seconds,
        "start_time": START,
        "false_positive": False,
        "score": 0.75,
        "top_score": 0.85,
        "box": [100, 200, 300, 400],
        "sub_label": None,
        "stationary": False,
        "position_changes": 1,
        **changes,
    }


def mqtt(kind: str, before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """A message of `frigate/events`."""
    return {"type": kind, "before": before, "after": after}


def attempt(**changes: object) -> dict[str, Any]:
    """A message of `frigate/tracked_object_update`: a face was looked at."""
    return {
        "type": "face",
        "id": ID,
        "camera": "front_door",
        "timestamp": START + 2,
        "name": "John",
        "score": 0.95,
        **changes,
    }


def review() -> dict[str, Any]:
    """A message of `frigate/reviews` that names the object."""
    after = {
        "id": "1607123955.9-review",
        "camera": "front_door",
        "start_time": START,
        "severity": "alert",
        "data": {"detections": [ID], "objects": ["person"], "sub_labels": ["John"], "audio": []},
    }
    return {"type": "end", "before": after, "after": after}


def read(*messages: object, settings: Settings = DEFAULTS) -> list[Item]:
    """The items of a file that lists these messages."""
    return list(read_file(frigate.ADAPTER, json.dumps(messages).encode(), settings))


def face(name: str | None, score: float | None, at: float | None = None, **more: Any) -> FaceResult:
    """A face with Frigate's similarity."""
    return FaceResult(
        name=name,
        score=None if score is None else Score(value=score, scale=SIMILARITY),
        recorded_at=None if at is None else moment(at),
        track=ID,
        **more,
    )


PEOPLE = Settings(people=frozenset({"John", "ada", "ben"}))
END = Addition(
    KEY,
    f"{KEY}:ended:{START + 30!r}",
    (VisitEnded(ended_at=moment(START + 30), reason="source"),),
    (OPENER,),
)
