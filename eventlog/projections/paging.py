"""The bounds of a page, the same for every list. Knows no table."""

from __future__ import annotations

from typing import Final

from eventlog.errors import BadArgument

# To SQLite a negative limit is none at all.
LIMIT_MAX: Final = 2**31


def insist_page(limit: int, offset: int) -> None:
    """Raise BadArgument unless limit and offset are 0 to LIMIT_MAX rows."""
    if not 0 <= limit <= LIMIT_MAX or not 0 <= offset <= LIMIT_MAX:
        raise BadArgument(f"limit and offset are 0 to {LIMIT_MAX}, not {limit} and {offset}")
