"""The API's description, OpenAPI 3.1 as JSON, built from types and operations.

The shapes are made from the same structs that the API answers with, so that they can't drift;
`operations.py` has the operations, and a test holds them against the routes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from litestar import Request, Response, get

from eventlog.dashboard.api import doors, responses
from eventlog.dashboard.api.examples import BAD_FACT_EXAMPLE, CONFLICT_EXAMPLE, FACTS_EXAMPLE
from eventlog.dashboard.api.operations import ID, REF, paths
from eventlog.facts import Fact

__all__ = ["BAD_FACT_EXAMPLE", "CONFLICT_EXAMPLE", "FACTS_EXAMPLE", "description", "document"]


@get("/api/openapi.json")
async def document(request: Request[Any, Any, Any]) -> Response[bytes]:  # noqa: ARG001 - the framework passes it by name
    """The document."""
    return Response(_encoded(), media_type="application/json")


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(description())


@cache
def description() -> dict[str, Any]:
    """The complete description."""
    answers = (
        responses.Events,
        responses.WholeEvent,
        responses.Persons,
        responses.Unlocks,
        doors.Doors,
        doors.Devices,
        responses.Receipt,
        responses.Failure,
    )
    _, components = msgspec.json.schema_components((*answers, Fact), ref_template=REF)
    fact, _ = msgspec.json.schema_components((Fact,), ref_template=REF)
    components["Fact"] = fact[0]
    components["Append"] = _append_schema()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "eventlog",
            "version": "1",
            "description": (
                "The record of everything that happens at a door. Ids and positions are decimal"
                " text, times are ISO 8601 with an offset. A browser signs in and sends its"
                " cookie, and with each POST the header X-CSRF-Token; a program sends a token"
                " with the scope read or append."
            ),
        },
        "paths": paths(),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "eventlog_ID_session"},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


def _append_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "title": "Append",
        "description": "Facts that enter the journal together or not at all.",
        "properties": {
            "facts": {"type": "array", "minItems": 1, "items": {"$ref": REF.format(name="Fact")}},
            "event_id": {"anyOf": [ID, {"type": "integer", "minimum": 1}, {"type": "null"}]},
            "key": {
                "anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "null"}]
            },
            "durability": {"enum": ["durable", "relaxed"], "default": "durable"},
        },
        "required": ["facts"],
        "additionalProperties": False,
    }
