"""The parts that poll sources: Frigate's API, Home Assistant, Ring.

From a table of the config and the open log to what follows and what reconciles.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from eventlog.errors import BadArgument
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Author
from eventlog.run import http, recorded
from eventlog.run.author import Signed
from eventlog.run.config import Config, Frigate, HomeAssistant
from eventlog.run.error_code import error_code
from eventlog.run.health import Board
from eventlog.run.values import seconds, secret
from eventlog.sources import SOURCES
from eventlog.sources.adapter import Settings
from eventlog.sources.live.frigate_history import FrigateHistory
from eventlog.sources.live.reconcile import Ask, Reconciler
from eventlog.sources.messages import slug
from eventlog.store.event_store import EventStore

if TYPE_CHECKING:
    from eventlog.sources.live.home_assistant import HomeAssistantIn

log = logging.getLogger("eventlog")

RETRY_S: Final = 2.0


async def ask_frigate(name: str, table: Frigate, store: EventStore, board: Board) -> None:
    """Reconcile with Frigate's API forever."""
    history = FrigateHistory(
        table.api or "",
        http.get,
        adapter=SOURCES["frigate"],
        settings=Settings(
            recognition_threshold=table.recognition_threshold, people=frozenset(table.people)
        ),
        store=_signed(store, name),
        pictures=Thumbnails(store.thumbnails_dir),
    )
    reconciler = await _reconciler(
        name, "frigate:", history.ask, store, board, every=table.every, history=table.history
    )
    await reconciler.run()


async def follow_home_assistant(
    name: str,
    table: HomeAssistant,
    store: EventStore,
    board: Board,
    *,
    own_ids: str,
    left_out: frozenset[str] = frozenset(),
) -> None:
    """Follow Home Assistant's websocket and reconcile with its history forever.

    `own_ids` is the prefix of the ids that we publish; `left_out` are the ids of devices that
    another source reports.
    """
    try:
        from eventlog.sources.live.home_assistant import HomeAssistantIn  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise BadArgument(
            f"source.{name}: websockets is not installed; it is in the extra `homeassistant`"
        ) from error

    token = secret(f"source.{name}.token", table.token, table.token_file)
    live = HomeAssistantIn(
        name,
        table.url,
        token or "",
        entities=table.entities,
        adapter=SOURCES["home-assistant"],
        store=_signed(store, name),
        report=board,
        get=http.get,
        own_ids=own_ids,
        left_out=left_out,
    )
    reconciler = await _reconciler(
        name, "home-assistant:", live.ask, store, board, every=table.every, history=table.history
    )
    await together(live.run, _when_connected(live, reconciler))


def _when_connected(live: HomeAssistantIn, reconciler: Reconciler) -> Callable[[], Awaitable[None]]:
    """Reconcile while the source is there: which entities there are comes by its connection."""

    async def run() -> None:
        while True:
            await live.ready.wait()
            try:
                await reconciler.run()
            except OSError as error:  # the websocket finds out as well, and comes back
                log.info("the history of Home Assistant is out of reach: %s", error_code(error))
                await asyncio.sleep(RETRY_S)

    return run


def told_by_others(config: Config, name: str) -> frozenset[str]:
    """The ids of the devices of the doors that another source than this one reports."""
    return frozenset(
        slug(device)
        for door in config.door.values()
        for told in (door.lock, door.contact)
        for source, device in told.items()
        if source != name
    )


async def together(*parts: Callable[[], Awaitable[None]]) -> None:
    """Run functions until one of them fails, and raise its error."""
    tasks = [asyncio.ensure_future(part()) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _reconciler(
    name: str,
    key_prefix: str,
    ask: Ask,
    store: EventStore,
    board: Board,
    *,
    every: str,
    history: str,
) -> Reconciler:
    known = await store.reader.run(lambda c: recorded.known_of(c, name, key_prefix))

    def heard() -> tuple[int, int]:
        source = board.source(name)
        return source.connects, source.messages

    return Reconciler(
        name,
        ask,
        _signed(store, name),
        board,
        known,
        every_s=seconds(every),
        history_s=seconds(history),
        heard=heard,
    )


def _signed(store: EventStore, name: str) -> Signed:
    return Signed(store, Author("source", name))
