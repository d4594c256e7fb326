"""Double Take: faces that were matched, missed, or unknown.

The same match comes on `double-take/cameras/<camera>` and on `double-take/matches/<name>`: it is
known by the id of the picture's event and the file's name. The id is Frigate's, or one of Double
Take's own for other pictures. Confidences are 0 to 100, boxes in pixels. A topic's name is
romanised, the payload's is not. Read from double-take 0227b0c (api/src/util/mqtt.util.js).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from eventlog.errors import BadPayload
from eventlog.facts import Box, FaceResult, Finite, Motion, Score, Word
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Addition, Item, Picture, Refused, Skipped, Unknown
from eventlog.sources.joined import opening
from eventlog.sources.locks import clipped, connected_is
from eventlog.sources.messages import lenient, utc, word

SOURCE: Final = "double-take"
CONFIDENCE: Final = "double-take confidence"
_UNKNOWN: Final = "unknown"


class Place(Struct, frozen=True):
    """A face's place in the picture, in pixels."""

    top: Finite
    left: Finite
    width: Finite
    height: Finite


class Face(Struct, frozen=True):
    """One face of a picture."""

    name: str | None = None
    confidence: Annotated[float, Meta(ge=0, le=100)] | None = None
    match: bool | None = None
    box: Place | None = None
    filename: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    detector: Word | None = None
    base64: str | None = None


class Looked(Struct, frozen=True):
    """What became of the pictures of one event."""

    id: Annotated[str, Meta(pattern=r"\A[!-9;-~]+\Z", max_length=80)]
    camera: Word | None = None
    timestamp: datetime | None = None
    match: Any = None
    unknown: Any = None
    matches: list[Any] | None = None
    misses: list[Any] | None = None
    unknowns: list[Any] | None = None


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    last = message.topic.split("/")[1:] if message.topic else []
    if last[-1:] == ["available"]:
        yield connected_is(message, SOURCE, SOURCE, online=message.text == "online")
        return
    if last[-1:] == ["person"]:
        yield Skipped("a count of persons, which Double Take resets to 0")
        return
    if last[:1] == ["errors"]:
        yield Skipped("an error of Double Take's")
        return
    if last and last[0] not in {"cameras", "matches", "misses", "unknown"}:
        yield Unknown(f"topic {word(last[0])}")
        return
    looked, left_out = lenient(SOURCE, message.value, Looked)
    yield from (Refused("", reason) for reason in left_out)
    yield from _faces(looked, settings)


def _faces(looked: Looked, settings: Settings) -> Iterator[Item]:
    at = None if looked.timestamp is None else utc(SOURCE, "timestamp", looked.timestamp)
    camera = looked.camera or settings.camera_id
    key, openers = opening(SOURCE, looked.id, camera, at)
    some = [*(looked.matches or []), *(looked.misses or []), *(looked.unknowns or [])]
    some += [one for one in (looked.match, looked.unknown) if one]
    for number, value in enumerate(some, 1):
        try:
            face, left_out = lenient(SOURCE, value, Face)
        except BadPayload as error:
            yield Refused("", f"face {number}: {error.reason}")
            continue
        yield from (Refused("", f"face {number}: {reason}") for reason in left_out)
        yield _face(face, looked, at, key, openers)
        if face.base64:
            yield _picture(face.base64, at, key)
    if not some:
        yield Skipped("no face")


def _face(
    face: Face,
    looked: Looked,
    at: datetime | None,
    key: str,
    openers: tuple[Motion, ...],
) -> Item:
    """A face as a fact: a miss is a stranger's, and its name the best guess."""
    name = None if face.name in {None, "", _UNKNOWN} else clipped(face.name)
    matched = face.match is not False
    fact = FaceResult(
        name=name if matched else None,
        nearest=None if matched else name,
        score=None
        if face.confidence is None
        else Score(value=face.confidence / 100, scale=CONFIDENCE),
        box=_box(face.box),
        model=face.detector,
        recorded_at=at,
        track=looked.id[:64],
    )
    # Two recognisers may look at one file: what each says is kept.
    file = face.filename or ""
    return Addition(key, f"{key}:{SOURCE}:{file}", (fact,), openers, distinct=True)


def _box(place: Place | None) -> Box | None:
    if place is None:
        return None
    return Box(
        x1=place.left,
        y1=place.top,
        x2=place.left + place.width,
        y2=place.top + place.height,
        unit="pixels",
    )


def _picture(text: str, at: datetime | None, key: str) -> Item:
    try:
        frame = base64.b64decode(text.partition("base64,")[2] or text, validate=True)
    except (binascii.Error, ValueError):
        return Refused("", "base64: is not base64")
    name = at.strftime("%Y-%m-%dT%H-%M-%S") if at is not None else ""
    return Picture(frame, name, key)


ADAPTER: Final = Adapter(
    SOURCE, items, SOURCE, ("cameras/+", "available"), takes=frozenset({"camera_id"})
)
