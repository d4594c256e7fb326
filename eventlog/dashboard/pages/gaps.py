"""Finds the times in which a source gave no sign of life, for the list that has a gap there.

A source's first start is not a gap. Knows no template and no event.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from eventlog.dashboard.local_time import clock, exact, instant, local, with_offset

GAPS_MAX: Final = 50
_GAPS: Final = (
    "SELECT id, source, since, until, reason, late, coalesce(until, :now) AS ended FROM silences"
    " WHERE reason != 'first_start' AND (:lower IS NULL OR ended >= :lower)"
    " AND (:upper IS NULL OR ended < :upper) AND (:positions IS NULL OR id IN (SELECT value FROM"
    " json_each(:positions)) OR ended_by IN (SELECT value FROM json_each(:positions)))"
    " ORDER BY ended DESC, id DESC LIMIT :limit"
)
_REASONS: Final = {"disconnected": "was out of reach", "unavailable": "said that it was away"}


class Gap(Struct, frozen=True, kw_only=True):
    """A time in which the door could not see, listed where it ended; `at` has its offset.

    One that is not over is listed at the present.
    """

    id: int
    at: str
    clock: str
    exact: str
    text: str
    over: bool


def between(
    connection: sqlite3.Connection,
    door: ZoneInfo,
    now: str,
    *,
    lower: str | None,
    upper: str | None,
    positions: Sequence[int] | None = None,
) -> list[Gap]:
    """The gaps that ended between two times of the read tables, newest first.

    Args:
        connection: of the read tables.
        door: the door's zone.
        now: the time, at which a gap that lasts is listed.
        lower: the first time; None is the beginning.
        upper: the first time that is left out; None is not an end.
        positions: of records: only gaps that one of these began or ended; None is every gap.
    """
    asked: dict[str, Any] = {"now": now, "lower": lower, "upper": upper, "limit": GAPS_MAX}
    asked["positions"] = None if positions is None else json.dumps(list(positions))
    return [_gap(row, door) for row in connection.execute(_GAPS, asked)]


def _gap(row: tuple[int, str, str, str | None, str, int | None, str], door: ZoneInfo) -> Gap:
    number, source, since, until, reason, late, ended = row
    begin, end = instant(since), instant(ended)
    what = _REASONS.get(reason, "gave no sign of life")
    if until is None:
        text = f"{source} {what} since {_shown(begin, end, door)}"
    else:
        text = f"{source} {what} from {_shown(begin, end, door)} to {clock(end, door)}"
    if late:
        text += f"; {late} {'event was' if late == 1 else 'events were'} found later"
    return Gap(
        id=number,
        at=with_offset(ended),
        clock=clock(end, door),
        exact=exact(end, door),
        text=text,
        over=until is not None,
    )


def _shown(moment: datetime, other: datetime, door: ZoneInfo) -> str:
    """A time of day, with its date where the other is of another day."""
    same = local(moment, door).date() == local(other, door).date()
    return clock(moment, door) if same else exact(moment, door)
