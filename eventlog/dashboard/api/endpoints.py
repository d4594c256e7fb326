"""The endpoints with which programs read and append.

The same facts, keys and errors as in Python; ids and positions are decimal text. A request is
appended completely or not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Struct

from eventlog import codecs
from eventlog.dashboard import filters, queries, search
from eventlog.dashboard.accounts import tokens
from eventlog.dashboard.accounts.visitor import Visitor
from eventlog.dashboard.api import conversion, responses
from eventlog.dashboard.api.token_rules import (
    HiddenConflict,
    check_event,
    check_facts,
    check_own_key,
    may_be_told,
    stored_key,
)
from eventlog.dashboard.listing import events_asked, unlocks_asked
from eventlog.dashboard.one_event import late_remarks, looked_at, off_the_loop
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.errors import BadArgument, BadFact, BadPayload, KeyConflict
from eventlog.facts import Fact
from eventlog.followers import cursor as cursors
from eventlog.journal import table as journal
from eventlog.journal.append import check_key, prepare
from eventlog.projections import story, unlock_actions


class FactAt(BadFact):
    """A fact of a request that may not enter the journal; `index` says which of them."""

    def __init__(self, index: int, error: BadFact) -> None:
        self.index = index
        super().__init__(error.kind, error.field, error.reason)


class Facts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an append asks for. Facts are taken one by one, so that a bad one is named."""

    facts: list[Any]
    event_id: str | int | None = None
    key: str | None = None
    durability: Literal["durable", "relaxed"] = "durable"


# ── reading ────────────────────────────────────────────────────────────────────────────────


@get("/api/events")
async def events(request: Request[Any, Any, Any]) -> responses.Events:
    """A page of events, newest first; one that searched far may have few and yet a next one."""
    site, asked = site_of(request), await events_asked(request)

    def look(connection: sqlite3.Connection) -> search.Page:
        wanted, zone = asked.wanted, site.zone
        return search.found(connection, wanted, asked.search, zone, asked.before, limit=asked.limit)

    some = await site.pages.run(look)
    following = None if some.resume is None else filters.cursor(*some.resume)
    return responses.Events([conversion.event(row) for row in some.events], following)


@get("/api/events/{event_id:int}")
async def event(request: Request[Any, Any, Any], event_id: FromPath[int]) -> responses.WholeEvent:
    """One event with its faces, its unlock actions and its story."""
    site = site_of(request)
    looked = await looked_at(site, event_id)

    def actions(connection: sqlite3.Connection) -> list[dict[str, Any]]:
        rows = connection.execute(*unlock_actions.of_event(event_id)).fetchall()
        return [dict(zip(unlock_actions.COLUMNS, row, strict=True)) for row in rows]

    late = await late_remarks(site, looked)
    acted = await site.pages.run(actions)

    def made() -> responses.WholeEvent:
        told = story.tell(story.relabelled(looked.records, looked.people), looked.names, late)
        return conversion.whole_event(looked.event, looked.faces, acted, told)

    return await off_the_loop(made)


@get("/api/persons")
async def persons(request: Request[Any, Any, Any]) -> responses.Persons:
    """All persons, by name."""
    found = await site_of(request).figures.run(queries.all_persons)
    return responses.Persons([conversion.person(row) for row in found])


@get("/api/unlocks")
async def unlocks(request: Request[Any, Any, Any]) -> responses.Unlocks:
    """A page of unlock actions, newest first."""
    asked = await unlocks_asked(request)
    found = await site_of(request).pages.unlocks(
        asked.wanted, before=asked.before, limit=asked.limit
    )
    return responses.Unlocks([conversion.unlock(row) for row in found], asked.cursor_after(found))


