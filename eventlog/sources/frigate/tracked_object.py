"""Frigate's tracked object: its keys, opener and sub label, from any message.

One tracked object is one event. Its opener is kept under a key that every message of the object
knows, and what else they tell under keys that cover what can change; so any order of API and MQTT
gives the same facts. Knows no message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta

from eventlog.errors import BadPayload
from eventlog.facts import Box, FaceResult, Finite, Motion, Score, VisitEnded
from eventlog.sources.items import Addition, Item, Refused
from eventlog.sources.messages import UnixSeconds, moment

SOURCE: Final = "frigate"
SIMILARITY: Final = "frigate similarity"  # 0 to 1, and the greater the nearer: no distance

# Printable, without the colon that separates the parts of a key, and short enough for a key.
ObjectId: TypeAlias = Annotated[str, Meta(pattern=r"\A[!-9;-~]+\Z", max_length=100)]
Corners: TypeAlias = tuple[Finite, Finite, Finite, Finite]

LONGEST_NAME: Final = 64
_STARTED: Final = re.compile(r"\A([0-9]{9,11}\.[0-9]{1,6})-")
# The cameras of a debug replay show what was recorded once more.
_REPLAY: Final = "_replay_"


def object_key(object_id: str) -> str:
    """The idempotency key of the event that the object opens."""
    return f"{SOURCE}:{object_id}"


def started(object_id: str) -> float | None:
    """When the object was first seen, as its id has it; None if the id holds no time."""
    match = _STARTED.match(object_id)
    return float(match[1]) if match else None


def is_replay(camera: object) -> bool:
    """Whether a camera is that of a debug replay."""
    return isinstance(camera, str) and camera.startswith(_REPLAY)


def started_at(object_id: str, start_time: UnixSeconds | None) -> datetime:
    """When the object was first seen.

    The id's own time goes before `start_time`: older APIs move that back by the seconds that a
    recording starts early, and MQTT does not. Raises BadPayload if neither is given.
    """
    seconds = started(object_id)
    seconds = start_time if seconds is None else seconds
    if seconds is None:
        raise BadPayload(SOURCE, "start_time: is missing, and the id holds no time")
    return moment(seconds)


def opener(object_id: str, camera: str, start_time: UnixSeconds | None) -> Motion:
    """The fact that opens the object's event. Raises BadPayload."""
    return Motion(
        camera_id=camera,
        recorded_at=started_at(object_id, start_time),
        recording_id=object_id,
    )


def pixels(corners: Corners | None) -> Box | None:
    """A box of x1, y1, x2, y2 in pixels."""
    if corners is None:
        return None
    x1, y1, x2, y2 = corners
    return Box(x1=x1, y1=y1, x2=x2, y2=y2, unit="pixels")


def similarity(value: float | None) -> Score | None:
    """A score on Frigate's scale."""
    return None if value is None else Score(value=value, scale=SIMILARITY)


class SubLabel:
    """A sub label: text, text with a score, or nothing; None or [null, null] is a cleared one.

    It is the name of a person only where the owner says that it is; else a label: delivery_person,
    amazon, the colour of a van. One text may hold several names, with commas between.
    """

    def __init__(self, given: Any, score: float | None = None) -> None:  # noqa: ANN401 - foreign
        """Read a sub label. Raises BadPayload for what is not one."""
        if isinstance(given, list | tuple):
            if len(given) not in {1, 2} or not isinstance(given[0], str | None):
                raise BadPayload(SOURCE, "sub_label: is not text with a score")
            own = given[1] if len(given) == 2 else None  # noqa: PLR2004 - a text and its score
            if isinstance(own, bool) or not isinstance(own, int | float | None):
                raise BadPayload(SOURCE, "sub_label: its score is not a number")
            given, score = given[0], score if own is None else float(own)
        if not isinstance(given, str | None):
            raise BadPayload(SOURCE, "sub_label: is not text")
        self.text = given or ""
        self.score = score

    def names(self, people: frozenset[str]) -> list[str]:
        """The persons that it names: all that it holds are, or none."""
        if self.text in people:
            return [self.text]
        parts = [part.strip() for part in self.text.split(",")]
        return parts if parts and all(part in people for part in parts) else []

    def label(self, people: frozenset[str]) -> str | None:
        """The label that it is, where it names no person. Raises BadPayload for one too long."""
        if not self.text or self.names(people):
            return None
        if len(self.text) > LONGEST_NAME:
            raise BadPayload(SOURCE, f"sub_label: is longer than {LONGEST_NAME} characters")
        return self.text


def sub_label(
    given: Any,  # noqa: ANN401 - foreign
    left_out: list[str],
    score: float | None = None,
) -> SubLabel:
    """A sub label, or an empty one where it is bad; then the reason is added to `left_out`."""
    try:
        return SubLabel(given, score)
    except BadPayload as error:
        left_out.append(error.reason)
        return SubLabel(None)


def named(
    object_id: str, told: SubLabel, people: frozenset[str], at: datetime | None, opening: Motion
) -> Iterator[Item]:
    """The persons whom a sub label names, where the owner says that these are persons.

    The key holds the time and the score; of two names under one key both are kept, and the later
    one is the correction.
    """
    key = object_key(object_id)
    score = "" if told.score is None else repr(told.score)
    for name in told.names(people):
        face = FaceResult(
            name=name,
            score=similarity(told.score),
            recorded_at=at,
            track=track(object_id),
        )
        yield Addition(
            key,
            f"{key}:named:{'' if at is None else at.isoformat()}:{score}",
            (face,),
            (opening,),
            distinct=True,
            old_key=f"{key}:sub_label:{score}" if score else f"{key}:sub_label",
        )


def ended(object_id: str, end_time: UnixSeconds | None, opening: Motion) -> Iterator[Item]:
    """The end of the object's visit, where it has ended."""
    if end_time is None:
        return
    key = object_key(object_id)
    fact = VisitEnded(ended_at=moment(end_time), reason="source")
    yield Addition(key, f"{key}:ended:{end_time!r}", (fact,), (opening,))


def track(object_id: str) -> str:
    """The object's id as facts hold it."""
    return object_id[:64]


def refused(left_out: list[str]) -> Iterator[Item]:
    """The fields that were left out, each with its reason."""
    return (Refused("", reason) for reason in left_out)
