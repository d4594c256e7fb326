"""Answers HEAD as GET, without the body.

The app answers GET alone. A stream has no end to wait for, so an answer whose length is not known
is ended after its headers. An ASGI middleware; knows no page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

from eventlog.dashboard.request_bodies import Message, Receive

Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


async def answered(app: App, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401 - ASGI's scope is a dict of anything
    """Answer a HEAD request as the app answers GET."""
    endless = asyncio.Event()

    async def headers_only(message: Message) -> None:
        if message["type"] != "http.response.start":
            return
        await send(message)
        await send({"type": "http.response.body", "body": b""})
        names = {name.lower() for name, _ in message.get("headers", ())}
        if b"content-length" not in names:
            endless.set()

    answering = asyncio.ensure_future(app({**scope, "method": "GET"}, receive, headers_only))
    stopping = asyncio.ensure_future(endless.wait())
    try:
        await asyncio.wait({answering, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not answering.done():
            answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering
