"""Makes the lines of an event's page: the story's steps, and the raw facts below. Pure.

A long story has pages of PART records. Knows no table and no template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from eventlog import codecs
from eventlog.dashboard import filters
from eventlog.dashboard.local_time import clock, exact, with_offset
from eventlog.errors import BadArgument
from eventlog.facts import FaceResult
from eventlog.followers.cursor import of_row
from eventlog.projections import story
from eventlog.projections.times import canonical, shown_us
from eventlog.record import Record, StoredRecord

PART: Final = 200  # records of one page of a story
SCALE_END: Final = 1.2  # the distance at a scale's right end, unless a distance is further
_SIGNS: Final = {
    "motion": "motion",
    "ding": "ding",
    "detection": "seen",
    "face_result": "face",
    "unlock_action": "door",
    "thumbnail_saved": "picture",
    "alert_sent": "alert",
}


class Scale(Struct, frozen=True):
    """A face's distance against its tolerance, as parts of a scale's length, in percent."""

    distance: float
    tolerance: float | None
    distance_at: float
    tolerance_at: float | None
    within: bool


# Facts that say how something was found out, not what happened.
TECHNICAL: Final = frozenset(
    {
        *("detection", "thumbnail_saved", "alert_intended", "actuator_outcome", "device_state"),
        *("face_enrolled", "rule_armed", "damaged"),
    }
)


class Step(Struct, frozen=True, kw_only=True):
    """One line of the story; `technical` ones are folded."""

    technical: bool

    position: int
    sign: str
    at: str
    exact: str
    clock: str
    happened: bool
    text: str
    scale: Scale | None


class Raw(Struct, frozen=True):
    """A record as it is stored."""

    position: int
    kind: str
    hash: str
    appended_at: str
    writer: str
    key: str | None
    fact: str


class Part(Struct, frozen=True):
    """Which records of a story a page shows: its number from 1, and how many parts there are."""

    number: int
    count: int
    records: int

    @property
    def first(self) -> int:
        """The number of the first one shown."""
        return (self.number - 1) * PART + 1

    @property
    def last(self) -> int:
        """The number of the last one shown."""
        return min(self.number * PART, self.records)

    @property
    def slice(self) -> slice:
        """Which of the records."""
        return slice(self.first - 1, self.last)


def part_of(query: Mapping[str, str], records: int) -> Part:
    """The part that a query asks for; the last one where it asks for more. Raises BadArgument."""
    number = filters.whole_number(query.get("part", "") or "1")
    if not number:
        raise BadArgument("part: is a number from 1")
    count = max(1, -(-records // PART))
    return Part(min(number, count), count, records)


def step(record: Record | story.Unread, line: story.Line, door: ZoneInfo) -> Step:
    """One line of the story."""
    fact = record.fact if isinstance(record, Record) else None
    return Step(
        technical=line.kind in TECHNICAL,
        position=line.position,
        sign=_SIGNS.get(line.kind, "other"),
        at=with_offset(canonical(line.at)),
        exact=exact(line.at, door),
        clock=clock(line.at, door, seconds=True),
        happened=line.happened,
        text=line.text,
        scale=_scale(fact) if isinstance(fact, FaceResult) else None,
    )


def _scale(face: FaceResult) -> Scale | None:
    if face.distance is None:
        return None
    end = max(SCALE_END, face.distance * 1.1, (face.tolerance or 0.0) * 1.1)
    return Scale(
        distance=face.distance,
        tolerance=face.tolerance,
        distance_at=round(100 * face.distance / end, 2),
        tolerance_at=None if face.tolerance is None else round(100 * face.tolerance / end, 2),
        within=face.tolerance is not None and face.distance <= face.tolerance,
    )


def raw(stored: StoredRecord, record: Record | story.Unread, writer: str) -> Raw:
    """A record as it is stored."""
    if isinstance(record, Record):
        plain = msgspec.json.encode(codecs.to_builtins(record.fact))
        text = msgspec.json.format(plain, indent=2).decode()
    else:
        text = record.reason
    appended_at = shown_us(stored.appended_at)
    return Raw(
        position=stored.position,
        kind=str(stored.kind),
        hash=of_row(stored).hash,
        appended_at="not a date" if appended_at is None else with_offset(appended_at),
        writer=writer,
        key=stored.key,
        fact=text,
    )
