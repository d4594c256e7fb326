"""Follows Home Assistant by its websocket, and fills gaps from its recorder's history.

The websocket replays nothing after a gap; the history has every change of state with the same
times, so both make the same keys. Our own entities, which we publish by MQTT, are left out by
their unique ids: the door would hear itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from eventlog.errors import BadArgument, BadPayload
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.feed import Feeder, Tally
from eventlog.sources.keys import Store
from eventlog.sources.live.frigate_history import Get
from eventlog.sources.live.report import Report

log = logging.getLogger("eventlog")

SOURCE: Final = "home-assistant"
RECONNECT_S: Final = 2.0
PING_S: Final = 10.0
MESSAGE_MAX: Final = 16 * 1024 * 1024
FOUND: Final = 200
_REGISTRY, _STATES, _EVENTS = 1, 2, 3


class HomeAssistantIn:
    """Follows chosen entities.

    `own_ids` is how the unique ids of our own entities begin. `left_out` are devices that another
    source tells of: of two tellers of one lock, each opening would be recorded twice.
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
        self._wanted = tuple(entities)
        self._adapter = adapter
        self._store = store
        self._report = report
        self._get = get
        self._own_ids = own_ids
        self._left_out = left_out
        self.ready = asyncio.Event()
        self._feeder = Feeder(store)
        self._own: frozenset[str] = frozenset()
        self._known: frozenset[str] = frozenset()

    # ── the websocket ──────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Follow for ever; a connection that is lost is made again.

        Raises BadArgument where the token is refused, DatabaseError.
        """
        while True:
            try:
                await self._follow()
            except (OSError, WebSocketException, TimeoutError) as error:
                log.info("Home Assistant is away: %s", type(error).__name__)
            finally:
                self._report.connected(self._source, up=False)
                self.ready.clear()
            await asyncio.sleep(RECONNECT_S)

    async def _follow(self) -> None:
        address = "ws" + self._url.removeprefix("http") + "/api/websocket"
        async with connect(
            address, max_size=MESSAGE_MAX, ping_interval=PING_S, ping_timeout=PING_S
        ) as socket:
            await self._sign_in(socket)
            await _ask(socket, _REGISTRY, "config/entity_registry/list")
            await _ask(socket, _STATES, "get_states")
            await _ask(socket, _EVENTS, "subscribe_events", event_type="state_changed")
            async for text in socket:
                await self._take(_decoded(text))

    async def _sign_in(self, socket: ClientConnection) -> None:
        await socket.recv()  # auth_required
        await socket.send(
            msgspec.json.encode({"type": "auth", "access_token": self._token}).decode()
        )
        answer = _decoded(await socket.recv())
        if answer.get("type") != "auth_ok":
            raise BadArgument("Home Assistant refuses the token")

    async def _take(self, message: dict[str, Any]) -> None:
        kind, number = message.get("type"), message.get("id")
        if kind == "result" and number == _REGISTRY:
            self._own = frozenset(_own_entities(message.get("result"), self._own_ids))
        elif kind == "result" and number == _STATES:
            self._known = frozenset(self._chosen(message.get("result")))
        elif kind == "result" and number == _EVENTS:
            self._report.connected(self._source, up=True)
            self.ready.set()
        elif kind == "event":
            await self._feed(message)

    async def _feed(self, message: dict[str, Any]) -> None:
        event = message.get("event")
        data = event.get("data") if isinstance(event, dict) else None
        entity = data.get("entity_id") if isinstance(data, dict) else None
        if not isinstance(entity, str) or not self._is_wanted(entity):
            return
        self._feeder.tally = Tally()
        now = datetime.now(UTC)
        items = self._adapter.read(Message(message, received_at=now, live=True), Settings())
        await self._feeder.feed(items)
        self._report.taken(self._source, self._feeder.tally)

    def _is_wanted(self, entity: str) -> bool:
        if entity in self._own or entity.partition(".")[2] in self._left_out:
            return False
        return any(fnmatchcase(entity, one) for one in self._wanted)

    def _chosen(self, states: object) -> list[str]:
        if not isinstance(states, list):
            return []
        names = [one.get("entity_id") for one in states if isinstance(one, dict)]
        return [name for name in names if isinstance(name, str) and self._is_wanted(name)]

    # ── its history ────────────────────────────────────────────────────────────────────────

    async def ask(self, since: float) -> Tally:
        """Feed every change of the chosen entities since a moment.

        Raises:
            BadPayload: Home Assistant answers something else; OSError, DatabaseError.
        """
        feeder = Feeder(self._store)
        named = {one for one in self._wanted if "*" not in one and self._is_wanted(one)}
        entities = sorted(self._known or named)
        if not entities:
            return feeder.tally
        start = datetime.fromtimestamp(since, UTC).isoformat()
        query = urlencode(
            {
                "filter_entity_id": ",".join(entities),
                "end_time": datetime.now(UTC).isoformat(),
                "significant_changes_only": "0",
            }
        )
        url = f"{self._url}/api/history/period/{quote(start)}?{query}"
        answer = await self._get(url, {"authorization": f"Bearer {self._token}"})
        if answer.status != FOUND:
            raise BadPayload(SOURCE, f"the history answers {answer.status}")
        try:
            lists = msgspec.json.decode(answer.body, type=list[list[dict[str, Any]]])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadPayload(SOURCE, "the history is no list of states") from error
        for states in lists:
            for change in _changes(states, since):
                await feeder.feed(self._adapter.read(Message(change), Settings()))
        return feeder.tally


def _changes(states: list[dict[str, Any]], since: float) -> Iterable[Mapping[str, Any]]:
    """Each state with the one before it, as an event; the first is what stood at the beginning."""
    before: dict[str, Any] | None = None
    for state in states:
        if _changed_at(state) > since:
            data = {"entity_id": state.get("entity_id"), "old_state": before, "new_state": state}
            yield {"event_type": "state_changed", "data": data}
        before = state


def _changed_at(state: dict[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(state.get("last_changed"))).timestamp()
    except ValueError:
        return 0.0


def _own_entities(registry: object, own_ids: str) -> Iterable[str]:
    for entry in registry if isinstance(registry, list) else []:
        if isinstance(entry, dict) and str(entry.get("unique_id", "")).startswith(own_ids):
            yield str(entry.get("entity_id"))


async def _ask(socket: ClientConnection, number: int, kind: str, **more: str) -> None:
    await socket.send(msgspec.json.encode({"id": number, "type": kind, **more}).decode())


def _decoded(text: str | bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadPayload(SOURCE, "a message is no JSON object") from error
