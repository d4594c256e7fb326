"""The operations of the API as OpenAPI describes them: their bodies and responses.

`parameters.py` has the parameters.
"""

from __future__ import annotations

from typing import Any, Final

from eventlog.dashboard.api.examples import BAD_FACT_EXAMPLE, CONFLICT_EXAMPLE, FACTS_EXAMPLE
from eventlog.dashboard.api.parameters import (
    DOORS_QUERY,
    EVENT_ID,
    EVENT_QUERY,
    UNLOCK_QUERY,
    query,
)

REF: Final = "#/components/schemas/{name}"
ID: Final = {"type": "string", "pattern": "^[0-9]{1,19}$"}


def paths() -> dict[str, Any]:
    """Each path of the API with its operations."""
    return {
        "/api/events": {
            "get": _operation(
                "events",
                "A page of events; of a search it may have few and yet a next one",
                "Events",
                EVENT_QUERY,
            )
        },
        "/api/events/{event_id}": {
            "get": _operation(
                "event", "One event and its story", "WholeEvent", [EVENT_ID], gone=True
            )
        },
        "/api/events/{event_id}/picture": {"get": _picture()},
        "/api/persons": {"get": _operation("persons", "All persons", "Persons", [])},
        "/api/unlocks": {
            "get": _operation("unlocks", "A page of unlock actions", "Unlocks", UNLOCK_QUERY)
        },
        "/api/doors": {
            "get": _operation("doors", "Doors, locks and openings", "Doors", DOORS_QUERY)
        },
        "/api/devices": {"get": _operation("devices", "Devices and silent sources", "Devices", [])},
        "/api/facts": {"post": _append()},
        "/api/thumbnails": {"post": _thumbnail()},
        "/api/stream": {"get": _stream()},
        **_running(),
        "/api/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This description",
                "responses": {"200": _json("The description", {"type": "object"}), **_refusals()},
            }
        },
    }


# ── answers ────────────────────────────────────────────────────────────────────────────────


def _json(text: str, schema: object, example: object = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {"description": text, "content": {"application/json": content}}


def _failure(text: str, example: object = None) -> dict[str, Any]:
    return _json(text, {"$ref": REF.format(name="Failure")}, example)


def _refusals() -> dict[str, Any]:
    return {
        "401": _failure("Neither a session nor a token came along"),
        "403": _failure(
            "The token's scope or limits, the account's role, or where the request comes from, does"
            " not allow it"
        ),
    }


def _operation(
    name: str, summary: str, shape: str, parameters: list[Any], *, gone: bool = False
) -> dict[str, Any]:
    responses = {
        "200": _json(summary, {"$ref": REF.format(name=shape)}),
        "400": _failure("A parameter has an invalid value; the message names it"),
        **_refusals(),
    }
    if gone:
        responses["404"] = _failure("There is no such event")
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
    }


def _picture() -> dict[str, Any]:
    image = {"schema": {"type": "string", "format": "binary"}}
    gone = _failure("There is no event, or no picture of it; or its file is missing or damaged")
    gone["content"]["image/svg+xml"] = image
    return {
        "operationId": "picture",
        "summary": "An event's picture",
        "parameters": [EVENT_ID],
        "responses": {
            "200": {"description": "The JPEG", "content": {"image/jpeg": image}},
            "304": {"description": "The picture is the one that the ETag named"},
            "404": gone,
            **_refusals(),
        },
    }


def _append() -> dict[str, Any]:
    return {
        "operationId": "append",
        "summary": "Append facts, all or none",
        "description": (
            "An opener (motion, ding) first makes a new event; event_id joins one. With a key"
            " that was used before, nothing is written and the first receipt comes back."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": REF.format(name="Append")},
                    "example": FACTS_EXAMPLE,
                }
            },
        },
        "responses": {
            "201": _json(
                "The receipt: the facts are on the disk",
                {"$ref": REF.format(name="Receipt")},
                {"positions": ["41", "42", "43", "44"], "event_id": "7"},
            ),
            "400": _failure(
                "A fact, or the append, can't be; nothing is written", BAD_FACT_EXAMPLE
            ),
            "404": _failure("The event that the facts should join does not exist"),
            "409": _failure("The key was used before, for other facts", CONFLICT_EXAMPLE),
            "413": _failure("The request is too large"),
            "503": _failure("The log can't be written at the moment"),
            "507": _failure("No room is left on the disk"),
            **_refusals(),
        },
    }


def _thumbnail() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    parameter = query("recorded_at", "The time of the frame", minLength=1)
    return {
        "operationId": "thumbnail",
        "summary": "Store a frame; the answer is the fact to append to its event",
        "parameters": [{**parameter, "required": True, "example": "2026-02-25T10:30:00Z"}],
        "requestBody": {
            "required": True,
            "content": {"image/jpeg": binary, "image/png": binary},
        },
        "responses": {
            "201": _json("The fact", {"$ref": REF.format(name="ThumbnailSaved")}),
            "400": _failure("It is not a picture that can be stored"),
            "413": _failure("The picture is too large"),
            **_refusals(),
        },
    }


def _running() -> dict[str, Any]:
    """What `eventlog run` adds."""

    def named(name: str, text: str) -> dict[str, Any]:
        schema = {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,31}$"}
        return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}

    alone = {"404": _failure("The dashboard runs alone, or the config has no such name")}
    return {
        "/api/health": {
            "get": {
                "operationId": "health",
                "summary": "How every part and every source of the running door is",
                "responses": {"200": _json("Parts and sources", {"type": "object"}), **_refusals()},
            }
        },
        "/api/hooks/{name}": {
            "post": {
                "operationId": "hook",
                "summary": "A message of another program, as the config's mapping says",
                "parameters": [named("name", "The webhook's name in the config")],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {
                    "201": _json("What was appended", {"$ref": REF.format(name="Receipt")}),
                    "400": _failure("The message lacks a field that the mapping names"),
                    "409": _failure("Its id was used before, for other facts", CONFLICT_EXAMPLE),
                    **_refusals(),
                    **alone,
                },
            }
        },
        "/api/alerts/{channel}/test": {
            "post": {
                "operationId": "test_channel",
                "summary": "A test of an alert's channel; no record is made",
                "parameters": [named("channel", "The channel's name in the config")],
                "responses": {
                    "200": _json("Whether it was sent", {"type": "object"}),
                    **_refusals(),
                    **alone,
                },
            }
        },
    }


def _stream() -> dict[str, Any]:
    return {
        "operationId": "stream",
        "summary": "Every record after a position, without an end, as server-sent events",
        "description": (
            "An event's id is the record's cursor, position:hash; its data is the record. A client"
            " that comes back with Last-Event-ID goes on without a gap or a repeat. A comment comes"
            " every 15 s. The event reset says that the record asked for is not in this journal:"
            " it ends before it, or has another one at its position."
        ),
        "parameters": [
            query(
                "after",
                "A position or position:hash; without it, what comes from now on",
                pattern="^[0-9]{1,19}(:[0-9a-fA-F]{8,64})?$",
            ),
            {**query("Last-Event-ID", "As after, and before it"), "in": "header"},
        ],
        "responses": {
            "200": {
                "description": "The stream",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            "400": _failure("The position is none"),
            "429": _failure("Too many streams are open"),
            **_refusals(),
        },
    }
