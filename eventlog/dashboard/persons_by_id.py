"""Persons in URLs, by number and never by name.

A URL is stored by browsers and proxies, and by everybody it is sent to; none of them can be made
to forget it. So every address that the dashboard writes names a person by the id of the view
`persons`. A name in an older address is still read: a page redirects to the address by id, and no
answer repeats the name.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final, NamedTuple

from litestar import Request
from litestar.response import Redirect

from eventlog.dashboard import filters
from eventlog.dashboard.site import site_of
from eventlog.projections.names import ERASED

# The parameter that names a person on each page.
_PAGES: Final = {"/": "person", "/unlocks": "person", "/people": "after"}
_BY_ID: Final = "SELECT id, name FROM persons WHERE id = ?"
_BY_NAME: Final = "SELECT id, name FROM persons WHERE name = ?"


class Named(NamedTuple):
    """The person in a URL: the id as text, "0" for no person, and the name, "" for no person."""

    id: str
    name: str


async def redirected(request: Request[Any, Any, Any]) -> Redirect | None:
    """The way from a page's address with a person's name to the one by id; None for all others."""
    key = _PAGES.get(request.scope["path"])
    text = "" if key is None else request.query_params.get(key, "")
    if (
        key is None
        or not text
        or text == filters.ERASED_ONES
        or filters.whole_number(text) is not None
    ):
        return None
    named = await asked(request, key)
    if named is None or not named.name:
        return None
    query = {**request.query_params, key: named.id}
    return Redirect(filters.address(request.scope["path"], query), status_code=307)


async def asked(request: Request[Any, Any, Any], key: str = "person") -> Named | None:
    """The person that a parameter names; None if it is not set. Raises BadArgument."""
    text = filters.require_text(request.query_params, key)
    if text is None:
        return None
    if text == filters.ERASED_ONES:
        return Named(filters.ERASED_ONES, ERASED)
    number = filters.whole_number(text)
    query = (_BY_NAME, (text,)) if number is None else (_BY_ID, (number,))

    def look(connection: sqlite3.Connection) -> Named:
        row = connection.execute(*query).fetchone()
        return Named("0", "") if row is None else Named(str(row[0]), row[1])

    return await site_of(request).pages.run(look)
