"""A Home Assistant of the test's own: websocket, history and logbook. Support code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection
from websockets.http11 import Request, Response

from eventlog.reactors.alerts.channels import Answer

T0 = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
OWN = "eventlog_0123abcd_"


def state(entity: str, value: str, second: int) -> dict[str, Any]:
    """A state of the day of T0, as Home Assistant has it."""
    attributes = {"device_class": "lock"} if entity.startswith("binary_sensor") else {}
    at = T0 + timedelta(seconds=second, microseconds=123456)
    return state_at(entity, value, at.isoformat(), attributes)


def state_at(entity: str, value: str, at: str, attributes: Mapping[str, str]) -> dict[str, Any]:
    """A state since a moment."""
    return {
        "entity_id": entity,
        "state": value,
        "attributes": attributes,
        "last_changed": at,
        "last_updated": at,
    }


class Assistant:
    """A Home Assistant: changes are pushed to those who are connected, and kept in its history."""

    def __init__(self) -> None:
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.sockets: set[ServerConnection] = set()
        self.registry = [{"entity_id": "binary_sensor.own_lock", "unique_id": f"{OWN}front_bolt"}]
        self.devices: list[dict[str, Any]] = []
        self.logbook: list[dict[str, Any]] | None = None
        self.listeners: set[ServerConnection] = set()
        self.token = "right"  # noqa: S105 - a test's token
        self.server: Server | None = None

    async def handle(self, socket: ServerConnection) -> None:
        """One connection."""
        await socket.send(json.dumps({"type": "auth_required"}))
        answer = json.loads(await socket.recv())
        if answer["access_token"] != self.token:
            await socket.send(json.dumps({"type": "auth_invalid"}))
            return
        await socket.send(json.dumps({"type": "auth_ok"}))
        newest = 0
        async for text in socket:
            asked = json.loads(text)
            assert asked["id"] > newest, "the numbers of questions grow"
            newest = asked["id"]
            result: Any = None
            if asked["type"] == "config/entity_registry/list":
                result = self.registry
            elif asked["type"] == "config/device_registry/list":
                result = self.devices
            elif asked["type"] == "get_states":
                result = [one[-1] for one in self.history.values()]
            elif asked["event_type"] == "state_changed":
                self.sockets.add(socket)
            else:
                self.listeners.add(socket)
            await socket.send(json.dumps({"id": asked["id"], "type": "result", "result": result}))

    async def register(self, entity: str, unique_id: str) -> None:
        """An integration brings a new entity."""
        self.registry.append({"entity_id": entity, "unique_id": unique_id})
        data = {"action": "create", "entity_id": entity}
        event = {"event_type": "entity_registry_updated", "data": data}
        for socket in self.listeners:
            await socket.send(json.dumps({"id": 1, "type": "event", "event": event}))

    async def change(
        self, entity: str, value: str, second: int, *, user: str | None = None
    ) -> None:
        """An entity changes; its history does not say for whom."""
        states = self.history.setdefault(entity, [])
        before = states[-1] if states else None
        states.append(state(entity, value, second))
        pushed = {**states[-1], "context": {"id": "c", "user_id": user}}
        data = {"entity_id": entity, "old_state": before, "new_state": pushed}
        event = {"type": "event", "event": {"event_type": "state_changed", "data": data}}
        for socket in self.sockets:
            with suppress(OSError):
                await socket.send(json.dumps(event))

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Its pages over HTTP: the history and the logbook; None for the websocket."""
        if request.path == "/api/websocket":
            return None
        found = await self.get(request.path, {"authorization": request.headers["authorization"]})
        return connection.respond(HTTPStatus(found.status), found.body.decode())

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Answer its history, and its logbook where it has one."""
        assert headers["authorization"] == f"Bearer {self.token}"
        if "/api/logbook/" in url:
            if self.logbook is None:
                return Answer(404, b"404: Not Found")
            return Answer(200, json.dumps(self.logbook).encode())
        return Answer(200, json.dumps(list(self.history.values())).encode())
