"""Checks the arguments of a list: the limit, the start and the filters.

The same for every list, so that a value which no list can hold is refused here, by name, and
never reaches SQLite. Knows no table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from eventlog.errors import BadArgument
from eventlog.record import ID_MAX

# For SQLite, a negative limit means no limit.
LIMIT_MAX: Final = 2**31


def require_page(limit: int, offset: int) -> None:
    """Raise BadArgument unless limit and offset are 0 to LIMIT_MAX rows."""
    for rows in (limit, offset):
        if type(rows) is not int or not 0 <= rows <= LIMIT_MAX:
            raise BadArgument(f"limit and offset are whole numbers of rows, 0 to {LIMIT_MAX}")


def require_place(before: tuple[str, int]) -> tuple[datetime, int]:
    """The time and the id before which a page begins. Raises BadArgument for anything else."""
    if type(before) not in (tuple, list) or len(before) != 2:  # noqa: PLR2004 - a time and an id
        raise BadArgument("before is the time and the id of a row")
    time, row_id = before
    if type(row_id) is not int or not -ID_MAX <= row_id <= ID_MAX:
        raise BadArgument("before: an id is a whole number of 64 bits")
    try:
        moment = datetime.fromisoformat(time)
    except (TypeError, ValueError) as error:
        raise BadArgument("before: its time is not a valid time") from error
    _require_utc("before", moment)
    return moment, row_id


def require_filter(wanted: object, shape: type[msgspec.Struct]) -> None:
    """Raise BadArgument unless `wanted` is of that type, and each field what its type says."""
    if type(wanted) is not shape:
        raise BadArgument(f"a filter is a {shape.__name__}, not a {type(wanted).__name__}")
    given: dict[str, Any] = {name: getattr(wanted, name) for name in shape.__struct_fields__}
    for name, value in given.items():
        if isinstance(value, str):
            _require_text(name, value)
        try:
            # Asked one by one, so that the error says which.
            read = getattr(msgspec.convert({name: value}, shape), name)
        except msgspec.ValidationError as error:
            raise BadArgument(f"{name} of a filter has an impossible value") from error
        if type(read) is not type(value) or read != value:
            raise BadArgument(f"{name} of a filter has the wrong type")
        if isinstance(value, datetime):
            _require_utc(name, value)


def require_moment(name: str, moment: object) -> datetime:
    """A time that a view can be asked for. Raises BadArgument if it is none."""
    if not isinstance(moment, datetime):
        raise BadArgument(f"{name} is a datetime, not a {type(moment).__name__}")
    _require_utc(name, moment)
    return moment


def _require_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadArgument(f"{name} holds a lone surrogate, which UTF-8 can't hold") from error


def _require_utc(name: str, moment: datetime) -> None:
    try:
        if moment.utcoffset() is not None:  # or it is UTC already
            moment.astimezone(UTC)
    except OverflowError as error:
        raise BadArgument(f"{name} is before the year 1 or after 9999 in UTC") from error
