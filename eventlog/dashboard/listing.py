"""The parameters and the next page of a list, for every page and for the API.

A request becomes a filter, a cursor and a limit here, in one place. Knows no table and no
template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from litestar import Request
from msgspec import Struct

from eventlog.dashboard import filters, persons_by_id
from eventlog.dashboard.search import EVERYTHING, Search
from eventlog.dashboard.site import site_of
from eventlog.projections.event_list import Before, EventFilter
from eventlog.projections.unlock_actions import UnlockFilter

F = TypeVar("F", EventFilter, UnlockFilter)

# The column that each list is ordered by, and that its cursors hold.
EVENTS_BY: Final = "listed_at"
UNLOCKS_BY: Final = "listed_at"


class Asked(Struct, Generic[F], frozen=True, kw_only=True):
    """What a request asked of a list.

    `query` holds the parameters of the filter that are set, `fields` all of them for a form;
    `before` is the cursor to go on from, None for the first page; `order` is the list's column.
    """

    query: dict[str, str]
    fields: dict[str, str]
    wanted: F
    before: Before | None
    limit: int
    order: str
    search: Search = EVERYTHING

    def cursor_after(self, found: Sequence[Mapping[str, Any]]) -> str | None:
        """The cursor of the page after these rows; None if the list ends with them."""
        if len(found) < self.limit:
            return None
        return filters.cursor(str(found[-1][self.order]), found[-1]["id"])

    def after(self, path: str, place: Before | None) -> str | None:
        """The address of the rows after a place, with the same filter; None at the end."""
        if place is None:
            return None
        return filters.address(path, self.query, before=filters.cursor(*place))

    def more(self, path: str, found: Sequence[Mapping[str, Any]]) -> str | None:
        """The address of the rows after these, with the same filter; None at the end."""
        cursor = self.cursor_after(found)
        return None if cursor is None else filters.address(path, self.query, before=cursor)


async def events_asked(request: Request[Any, Any, Any]) -> Asked[EventFilter]:
    """Which events a request asks for. Raises BadArgument, which names the parameter."""
    named, query = await _with_person(request)
    return Asked(
        query=filters.asked(query, filters.EVENT_KEYS),
        fields=filters.fields(query, filters.EVENT_KEYS),
        wanted=filters.event_filter(query, site_of(request).zone, named),
        before=filters.before(query),
        limit=filters.limit(query),
        order=EVENTS_BY,
        search=Search(
            text=(filters.require_text(query, "text") or "").strip(),
            begin=filters.minute(query, "hour_from"),
            end=filters.minute(query, "hour_to"),
        ),
    )


async def unlocks_asked(request: Request[Any, Any, Any]) -> Asked[UnlockFilter]:
    """Which unlock actions a request asks for. Raises BadArgument, which names the parameter."""
    named, query = await _with_person(request)
    return Asked(
        query=filters.asked(query, filters.UNLOCK_KEYS),
        fields=filters.fields(query, filters.UNLOCK_KEYS),
        wanted=filters.unlock_filter(query, site_of(request).zone, named),
        before=filters.before(query),
        limit=filters.limit(query),
        order=UNLOCKS_BY,
    )


async def _with_person(request: Request[Any, Any, Any]) -> tuple[str | None, dict[str, str]]:
    """The name of the person that is asked for, and the parameters with the id in its place."""
    named, query = await persons_by_id.asked(request), dict(request.query_params)
    return (None, query) if named is None else (named.name, {**query, "person": named.id})
