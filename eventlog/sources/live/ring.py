"""Follows Ring's cloud by python-ring-doorbell: pushes, and each device's history.

A listener can look alive while it is dead (python-ring-doorbell#526), so the history is asked all
the time, and its answer is the sign of life. Keeps no token: who makes the client does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from ring_doorbell import Auth, Ring, RingEventListener
from ring_doorbell.const import URL_DOORBELL_HISTORY

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.feed import Feeder, Tally
from eventlog.sources.keys import Store
from eventlog.sources.live.report import Report
from eventlog.sources.messages import slug

log = logging.getLogger("eventlog")

SOURCE: Final = "ring"
USER_AGENT: Final = "eventlog/1"
PAGE: Final = 50
PAGES_MAX: Final = 200
# The kinds of Ring's device lists that have a history.
_WITH_HISTORY: Final = ("doorbots", "authorized_doorbots", "stickup_cams", "other")

# A token or credentials that Ring replaced.
Updated = Callable[[dict[str, Any]], None]


def make_ring(token: dict[str, Any], updated: Updated) -> Ring:
    """A client with a token; `updated` is handed every token that takes its place."""
    return Ring(Auth(USER_AGENT, token, updated))


async def sign_in(user: str, password: str, code: str | None) -> dict[str, Any]:
    """The first token. Raises ring_doorbell.Requires2FAError where Ring asks for its code."""
    auth = Auth(USER_AGENT)
    try:
        token: dict[str, Any] = await auth.async_fetch_token(user, password, code)
        return token
    finally:
        await auth.async_close()


class _Listener(RingEventListener):
    """A listener that hands on what was pushed as it came: the adapter reads it itself."""

    on_push: Callable[[dict[str, Any]], None]

    def _on_notification(
        self,
        notification: dict[str, Any],
        persistent_id: str,
        obj: Any | None = None,  # noqa: ANN401 - the library's signature
    ) -> None:
        del obj
        self.on_push({"data": notification.get("data"), "fcmMessageId": persistent_id})


class RingIn:
    """Follows all devices of an account."""

    def __init__(
        self,
        source: str,
        ring: Ring,
        *,
        adapter: Adapter,
        store: Store,
        report: Report,
        credentials: dict[str, Any] | None,
        updated: Updated,
    ) -> None:
        """Touch nothing yet. `credentials` are those of the pushes, `updated` takes newer ones."""
        self._source = source
        self._ring = ring
        self._adapter = adapter
        self._store = store
        self._report = report
        self._credentials = credentials
        self._updated = updated
        self._pushed: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._feeder = Feeder(store)

    # ── pushes ─────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Listen forever. Raises what the listener raises at its start, and DatabaseError."""
        listener = _Listener(self._ring, self._credentials, self._updated)
        listener.on_push = self._pushed.put_nowait
        if not await listener.start():
            log.warning("Ring's pushes can't be listened to; its history is asked alone")
        try:
            while True:
                await self.take(await self._pushed.get())
        finally:
            await listener.stop()

    async def take(self, push: dict[str, Any]) -> None:
        """Feed one push. Raises DatabaseError."""
        self._feeder.tally = Tally()
        message = Message(push, received_at=datetime.now(UTC), live=True)
        await self._feeder.feed(self._adapter.read(message, Settings()))
        self._report.taken(self._source, self._feeder.tally)

    # ── histories ──────────────────────────────────────────────────────────────────────────

    async def ask(self, since: float) -> Tally:
        """Feed what every device's history has since a moment.

        Raises:
            BadPayload: a history is not a list; ring_doorbell.RingError; DatabaseError.
        """
        try:
            await self._ring.async_update_devices()
            feeder = Feeder(self._store)
            for kind in _WITH_HISTORY:
                for device in dict(self._ring.devices_data.get(kind) or {}).values():
                    await self._device(feeder, device, since)
        except BaseException:
            self._report.connected(self._source, up=False)
            raise
        self._report.connected(self._source, up=True)
        self._report.sign(self._source)
        return feeder.tally

    async def _device(self, feeder: Feeder, device: dict[str, Any], since: float) -> None:
        camera = slug(device.get("description")) or Settings().camera_id
        settings = Settings(camera_id=camera)
        found: list[dict[str, Any]] = []
        older_than: object = None
        for _ in range(PAGES_MAX):
            query: dict[str, Any] = {"limit": PAGE}
            if older_than is not None:
                query["older_than"] = older_than
            answer = await self._ring.async_query(
                URL_DOORBELL_HISTORY.format(device.get("id")), extra_params=query
            )
            page = _list(answer.content)
            new = [one for one in page if _at(one) > since]
            found += new
            if len(page) < PAGE or len(new) < len(page):
                break
            older_than = page[-1].get("id")
        for element in reversed(found):
            await feeder.feed(self._adapter.read(Message(element), settings))


def _list(content: bytes) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(content, type=list[dict[str, Any]])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(SOURCE, "the history is not a list") from error


def _at(element: dict[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(element.get("created_at"))).timestamp()
    except ValueError:
        return 0.0
