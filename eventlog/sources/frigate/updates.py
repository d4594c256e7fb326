"""Reads Frigate's messages of `frigate/tracked_object_update`: faces, plates, classes.

They come after each attempt, below the threshold too; what is not a verdict is not a fact. Knows
nothing of topics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from eventlog.facts import Confidence, Detection, FaceResult, Fact, Motion, Text, Word
from eventlog.sources.adapter import Settings
from eventlog.sources.frigate.mqtt import plate
from eventlog.sources.frigate.tracked_object import (
    LONGEST_NAME,
    SOURCE,
    Corners,
    ObjectId,
    is_replay,
    object_key,
    opener,
    pixels,
    refused,
    similarity,
    started,
    track,
)
from eventlog.sources.items import Addition, Item, Refused, Skipped, Unknown
from eventlog.sources.messages import UnixSeconds, lenient, moment, word

# Frigate's own default for a face that it accepts. It sends its best guess below it, too.
RECOGNITION_THRESHOLD: Final = 0.9
PLATE: Final = "license_plate"
OBJECT: Final = "object"  # what a classification is of is not said in its message
_UNKNOWN: Final = "unknown"


class Update(Struct, frozen=True):
    """A message; each type has some of these."""

    id: ObjectId
    type: Word
    camera: Word | None = None
    timestamp: UnixSeconds | None = None
    name: str | None = None
    score: Confidence | None = None
    plate: str | None = None
    plate_box: Corners | None = None
    model: Text | None = None
    sub_label: Word | None = None
    attribute: Word | None = None


def tracked_items(value: object, settings: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    update, left_out = lenient(SOURCE, value, Update)
    yield from refused(left_out)
    if is_replay(update.camera):
        yield Skipped("a debug replay")
        return
    match update.type:
        case "face":
            yield _face(update, settings)
        case "lpr":
            yield _plate(update)
        case "classification":
            yield _classification(update)
        case "description":
            yield Skipped("tracked object update of type description")
        case kind:
            yield Unknown(f"tracked object update of type {word(kind)}")


def _face(update: Update, settings: Settings) -> Item:
    """A face that was looked at.

    A face below the threshold is a stranger's, and the guess is kept as the nearest; what Frigate
    accepts at another threshold of its owner's comes as a sub label as well. Without a name there
    was no verdict: a tie, or too few faces yet.
    """
    if not update.name or update.timestamp is None:
        return Skipped("a face without a verdict")
    if len(update.name) > LONGEST_NAME:
        return Refused("", f"name: is longer than {LONGEST_NAME} characters")
    given = settings.recognition_threshold
    threshold = RECOGNITION_THRESHOLD if given is None else given
    guess = None if update.name == _UNKNOWN else update.name
    accepted = update.score is not None and update.score >= threshold
    fact = FaceResult(
        name=guess if accepted else None,
        nearest=None if accepted else guess,
        score=similarity(update.score),
        threshold=threshold,
        recorded_at=moment(update.timestamp),
        track=track(update.id),
    )
    return _joined(update, "attempt", fact, old="face")


def _plate(update: Update) -> Item:
    """A licence plate that was read."""
    if not update.plate or update.timestamp is None:
        return Skipped("a licence plate without a reading")
    fact = Detection(
        label=PLATE,
        confidence=update.score,
        box=pixels(update.plate_box),
        recorded_at=moment(update.timestamp),
        plate=plate(update.plate),
        track=track(update.id),
    )
    return _joined(update, "plate", fact)


def _classification(update: Update) -> Item:
    """What a model of the owner's says of the object: it names a label, not a person."""
    verdict = update.sub_label or update.attribute
    if verdict is None or update.timestamp is None:
        return Skipped("a classification without a verdict")
    fact = Detection(
        label=OBJECT,
        sub_label=verdict,
        confidence=update.score,
        model=update.model,
        recorded_at=moment(update.timestamp),
        track=track(update.id),
    )
    return _joined(update, "class", fact)


def _joined(update: Update, what: str, fact: Fact, *, old: str | None = None) -> Item:
    """The fact as a part of its object's event.

    The message comes after the object was first seen: its time opens the event only where the id
    holds none.
    """
    key = object_key(update.id)
    at = f"{update.timestamp!r}"
    opening: tuple[Motion, ...] = ()
    if update.camera is not None:
        opening = (opener(update.id, update.camera, started(update.id) or update.timestamp),)
    return Addition(
        key,
        f"{key}:{what}:{at}",
        (fact,),
        opening,
        distinct=True,
        old_key=f"{key}:{old}:{at}" if old else None,
    )
