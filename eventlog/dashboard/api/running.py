"""The API of `eventlog run`: its health, its webhooks, and a test alert.

Where the dashboard runs alone there are no parts, no hooks and no channels.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException

from eventlog.dashboard.api import conversion, responses
from eventlog.dashboard.api.token_rules import HiddenConflict, NotAllowed, check_facts
from eventlog.dashboard.pages.health_parts import behind
from eventlog.dashboard.running import Running
from eventlog.dashboard.site import site_of, visitor_of
from eventlog.errors import KeyConflict


@get("/api/health")
async def health(request: Request[Any, Any, Any]) -> Response[bytes]:
    """How every part and every source of the running door is."""
    running = site_of(request).running
    content = b'{"parts":[],"sources":[]}'
    if running is not None:
        content = msgspec.json.encode(running.health(await site_of(request).figures.run(behind)))
    return Response(content, media_type="application/json")


@post("/api/hooks/{name:str}", status_code=201)
async def hook(request: Request[Any, Any, Any]) -> responses.Receipt:
    """Take a message of another program, as the config's mapping says. Repeat it until 201."""
    try:
        key, fact = _running(request).read_hook(request.path_params["name"], await request.body())
    except LookupError as error:
        raise NotFoundException("The config has no such webhook.") from error
    visitor = visitor_of(request)
    check_facts(visitor, [fact])
    try:
        receipt = await site_of(request).store.append(fact, key=key, writer=visitor.author("hook"))
    except KeyConflict as conflict:
        raise HiddenConflict("its id was used before, for another message") from conflict
    return conversion.receipt(receipt)


@post("/api/alerts/{channel:str}/test", status_code=200)
async def test_channel(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Send a test over a channel; no record is made. A feed that may only append can't."""
    token = visitor_of(request).token
    if token is not None and not token.may_read:
        raise NotAllowed("a token that may not read can't test a channel")
    try:
        wrong = await _running(request).test_channel(request.path_params["channel"])
    except LookupError as error:
        raise NotFoundException("The config has no such channel.") from error
    return {"sent": wrong is None, "why": wrong}


def _running(request: Request[Any, Any, Any]) -> Running:
    running = site_of(request).running
    if running is None:
        raise NotFoundException("The dashboard runs alone here: `eventlog run` has this.")
    return running
