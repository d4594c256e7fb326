"""Examples of requests and responses for the API's description."""

from __future__ import annotations

from typing import Final

FACTS_EXAMPLE: Final = {
    "facts": [
        {
            "kind": "ding",
            "camera_id": "front_door",
            "recorded_at": "2026-02-25T10:30:00Z",
            "recording_id": "7312345678901234567",
        },
        {
            "kind": "detection",
            "label": "person",
            "confidence": 0.91,
            "box": {
                "x1": 120.0,
                "y1": 40.0,
                "x2": 260.0,
                "y2": 260.0,
                "unit": "pixels",
                "frame_width": 640,
                "frame_height": 360,
            },
        },
        {"kind": "face_result", "name": "ada", "distance": 0.38, "tolerance": 0.6},
        {
            "kind": "unlock_action",
            "granted": True,
            "door_action": "unlocked",
            "person": "ada",
            "actor": "face",
            "rule": "household, 06:00 to 22:00",
        },
    ],
    "key": "ring:7312345678901234567",
}
BAD_FACT_EXAMPLE: Final = {
    "error": "BadFact",
    "message": "detection.confidence: Expected `float` <= 1.0",
    "fact": 1,
    "field": "confidence",
}
CONFLICT_EXAMPLE: Final = {
    "error": "KeyConflict",
    "message": "key 'ring:7312345678901234567' was used before, for other facts",
    "receipt": {"positions": ["41", "42"], "event_id": "7"},
}
