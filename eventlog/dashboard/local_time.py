"""Converts times between the read tables, the door's zone and the browser: pure functions.

The read tables write UTC without an offset; whatever leaves the house has one. Days and hours in
filters and heat maps are the door's. Knows no table and no template.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from struct import pack
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from eventlog.errors import BadArgument
from eventlog.storage.system_zone import UTC_NAMES

# A file of one zone (RFC 9636): no transition, one type without an offset, and its name.
_UTC_FILE: Final = b"TZif" + bytes(16 + 16) + pack(">II", 1, 4) + bytes(6) + b"UTC\0"


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises BadArgument."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        if name in UTC_NAMES:  # known without a database of zones
            return ZoneInfo.from_file(BytesIO(_UTC_FILE), key=name)
        raise BadArgument(f"{name!r} is not a time zone such as 'Europe/Berlin'") from error
    except (ValueError, OSError) as error:
        raise BadArgument(f"{name!r} is not a time zone such as 'Europe/Berlin'") from error


def instant(text: str) -> datetime:
    """A time of the read tables, 'YYYY-MM-DDTHH:MM:SS[.ffffff]', as an aware datetime."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def with_offset(text: str) -> str:
    """A time of the read tables, or one of SQLite's own, with its offset: '…Z'."""
    return text.replace(" ", "T") + "Z"


def day_bounds(day: date, door: ZoneInfo) -> tuple[datetime, datetime]:
    """When a day begins and when the next one does, at the door, in UTC."""
    try:
        begin = datetime.combine(day, time(), door).astimezone(UTC)
        end = datetime.combine(day + timedelta(days=1), time(), door).astimezone(UTC)
    except OverflowError as error:
        raise BadArgument(f"day: {day.isoformat()} is out of range") from error
    return begin, end


def local(moment: datetime, door: ZoneInfo) -> datetime:
    """A time at the door; near the calendar's ends, where no zone reaches, in UTC."""
    try:
        return moment.astimezone(door)
    except OverflowError:
        return moment


def exact(moment: datetime, door: ZoneInfo) -> str:
    """A time at the door in full, '25 Feb 2026, 11:30:00 CET'."""
    at = local(moment, door)
    return f"{at.day} {at:%b} {at.year}, {at:%H:%M:%S} {at.tzname()}"


def clock(moment: datetime, door: ZoneInfo, *, seconds: bool = False) -> str:
    """A time of day at the door, '11:30', or '02:30 CET' in an hour that comes twice."""
    at = local(moment, door)
    text = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
    twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return f"{text} {at.tzname()}" if twice else text


def day_title(day: date, today: date | None = None) -> str:
    """A day as a heading: 'Today', 'Yesterday', 'Wednesday, 25 February 2026'."""
    if day == today:
        return "Today"
    if today is not None and day == today - timedelta(days=1):
        return "Yesterday"
    return f"{day:%A}, {day.day} {day:%B} {day.year}"
