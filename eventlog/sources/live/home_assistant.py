"""Follows Home Assistant by its websocket, and fills gaps from its recorder's history.

The websocket replays nothing after a gap; the history has every change of state with the same
times, so both make the same keys. Who turned a lock by Home Assistant comes with both, and is
called by the name of the person that the user is. Our own entities, which we publish by MQTT, are
left out by their unique ids: the door would hear itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.feed import Feeder, Tally
from eventlog.sources.keys import Store
from eventlog.sources.live.frigate_history import Get
from eventlog.sources.live.home_assistant_history import HomeAssistantHistory
from eventlog.sources.live.home_assistant_socket import (
    AWAY,
    Socket,
    ask,
    decoded,
    is_chosen,
    objects,
    own_entities,
    signed_in,
    users,
)
from eventlog.sources.live.report import Report

log = logging.getLogger("eventlog")

RECONNECT_S: Final = 2.0
# Home Assistant wants the numbers of a connection's questions to grow.
_NEW_ENTITIES: Final = 1
_EVENTS: Final = {_NEW_ENTITIES: "entity_registry_updated", 2: "state_changed"}


class HomeAssistantIn:
    """Follows chosen entities.

    `own_ids` is how the unique ids of our own entities begin. `left_out` are devices that another
    source reports: if two sources report one lock, each opening would be recorded twice.
    """

    def __init__(
        self,
        source: str,
        url: str,
        token: str,
        *,
        entities: Iterable[str],
        adapter: Adapter,
        store: Store,
        report: Report,
        get: Get,
        own_ids: str,
        left_out: Container[str] = frozenset(),
    ) -> None:
        self._source = source
        self._url = url.rstrip("/")
        self._token = token
        self._history = HomeAssistantHistory(self._url, token, get)
        self._wanted = tuple(entities)
        self._adapter = adapter
        self._store = store
        self._report = report
        self._own_ids = own_ids
        self._left_out = left_out
        self.ready = asyncio.Event()
        self._feeder = Feeder(store)
        self._own: frozenset[str] = frozenset()
        self._known: frozenset[str] = frozenset()
        self._users: dict[str, str] = {}
        self._asked = 0
        self._held: list[dict[str, Any]] | None = None

    # ── the websocket ──────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Follow forever; a connection that is lost is made again.

        Raises BadArgument if the token is refused, DatabaseError.
        """
        while True:
            try:
                await self._follow()
            except AWAY as error:
                log.info("Home Assistant is away: %s", type(error).__name__)
            finally:
                self._report.connected(self._source, up=False)
                self.ready.clear()
            await asyncio.sleep(RECONNECT_S)

    async def _follow(self) -> None:
        async with signed_in(self._url, self._token) as socket:
            for number, kind in _EVENTS.items():
                await ask(socket, number, "subscribe_events", event_type=kind)
            self._asked = max(_EVENTS)
            await self._look_up(socket)
            async for text in socket:
                await self._take(decoded(text), socket)

    async def _look_up(self, socket: Socket) -> None:
        """Ask which entities there are; what happens is held back until the answer is there.

        An entity of ours that is new to Home Assistant is in its registry before it has a state.
        """
        self._held = [] if self._held is None else self._held
        self._asked += 2
        await ask(socket, self._asked - 1, "config/entity_registry/list")
        await ask(socket, self._asked, "get_states")

    async def _take(self, message: dict[str, Any], socket: Socket) -> None:
        kind, number = message.get("type"), message.get("id")
        if kind == "result" and number == self._asked - 1:
            self._own = frozenset(own_entities(message.get("result"), self._own_ids))
        elif kind == "result" and number == self._asked:
            states = objects(message.get("result"))
            self._known = frozenset(self._chosen(states))
            self._users = dict(users(states))
            held, self._held = self._held, None
            for one in held or ():
                await self._feed(one)
            self._begin()
        elif kind == "event" and number == _NEW_ENTITIES:
            await self._look_up(socket)
        elif kind == "event" and self._held is not None:
            self._held.append(message)
        elif kind == "event":
            await self._feed(message)

    def _begin(self) -> None:
        if not self.ready.is_set():
            self._report.connected(self._source, up=True)
            log.info("the source %s is connected", self._source)
            self.ready.set()

    async def _feed(self, message: dict[str, Any]) -> None:
        event = message.get("event")
        data = event.get("data") if isinstance(event, dict) else None
        entity = data.get("entity_id") if isinstance(data, dict) else None
        if not isinstance(entity, str) or not self._is_wanted(entity):
            return
        self._name_user(message["event"])
        self._feeder.tally = Tally()
        now = datetime.now(UTC)
        items = self._adapter.read(Message(message, received_at=now, live=True), Settings())
        await self._feeder.feed(items)
        self._report.taken(self._source, self._feeder.tally)

    def _is_wanted(self, entity: str) -> bool:
        return entity not in self._own and is_chosen(entity, self._wanted, self._left_out)

    def _chosen(self, states: Iterable[dict[str, Any]]) -> list[str]:
        names = [one.get("entity_id") for one in states]
        return [name for name in names if isinstance(name, str) and self._is_wanted(name)]

    def _name_user(self, event: dict[str, Any]) -> None:
        """Put the name of the user who asked for a change in the place of the user's id."""
        data = event.get("data")
        after = data.get("new_state") if isinstance(data, dict) else None
        context = after.get("context") if isinstance(after, dict) else None
        if isinstance(context, dict) and context.get("user_id") in self._users:
            context["user_id"] = self._users[context["user_id"]]

    # ── its history ────────────────────────────────────────────────────────────────────────

    async def ask(self, since: float) -> Tally:
        """Feed every change of the chosen entities since a moment.

        Raises:
            BadPayload: Home Assistant answers something else; OSError, DatabaseError.
        """
        feeder = Feeder(self._store)
        named = {one for one in self._wanted if "*" not in one and self._is_wanted(one)}
        entities = sorted(self._known or named)
        if entities:
            for change in await self._history.changes(entities, since):
                self._name_user(change)
                await feeder.feed(self._adapter.read(Message(change), Settings()))
        return feeder.tally
