"""Home Assistant's websocket: signing in, asking, and what its answers hold.

Its API: https://developers.home-assistant.io/docs/api/websocket. Knows no facts and no config.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable, Iterator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from eventlog.errors import BadArgument, BadPayload
from eventlog.sources.live.home_assistant_history import SOURCE

Socket: TypeAlias = ClientConnection

PING_S: Final = 10.0
MESSAGE_MAX: Final = 16 * 1024 * 1024
# What a connection raises that can't be made, or that is lost.
AWAY: Final = (OSError, WebSocketException, TimeoutError)


@asynccontextmanager
async def signed_in(url: str, token: str) -> AsyncIterator[Socket]:
    """A connection that has signed in; it is closed at the end.

    Args:
        url: the address of Home Assistant's pages.
        token: a long-lived access token.

    Raises:
        BadArgument: Home Assistant refuses the token.
        BadPayload: it answers something that is not its protocol.
        OSError: or another one of AWAY: it can't be reached.
    """
    address = "ws" + url.rstrip("/").removeprefix("http") + "/api/websocket"
    async with connect(
        address, max_size=MESSAGE_MAX, ping_interval=PING_S, ping_timeout=PING_S
    ) as socket:
        await socket.recv()  # auth_required
        await socket.send(msgspec.json.encode({"type": "auth", "access_token": token}).decode())
        if decoded(await socket.recv()).get("type") != "auth_ok":
            raise BadArgument("Home Assistant refuses the token")
        yield socket


async def ask(socket: Socket, number: int, kind: str, **more: str) -> None:
    """Ask something. The numbers of a connection's questions must grow."""
    await socket.send(msgspec.json.encode({"id": number, "type": kind, **more}).decode())


def decoded(text: str | bytes) -> dict[str, Any]:
    """A message of Home Assistant. Raises BadPayload."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadPayload(SOURCE, "a message is not a JSON object") from error


def objects(found: object) -> list[dict[str, Any]]:
    """The objects of a list that an answer should hold."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def is_chosen(entity: str, wanted: Iterable[str], left_out: Container[str]) -> bool:
    """Whether an entity fits one of the patterns, and no other source reports the device."""
    if entity.partition(".")[2] in left_out:
        return False
    return any(fnmatchcase(entity, one) for one in wanted)


def own_entities(registry: object, own_ids: str) -> Iterator[str]:
    """The entities whose unique ids begin as ours do."""
    for entry in objects(registry):
        if str(entry.get("unique_id", "")).startswith(own_ids):
            yield str(entry.get("entity_id"))


def users(states: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """From the id of each user who is a person to the person's name."""
    for state in states:
        told = state.get("attributes")
        if not str(state.get("entity_id", "")).startswith("person.") or not isinstance(told, dict):
            continue
        user, name = told.get("user_id"), told.get("friendly_name")
        if isinstance(user, str) and isinstance(name, str) and name:
            yield user, name
