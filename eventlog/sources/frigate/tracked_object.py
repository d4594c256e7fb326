"""Frigate's tracked object: what the API and MQTT say of it alike.

One tracked object is one event. Its opener and the name it was given stand under keys that do
not depend on who told first, and both tell them in the same words; what only one of them knows
has a key of its own. Knows no message of either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from eventlog.facts import FaceResult, Finite, Motion, Score
from eventlog.sources.items import Addition, Item, Refused, Skipped
from eventlog.sources.messages import UnixSeconds, moment

SOURCE: Final = "frigate"
SIMILARITY: Final = "frigate similarity"  # 0 to 1, and the greater the nearer: no distance

# Printable, without the colon that separates the parts of a key, and short enough for a key.
ObjectId: TypeAlias = Annotated[str, Meta(pattern=r"\A[!-9;-~]+\Z", max_length=100)]
Corners: TypeAlias = tuple[Finite, Finite, Finite, Finite]
# A name, or a name with its score; both shapes are found in the API and on MQTT.
SubLabel: TypeAlias = str | tuple[str, Finite | None] | None

# The logos of carriers are given as sub labels too, also to the person who carries them.
_LOGOS: Final = frozenset(
    {
        "amazon",
        "an_post",
        "canada_post",
        "dhl",
        "dpd",
        "fedex",
        "gls",
        "nzpost",
        "postnl",
        "postnord",
        "purolator",
        "royal_mail",
        "ups",
        "usps",
    }
)
_LONGEST_NAME: Final = 64
_STARTED: Final = re.compile(r"\A([0-9]{9,11}\.[0-9]{1,6})-")


def object_key(object_id: str) -> str:
    """The idempotency key of the event that the object opens."""
    return f"{SOURCE}:{object_id}"


def started(object_id: str) -> float | None:
    """When the object was first seen, as its id has it; None where the id holds no time."""
    match = _STARTED.match(object_id)
    return float(match[1]) if match else None


def opener(object_id: str, camera: str, start_time: UnixSeconds) -> Motion:
    """The fact that opens the object's event.

    The id's own time goes before `start_time`: older APIs move that back by the seconds that a
    recording starts early, and MQTT does not.
    """
    seconds = started(object_id)
    return Motion(
        camera_id=camera,
        recorded_at=moment(start_time if seconds is None else seconds),
        recording_id=object_id,
    )


def recognised(name: str | None) -> str | None:
    """The name of a face as Frigate gives it, None for a stranger."""
    return None if name in (None, "", "unknown") else name


def named(
    object_id: str, label: str, given: SubLabel, score: float | None, opening: Motion
) -> Iterator[Item]:
    """The face that a sub label names, if it names one.

    Frigate weighs all attempts at a face into one sub label, which is of no single frame; so
    the fact has no time, and is the same fact from whatever message it comes. The key tells
    one from the next by the score, because a name may stand in no key: of two names with one
    score the first stands.
    """
    name, own_score = given if isinstance(given, tuple) else (given, score)
    if not name:
        return
    if label != "person" or name in _LOGOS:
        yield Skipped("a sub label that names no face")
        return
    key = object_key(object_id)
    if len(name) > _LONGEST_NAME:
        yield Refused(key, f"sub_label: is longer than {_LONGEST_NAME} characters")
        return
    face = FaceResult(
        name=recognised(name),
        score=None if own_score is None else Score(value=own_score, scale=SIMILARITY),
    )
    suffix = "" if own_score is None else f":{own_score!r}"
    yield Addition(key, f"{key}:sub_label{suffix}", (face,), (opening,))