@get("/api/stream")
async def stream(request: Request[Any, Any, Any]) -> Stream:
    """Every record after a position as server-sent events, without an end."""
    site, visitor = site_of(request), visitor_of(request)
    text = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = cursors.parse(text) if text else None
    place = site.streams.one_more(visitor.label)
    place.__enter__()  # before the answer begins, so that one too many gets its own status

    async def frames() -> AsyncIterator[bytes]:
        try:
            listening = site.broadcast.listen(
                after,
                may_continue=lambda: may_continue(site, visitor),
                heartbeat_s=site.heartbeat_s,
            )
            async for frame in listening:
                yield frame
        finally:
            place.__exit__(None, None, None)

    return Stream(frames(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def may_continue(site: Site, visitor: Visitor) -> bool:
    """Whether the session or the token of a visitor is still valid."""
    session, token, now_s = visitor.session, visitor.token, site.now_s
    if session is not None:
        found = await site.signed_in.find(session.secret_hash, now_s, touch=False)
        return found is not None
    if token is None:
        return False
    return await site.accounts.run(lambda c: tokens.exists(c, token.id, now_s))


# ── appending ──────────────────────────────────────────────────────────────────────────────


@post("/api/facts", status_code=201)
async def append(request: Request[Any, Any, Any]) -> responses.Receipt:
    """Append facts, all or none."""
    try:
        asked = msgspec.json.decode(await request.body(), type=Facts)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload("request", "is not an append: " + _reason(error)) from error
    facts = [_fact(index, plain) for index, plain in enumerate(asked.facts)]
    event_id = asked.event_id
    if isinstance(event_id, str):
        event_id = position(event_id, "event_id")
    for index, fact in enumerate(facts):
        _prove(index, fact)
    site, visitor = site_of(request), visitor_of(request)
    check_key(asked.key)
    prepare(facts, event_id=event_id)
    key = await _key_for(site, visitor, facts, event_id, asked.key)
    try:
        receipt = await site.store.append(
            *facts,
            event_id=event_id,
            key=key,
            durability=asked.durability,
            writer=visitor.author("api"),
        )
    except KeyConflict as conflict:
        if may_be_told(visitor, key):
            raise KeyConflict(asked.key or "", conflict.receipt) from conflict
        raise HiddenConflict(f"key {asked.key!r} was used before, for other facts") from conflict
    return conversion.receipt(receipt)


async def _key_for(
    site: Site, visitor: Visitor, facts: Sequence[Fact], event_id: int | None, key: str | None
) -> str | None:
    """The key to append under, where this visitor may make the append. Raises NotAllowed.

    A key that was used before writes nothing, so no rule is asked for it: its answer is the first
    receipt, or the conflict.
    """
    token = visitor.token
    if token is None:
        check_own_key(key)
        check_facts(visitor, facts)
        return key

    def look(connection: sqlite3.Connection) -> str | None:
        own = None if key is None else stored_key(connection, token, key)
        if own is None or journal.meta_of_key(connection, own) is None:
            check_facts(visitor, facts)
            check_event(connection, token, facts, event_id)
        return own

    return await site.pages.run(look)


@post("/api/thumbnails", status_code=201)
async def thumbnail(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Store a frame (JPEG or PNG); the answer is the fact to append to its event."""
    recorded_at = request.query_params.get("recorded_at", "")
    if not 0 < len(recorded_at) <= filters.TEXT_MAX:
        raise BadArgument("recorded_at: the time of the frame, as 2026-02-25T10:30:00Z")
    frame = await request.body()
    saved = await site_of(request).thumbnails.store_async(frame, recorded_at)
    return codecs.to_builtins(saved)


def position(text: str, name: str) -> int:
    """A position or an id from its decimal text. Raises BadArgument."""
    number = filters.whole_number(text)
    if number is None:
        raise BadArgument(f"{name}: is a whole number as decimal text")
    return number


def _fact(index: int, plain: object) -> Fact:
    try:
        return codecs.from_builtins(plain)
    except BadFact as error:
        raise FactAt(index, error) from error


def _prove(index: int, fact: Fact) -> None:
    try:
        codecs.encode(fact)
    except BadFact as error:
        raise FactAt(index, error) from error


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
