"""Reads the body of a request: its size and time limits, and the form's token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs

from eventlog.dashboard.accounts.secrets import is_form_token
from eventlog.dashboard.refused import Refused
from eventlog.dashboard.server.limits import BODY_S, FACTS_BYTES, FORM_BYTES, PICTURE_BYTES

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]

FIELDS_MAX: Final = 50
FORM: Final = "application/x-www-form-urlencoded"
_LENGTH_DIGITS: Final = 12  # up to a terabyte


async def body_of(receive: Receive, headers: dict[str, str], path: str) -> bytes:
    """The complete body. Raises Refused if it is too large, too slow or of another type."""
    most = body_limit(path)
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or len(length) > _LENGTH_DIGITS:
        raise Refused(400, "BadRequest", "The request has no sensible length.")
    if int(length) > most:
        raise Refused(413, "TooLarge", f"A body has {most} bytes at most here.")
    if not path.startswith("/api/") and media_type(headers) not in {"", FORM}:
        # Forms of ours are plain; nothing else is ever parsed, least of all for a stranger.
        raise Refused(415, "UnsupportedMediaType", "A form is sent as plain fields here.")
    return await _whole_body(receive, most)


def check_form_token(headers: dict[str, str], body: bytes, secret: str) -> None:
    """Raise Refused for a form that does not come from a page made for this secret."""
    token = headers.get("x-csrf-token", "")
    if not token and media_type(headers) == FORM:
        try:
            fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=FIELDS_MAX)
        except ValueError as error:
            raise Refused(400, "BadRequest", "The form has too many fields.") from error
        token = fields.get("csrf_token", [""])[0]
    if not secret or not is_form_token(token, secret):
        raise Refused(403, "BadFormToken", "This page is too old. Go back, reload it, try again.")


def media_type(headers: dict[str, str]) -> str:
    """What a body says that it is."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def body_limit(path: str) -> int:
    """How many bytes a body may have."""
    if path == "/api/facts":
        return FACTS_BYTES
    return PICTURE_BYTES if path == "/api/thumbnails" else FORM_BYTES


async def _whole_body(receive: Receive, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "BadRequest", "The request ended early.")
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > most:
                    raise Refused(413, "TooLarge", f"A body has {most} bytes at most here.")
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError as error:
        raise Refused(408, "TooSlow", "The request took too long.") from error


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what comes after it."""
    given = False

    async def once_more() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once_more
