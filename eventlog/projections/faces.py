"""The rule for which face an event shows, for facts and in SQL.

A result given by a person wins over every model's, the later over the earlier; without a name it
takes a name back. Of one object (`track`) only the latest result counts, by the source's own
time. Then a recognised face comes before a stranger, the nearest first, then the first.
Knows no table of a view but the columns that its SQL names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from eventlog.facts import FaceResult
from eventlog.projections.names import Token, token
from eventlog.projections.times import own_time_us
from eventlog.record import Record


class Face(NamedTuple):
    """A face result as the rule looks at it; `given` says that a person gave it."""

    position: int
    name: Token | None
    distance: float | None
    confidence: float | None
    track: str | None
    given: bool
    at_us: int


COLUMNS: Final = ("id", "event_id", *Face._fields[1:])


def face(record: Record, fact: FaceResult) -> Face:
    """What a face result says."""
    return Face(
        record.position,
        token(record, "name"),
        fact.distance,
        confidence(fact),
        fact.track,
        fact.given_by == "person",
        own_time_us(record),
    )


def confidence(fact: FaceResult) -> float | None:
    """The confidence that the source gave, or else the one that follows from the distance."""
    if fact.confidence is not None or fact.distance is None:
        return fact.confidence
    return max(0.0, 1.0 - fact.distance)


def best(faces: Iterable[Face]) -> Face | None:
    """The face that the event shows; None if there is none."""
    latest: dict[str, Face] = {}
    counted: list[Face] = []
    for one in faces:
        if one.given or one.track is None:
            counted.append(one)
        elif one.track not in latest or _later(one, latest[one.track]):
            latest[one.track] = one
    return min([*counted, *latest.values()], key=_order, default=None)


def _later(one: Face, other: Face) -> bool:
    return (one.at_us, one.position) > (other.at_us, other.position)


def _order(one: Face) -> tuple[float, ...]:
    if one.given:
        return (0, -one.at_us, -one.position)
    return (1, one.name is None, one.distance is None, one.distance or 0.0, one.position)


# The rule once more, for the faces `f` of an event whose id is put in for {event}.
BEST: Final = """
SELECT name, distance, confidence, given FROM {p}event_faces f
WHERE event_id = {event} AND (given OR track IS NULL OR NOT EXISTS (
    SELECT 1 FROM {p}event_faces later WHERE later.event_id = f.event_id
    AND later.track = f.track AND NOT later.given AND (later.at_us, later.id) > (f.at_us, f.id)
))
ORDER BY given DESC, iif(given, -at_us, 0), iif(given, -id, 0),
    name IS NULL, distance IS NULL, distance, id
LIMIT 1
"""
