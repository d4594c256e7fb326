"""Frigate's MQTT messages: an object that is seen, lost, and whose face is looked at.

`frigate/events` comes for each object as new, update and end, in no promised order, each with
the state before and after. A message becomes a detection where something changed that a
household would tell: an object parked for an hour is told of once a minute, and says nothing.
`frigate/tracked_object_update` comes after every attempt to recognise a face.

Knows nothing of topics and files: `frigate.py` opens them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from eventlog.facts import Box, Confidence, Detection, FaceResult, Score, Word
from eventlog.sources.frigate.tracked_object import (
    SIMILARITY,
    SOURCE,
    Corners,
    ObjectId,
    SubLabel,
    named,
    object_key,
    opener,
    recognised,
    started,
)
from eventlog.sources.items import Addition, Item, Skipped, Visit
from eventlog.sources.messages import UnixSeconds, moment, shape

# Frigate's own default for a face that it accepts. It sends its best guess below it, too.
RECOGNITION_THRESHOLD: Final = 0.9


class Sighting(Struct, frozen=True):
    """An object as it stood in a frame; times in unix seconds, `box` x1, y1, x2, y2 in pixels."""

    id: ObjectId
    camera: Word
    label: Word
    frame_time: UnixSeconds
    start_time: UnixSeconds
    false_positive: bool | None = None
    score: Confidence | None = None
    top_score: Confidence | None = None
    box: Corners | None = None
    sub_label: SubLabel = None
    stationary: bool | None = None
    position_changes: int | None = None


class Update(Struct, frozen=True):
    """A message of `frigate/events`."""

    type: Word
    after: Sighting
    before: Sighting | None = None


class Tracked(Struct, frozen=True):
    """What every message of `frigate/tracked_object_update` has."""

    id: ObjectId
    type: Word


class FaceAttempt(Struct, frozen=True):
    """Its message of type face; `score` is a similarity, 0 to 1."""

    id: ObjectId
    timestamp: UnixSeconds
    camera: Word | None = None
    name: str | None = None
    score: Confidence | None = None


def update_items(value: object) -> Iterator[Item]:
    """The items of one `frigate/events` message. Raises BadPayload."""
    message = shape(SOURCE, value, Update)
    after = message.after
    if message.type not in ("new", "update", "end"):
        yield Skipped(f"events message of type {message.type}")
        return
    if after.false_positive:
        yield Skipped("still a false positive")
        return
    key = object_key(after.id)
    opening = opener(after.id, after.camera, after.start_time)
    found = _detection(after)
    if found is None:
        yield Skipped("an object without a score")
    if found is None or not tells(message):
        yield Visit(key, (opening,))
    else:
        yield Addition(key, f"{key}:{after.frame_time!r}", (found,), (opening,))
    yield from named(after.id, after.label, after.sub_label, None, opening)


def tells(message: Update) -> bool:
    """Whether a message is worth a detection: by itself alone, so that order does not matter.

    The first and the last sighting are; and between them a change of label or sub label, an
    object that came to rest or moved again, that left half of its place since the message
    before, or whose best score passed another tenth.
    """
    before, after = message.before, message.after
    if message.type != "update" or before is None or before.false_positive:
        return True
    return (
        before.label != after.label
        or before.sub_label != after.sub_label
        or before.stationary != after.stationary
        or before.position_changes != after.position_changes
        or _tenth(before) < _tenth(after)
        or _moved(before.box, after.box)
    )


def tracked_items(value: object, recognition_threshold: float) -> Iterator[Item]:
    """The items of one `frigate/tracked_object_update` message. Raises BadPayload.

    A face below the threshold is a stranger's, whatever the guess: what Frigate accepts at
    another threshold of its owner's comes as a sub label as well.
    """
    kind = shape(SOURCE, value, Tracked).type
    if kind != "face":
        yield Skipped(f"tracked object update of type {kind}")
        return
    attempt = shape(SOURCE, value, FaceAttempt)
    key = object_key(attempt.id)
    accepted = attempt.score is not None and attempt.score >= recognition_threshold
    face = FaceResult(
        name=recognised(attempt.name) if accepted else None,
        score=None if attempt.score is None else Score(value=attempt.score, scale=SIMILARITY),
        recorded_at=moment(attempt.timestamp),
    )
    # The attempt comes after the object was first seen: its time opens the event only where
    # nothing better is known.
    opening = (
        ()
        if attempt.camera is None
        else (opener(attempt.id, attempt.camera, started(attempt.id) or attempt.timestamp),)
    )
    yield Addition(key, f"{key}:face:{attempt.timestamp!r}", (face,), opening)


def _detection(seen: Sighting) -> Detection | None:
    confidence = seen.top_score if seen.score is None else seen.score
    if confidence is None:
        return None
    corners = seen.box
    return Detection(
        label=seen.label,
        confidence=confidence,
        box=corners
        and Box(x1=corners[0], y1=corners[1], x2=corners[2], y2=corners[3], unit="pixels"),
        recorded_at=moment(seen.frame_time),
    )


def _tenth(seen: Sighting) -> int:
    return int((seen.top_score or 0.0) * 10)


def _moved(before: Corners | None, after: Corners | None) -> bool:
    """Whether less than half of the place that two boxes cover together is common to both."""
    if before is None or after is None:
        return before is not after
    width = min(before[2], after[2]) - max(before[0], after[0])
    height = min(before[3], after[3]) - max(before[1], after[1])
    common = max(0.0, width) * max(0.0, height)
    return common < (_area(before) + _area(after) - common) / 2


def _area(box: Corners) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
