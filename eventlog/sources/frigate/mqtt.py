"""Reads Frigate's messages of `frigate/events`: an object appears, changes and disappears.

They come for each object as new, update and end, in no promised order, each with the state before
and after. A message becomes a detection if something changed that matters to a household: an
object parked for an hour is reported every minute without any change. Knows nothing of topics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Confidence, Detection, FaceResult, Motion, Word
from eventlog.sources.adapter import Settings
from eventlog.sources.frigate.tracked_object import (
    SOURCE,
    Corners,
    ObjectId,
    SubLabel,
    ended,
    is_replay,
    named,
    object_key,
    opener,
    pixels,
    refused,
    sub_label,
    track,
)
from eventlog.sources.items import Addition, Item, Skipped, Unknown, Visit
from eventlog.sources.messages import UnixSeconds, lenient, moment, word

_TYPES: Final = ("new", "update", "end")
MOST_ZONES: Final = 16


class Sighting(Struct, frozen=True):
    """An object as it was in a frame; times in unix seconds, `box` x1, y1, x2, y2 in pixels."""

    id: ObjectId
    camera: Word
    label: Word | None = None
    frame_time: UnixSeconds | None = None
    start_time: UnixSeconds | None = None
    end_time: UnixSeconds | None = None
    false_positive: bool | None = None
    score: Confidence | None = None
    top_score: Confidence | None = None
    box: Corners | None = None
    sub_label: Any = None
    stationary: bool | None = None
    position_changes: int | None = None
    current_zones: list[Word] | None = None
    recognized_license_plate: str | None = None


class Before(Struct, frozen=True):
    """The state before, of which nothing is needed."""

    label: Word | None = None
    false_positive: bool | None = None
    top_score: Confidence | None = None
    box: Corners | None = None
    sub_label: Any = None
    stationary: bool | None = None
    position_changes: int | None = None
    recognized_license_plate: str | None = None


def update_items(value: object, settings: Settings) -> Iterator[Item]:
    """The items of one `frigate/events` message. Raises BadPayload."""
    if not isinstance(value, dict) or not isinstance(value.get("after"), dict):
        raise BadPayload(SOURCE, "after: is not an object")
    kind = value.get("type")
    if kind not in _TYPES:
        yield Unknown(f"events message of type {word(kind)}")
        return
    after, left_out = lenient(SOURCE, value["after"], Sighting)
    before = _before(value.get("before"))
    if is_replay(after.camera):
        yield Skipped("a debug replay")
    elif after.false_positive:
        yield Skipped("still a false positive")
    else:
        opening = opener(after.id, after.camera, after.start_time)
        given = sub_label(after.sub_label, left_out)
        yield from _seen(after, before, kind, given, settings, opening, left_out)
        yield from _names(after, before, given, settings, opening)
        if kind == "end":
            yield from ended(after.id, after.end_time, opening)
        yield from refused(left_out)


def _before(value: object) -> Before | None:
    if not isinstance(value, dict) or not value:
        return None
    return lenient(SOURCE, value, Before)[0]


def _seen(  # noqa: PLR0917 - the parts of one message
    after: Sighting,
    before: Before | None,
    kind: str,
    given: SubLabel,
    settings: Settings,
    opening: Motion,
    left_out: list[str],
) -> Iterator[Item]:
    key = object_key(after.id)
    found = _detection(after, given, settings, left_out)
    if isinstance(found, Skipped):
        yield found
        yield Visit(key, (opening,))
    elif not tells(kind, before, after):
        yield Visit(key, (opening,))
    else:
        at = f"{after.frame_time!r}"
        yield Addition(
            key,
            f"{key}:at:{at}",
            (found,),
            (opening,),
            distinct=True,
            old_key=f"{key}:{at}",
        )


def tells(kind: str, before: Before | None, after: Sighting) -> bool:
    """Whether a message is worth a detection: by itself alone, so that order does not matter.

    The first and the last sighting are; and between them a change of label, sub label or plate, an
    object that came to rest or moved again, that left half of its place since the message before,
    or whose best score passed another tenth.
    """
    if kind != "update" or before is None or before.false_positive:
        return True
    return (
        before.label != after.label
        or before.sub_label != after.sub_label
        or before.recognized_license_plate != after.recognized_license_plate
        or before.stationary != after.stationary
        or before.position_changes != after.position_changes
        or _tenth(before.top_score) < _tenth(after.top_score)
        or _moved(before.box, after.box)
    )


def _names(
    after: Sighting, before: Before | None, given: SubLabel, settings: Settings, opening: Motion
) -> Iterator[Item]:
    """The names that a sub label gives, in the message in which it changed."""
    earlier = SubLabel(None)
    if before is not None:
        earlier = sub_label(before.sub_label, [])
    changed = before is None or (earlier.text, earlier.score) != (given.text, given.score)
    at = None if after.frame_time is None else moment(after.frame_time)
    if changed:
        yield from named(after.id, given, settings.people, at, opening)
    if earlier.names(settings.people) and not given.text:
        key = object_key(after.id)
        # Frigate itself takes no name back: somebody did.
        taken_back = FaceResult(recorded_at=at, track=track(after.id), given_by="person")
        yield Addition(
            key, f"{key}:unnamed:{after.frame_time!r}", (taken_back,), (opening,), distinct=True
        )


def _detection(
    seen: Sighting, given: SubLabel, settings: Settings, left_out: list[str]
) -> Detection | Skipped:
    confidence = seen.top_score if seen.score is None else seen.score
    if confidence is None:
        return Skipped("an object without a score")
    if seen.label is None or seen.frame_time is None:
        return Skipped("an object without a label or a time")
    try:
        other = given.label(settings.people)
    except BadPayload as error:
        left_out.append(error.reason)
        other = None
    return Detection(
        label=seen.label,
        confidence=confidence,
        box=pixels(seen.box),
        recorded_at=moment(seen.frame_time),
        sub_label=other,
        plate=plate(seen.recognized_license_plate),
        zones=tuple((seen.current_zones or [])[:MOST_ZONES]),
        track=track(seen.id),
    )


def plate(text: str | None) -> str | None:
    """A licence plate, as long as a fact can hold it."""
    return text[:64] if text else None


def _tenth(score: float | None) -> int:
    return int((score or 0.0) * 10)


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
