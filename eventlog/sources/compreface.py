"""CompreFace: the answer of its recognition service, stored with the event that it is about.

An answer has no id, no time and no camera: the caller adds them to it, as `id`,
`camera` and `timestamp`. An id of Frigate's joins Frigate's event. A similarity is not a distance;
the threshold is the asker's. Read from CompreFace ddf32da (docs/Rest-API-description.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from eventlog.errors import BadPayload
from eventlog.facts import Box, Confidence, FaceResult, Finite, Score, Word
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Addition, Item, Refused, Skipped
from eventlog.sources.joined import opening
from eventlog.sources.locks import clipped
from eventlog.sources.messages import lenient, utc

SOURCE: Final = "compreface"
SIMILARITY: Final = "compreface similarity"
THRESHOLD: Final = 0.9  # where the owner names none


class Place(Struct, frozen=True):
    """A face's place in the picture, in pixels, and how sure it is that it is one."""

    x_min: Finite
    y_min: Finite
    x_max: Finite
    y_max: Finite
    probability: Confidence | None = None


class Subject(Struct, frozen=True):
    """A person that the face may be; the first is the most similar."""

    subject: str
    similarity: Confidence


class Result(Struct, frozen=True):
    """One face of the picture."""

    box: Place | None = None
    subjects: list[Subject] | None = None


class Answer(Struct, frozen=True):
    """An answer, with what the caller added to it."""

    id: Annotated[str, Meta(pattern=r"\A[!-9;-~]+\Z", max_length=80)]
    result: list[Any]
    camera: Word | None = None
    timestamp: datetime | None = None


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one answer. Raises BadPayload."""
    if isinstance(message.value, dict) and "id" not in message.value:
        raise BadPayload(SOURCE, "id: is missing; add the event's id to the answer")
    answer, left_out = lenient(SOURCE, message.value, Answer)
    yield from (Refused("", reason) for reason in left_out)
    at = None if answer.timestamp is None else utc(SOURCE, "timestamp", answer.timestamp)
    at = at or message.received_at
    camera = answer.camera or settings.camera_id
    key, openers = opening(SOURCE, answer.id, camera, at)
    for number, value in enumerate(answer.result):
        try:
            result, more = lenient(SOURCE, value, Result)
        except BadPayload as error:
            yield Refused("", f"result[{number}]: {error.reason}")
            continue
        yield from (Refused("", f"result[{number}].{reason}") for reason in more)
        face = _face(result, answer, at if answer.timestamp else None, settings)
        yield Addition(key, f"{key}:{SOURCE}:{number}", (face,), openers, distinct=True)
    if not answer.result:
        yield Skipped("no face")


def _face(result: Result, answer: Answer, at: datetime | None, settings: Settings) -> FaceResult:
    """The most similar person, by a name where the similarity reaches the threshold."""
    given = settings.recognition_threshold
    threshold = THRESHOLD if given is None else given
    best = max(result.subjects or [], key=lambda one: one.similarity, default=None)
    accepted = best is not None and best.similarity >= threshold
    guess = None if best is None else clipped(best.subject)
    box = result.box
    return FaceResult(
        name=guess if accepted else None,
        nearest=None if accepted else guess,
        score=None if best is None else Score(value=best.similarity, scale=SIMILARITY),
        threshold=threshold,
        box=None
        if box is None
        else Box(x1=box.x_min, y1=box.y_min, x2=box.x_max, y2=box.y_max, unit="pixels"),
        recorded_at=at,
        track=answer.id[:64],
    )


ADAPTER: Final = Adapter(SOURCE, items, takes=frozenset({"camera_id", "recognition_threshold"}))
