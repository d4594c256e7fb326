"""How the read tables store times.

`recorded_at` and its kin are canonical ISO 8601 in UTC, '2026-02-25T10:30:00', with microseconds
only where there are any, so that text order is time order. `created_at` is SQLite's
'YYYY-MM-DD HH:MM:SS'. Knows no table.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from eventlog.record import EPOCH, Record, in_utc, instant, is_instant

_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND_US: Final = 1_000_000
_WITHOUT_OFFSET: Final = -len("+00:00")


def canonical(moment: datetime) -> str:
    """A time as the read tables write it. A naive one is UTC, another zone is converted.

    Raises ValueError if the time in UTC is before the year 1 or after 9999.
    """
    return _in_utc(moment).isoformat()[:_WITHOUT_OFFSET]


def canonical_us(microseconds: int) -> str:
    """The same for microseconds since 1970. Raises ValueError likewise."""
    seconds, fraction = divmod(microseconds, _SECOND_US)
    whole = _whole_second(seconds)
    return f"{whole}.{fraction:06d}" if fraction else whole


def shown_us(microseconds: object) -> str | None:
    """The same for what a row of the journal holds; None if damage has left no date there."""
    return canonical_us(microseconds) if is_instant(microseconds) else None


def created_at(appended_at_us: int) -> str:
    """The time of an append as SQLite's own datetime() writes it; parts of a second are cut off.

    Raises ValueError if it is not a date.
    """
    return _whole_second(appended_at_us // _SECOND_US).replace("T", " ")


def own_time_us(record: Record) -> int:
    """When it happened where the fact says so, else when it was appended: µs since 1970."""
    moment: datetime | None = getattr(record.fact, "recorded_at", None)
    return record.appended_at_us if moment is None else since_epoch_us(moment)


def since_epoch_us(moment: datetime) -> int:
    """Microseconds since 1970, negative before it. A naive time is UTC."""
    return (_in_utc(moment) - EPOCH) // _MICROSECOND


# Records of one batch were mostly appended within a few seconds of each other.
@lru_cache(maxsize=256)
def _whole_second(seconds: int) -> str:
    try:
        return canonical(instant(seconds * _SECOND_US))
    except OverflowError as error:
        raise ValueError(f"{seconds} s since 1970 is not a date") from error


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    try:
        return in_utc(moment)
    except OverflowError as error:
        raise ValueError(f"{moment.isoformat()} is not a date in UTC") from error
