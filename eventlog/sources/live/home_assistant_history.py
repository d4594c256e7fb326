"""Reads Home Assistant's recorder and logbook: changes of states, and who asked for them.

The recorder's history has each change with the same time as the websocket, so both make the same
keys. It does not say who asked for a change; the logbook does. Where there is no logbook, changes
come without their user.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from eventlog.errors import BadPayload
from eventlog.sources.live.frigate_history import Get

log = logging.getLogger("eventlog")

SOURCE: Final = "home-assistant"
FOUND: Final = 200

Rows = list[dict[str, Any]]


class HomeAssistantHistory:
    """Asks Home Assistant's API. `token` is a long-lived access token."""

    def __init__(self, url: str, token: str, get: Get) -> None:
        self._url = url
        self._headers = {"authorization": f"Bearer {token}"}
        self._get = get

    async def changes(self, entities: Sequence[str], since: float) -> list[dict[str, Any]]:
        """Every change of these entities since a moment, as events, each with its user.

        Args:
            entities: the ids of the entities.
            since: the moment, in unix seconds.

        Raises:
            BadPayload: Home Assistant answers something else; OSError.
        """
        start = quote(datetime.fromtimestamp(since, UTC).isoformat())
        end = datetime.now(UTC).isoformat()
        query = {"filter_entity_id": ",".join(entities), "end_time": end}
        more = urlencode({**query, "significant_changes_only": "0"})
        lists = await self._ask(f"/api/history/period/{start}?{more}", list[Rows])
        found = [change for states in lists for change in _changes(states, since)]
        locks = sorted({one for one in map(_entity, found) if one.startswith("lock.")})
        if locks:
            users = await self._users(locks, start, end)
            for change in found:
                _name_user(change, users)
        return found

    async def _users(
        self, locks: Sequence[str], start: str, end: str
    ) -> Mapping[tuple[str, str], str]:
        """From a lock and the time of its change to the user who asked for it."""
        query = urlencode({"entity": ",".join(locks), "end_time": end})
        try:
            rows = await self._ask(f"/api/logbook/{start}?{query}", Rows)
        except BadPayload as error:
            log.info("who turned a lock is not known: %s", error)
            return {}
        return {
            (str(row.get("entity_id")), _instant(row.get("when"))): user
            for row in rows
            if isinstance(user := row.get("context_user_id"), str)
        }

    async def _ask(self, path: str, shape: Any) -> Any:  # noqa: ANN401 - what the shape says
        what = path.split("/")[2]
        answer = await self._get(f"{self._url}{path}", self._headers)
        if answer.status != FOUND:
            raise BadPayload(SOURCE, f"its {what} answers {answer.status}")
        try:
            return msgspec.json.decode(answer.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadPayload(SOURCE, f"its {what} answers something else") from error


def _changes(states: Rows, since: float) -> Iterable[dict[str, Any]]:
    """Each state with the one before it, as an event; the first is the state at the beginning."""
    before: dict[str, Any] | None = None
    for state in states:
        if _seconds(state.get("last_changed")) > since:
            data = {"entity_id": state.get("entity_id"), "old_state": before, "new_state": state}
            yield {"event_type": "state_changed", "data": data}
        before = state


def _entity(change: dict[str, Any]) -> str:
    return str(change["data"]["entity_id"])


def _name_user(change: dict[str, Any], users: Mapping[tuple[str, str], str]) -> None:
    state = change["data"]["new_state"]
    user = users.get((_entity(change), _instant(state.get("last_changed"))))
    if user is not None:
        state["context"] = {"user_id": user}


def _instant(time: object) -> str:
    """A time in one spelling; "" for what is not one."""
    try:
        return datetime.fromisoformat(str(time)).astimezone(UTC).isoformat()
    except ValueError:
        return ""


def _seconds(time: object) -> float:
    spelled = _instant(time)
    return datetime.fromisoformat(spelled).timestamp() if spelled else 0.0
