"""Converts times: an option's text to a moment, a moment to local text.

Pure: the zone and the present are handed in.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from eventlog.errors import BadArgument
from eventlog.storage.system_zone import UTC_NAMES

SECONDS: Final = "%Y-%m-%d %H:%M:%S"

_AGO: Final = re.compile(r"([0-9]{1,9}) ?(s|min|m|h|d|w)(?: ago)?", re.ASCII)
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_FORMS: Final = "2026-02-25, 2026-02-25T10:30, today, yesterday, or 30m, 2h, 3d or 1w ago"


def zone(name: str) -> tzinfo:
    """The zone of an IANA name. Raises BadArgument."""
    if name in UTC_NAMES:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadArgument(
            f"TIME_ZONE: there is no time zone {name!r} here; one is 'Europe/Berlin' (where the"
            " system has no zones: pip install tzdata)"
        ) from error


def parse(option: str, text: str, here: tzinfo, now: datetime) -> datetime:
    """The moment that an option's text names.

    Args:
        option: The option's name, for the error.
        text: A date or a time (ISO 8601), `today`, `yesterday`, or how long ago: `30m`, `2h`.
        here: The zone of a text that names none.
        now: The present, aware.

    Returns:
        The moment in UTC. A date is its first moment.

    Raises:
        BadArgument: The text is none of these, or is outside the years 1 to 9999.
    """
    word = text.strip().lower()
    ago = _AGO.fullmatch(word)
    try:
        if ago is not None:
            return (now - int(ago[1]) * _UNITS[ago[2]]).astimezone(UTC)
        if word in {"today", "yesterday"}:
            day = now.astimezone(here).date() - timedelta(days=word == "yesterday")
            return datetime.combine(day, time(), here).astimezone(UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=here)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadArgument(f"{option}: {text!r} is not a date or time; write {_FORMS}") from error


def local(moment: datetime, here: tzinfo) -> datetime:
    """A moment in a zone, a naive one being UTC; near the calendar's ends it stays as it is."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(here)
    except OverflowError:
        return aware


def text(at: datetime, form: str = SECONDS) -> str:
    """A local time as text; with its offset where the clocks show the same time twice.

    When summer time ends, 02:00 to 03:00 comes twice: `02:10:00+02:00`, then `02:10:00+01:00`.
    """
    shown = at.strftime(form)
    if at.replace(fold=0).utcoffset() == at.replace(fold=1).utcoffset():
        return shown
    offset = at.strftime("%z")
    return f"{shown}{offset[:3]}:{offset[3:5]}"
