"""The parameters of the API's operations, as OpenAPI describes them."""

from __future__ import annotations

from typing import Any, Final, get_args

from eventlog.dashboard.filters import PAGE, PAGE_MAX, TEXT_MAX
from eventlog.projections.outcomes import Outcome

_CURSOR: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?~\d{1,19}$"
_CLOCK: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


def query(name: str, text: str, **schema: object) -> dict[str, Any]:
    """A parameter of the query: text, by the other keywords of its JSON schema."""
    return {
        "name": name,
        "in": "query",
        "description": text,
        "schema": {"type": "string", "maxLength": TEXT_MAX, **schema},
    }


_OUTCOME: Final = query(
    "outcome", "The outcome of the request to the lock", enum=list(get_args(Outcome))
)
_PERSON: Final = query(
    "person",
    "A person's id, as /api/persons has it; erased asks for all who were erased",
    pattern="^([0-9]{1,19}|erased)$",
)
_PAGING: Final = [
    query("day", "A day at the door", format="date", example="2026-02-25"),
    query("from", "From this day at the door on", format="date", example="2026-02-25"),
    query("to", "Up to this day at the door, included", format="date", example="2026-02-28"),
    query("since", "From this time on", format="date-time"),
    query("until", "Up to this time, not included", format="date-time"),
    query("before", "The cursor that the page before gave as next", pattern=_CURSOR),
    {
        "name": "limit",
        "in": "query",
        "description": "Rows of a page",
        "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE},
    },
]
EVENT_QUERY: Final = [
    query("camera", "A camera's id"),
    _PERSON,
    query("label", "What was seen: person, cat, package"),
    query("type", "How the event began", enum=["motion", "ding"]),
    _OUTCOME,
    query("stranger", "1: a face was seen and nobody recognised", enum=["1", "true", "0", "false"]),
    query("text", "A text in names, labels, plates, rules or actors"),
    query("hour_from", "From this time of day at the door on", pattern=_CLOCK, example="22:00"),
    query(
        "hour_to",
        "Up to this time of day, not included; earlier than hour_from, it is of the next day",
        pattern=_CLOCK,
        example="06:00",
    ),
    *_PAGING,
]
UNLOCK_QUERY: Final = [_PERSON, _OUTCOME, *_PAGING]
DOORS_QUERY: Final = [
    query("at", "As they were at this time; without it, now", format="date-time"),
    _PAGING[-1],
]
EVENT_ID: Final = {
    "name": "event_id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
