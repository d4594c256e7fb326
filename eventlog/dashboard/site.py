"""What the pages share: the open log, its readers, the accounts, the door's settings.

Made once for a running dashboard and handed to every room; decides nothing itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import anyio.to_thread
from litestar import Request
from msgspec import Struct

from eventlog.dashboard.accounts.database import Accounts
from eventlog.dashboard.accounts.sessions import LIFETIMES, Lifetimes
from eventlog.dashboard.accounts.signed_in import SignedIn
from eventlog.dashboard.accounts.visitor import Visitor
from eventlog.dashboard.cookies import cookies_of
from eventlog.dashboard.live_stream import Broadcast
from eventlog.dashboard.running import Running
from eventlog.dashboard.seen_marks import SeenMarks
from eventlog.dashboard.server.limits import Streams
from eventlog.dashboard.server.metrics import Metrics
from eventlog.dashboard.server.view_lag import Watch
from eventlog.dashboard.server.write_probe import WriteProbe
from eventlog.dashboard.spending import Spending
from eventlog.errors import DatabaseError, EventLogError
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seen_teller import SeenTeller
from eventlog.evidence.witnesses import Witness
from eventlog.journal import table as journal
from eventlog.maintenance.seals_in_use import seals_dir
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Author
from eventlog.storage.background import Background
from eventlog.store.event_store import EventStore, engine_of
from eventlog.store.reader import Reader

log: Final = logging.getLogger("eventlog")

WATCH_S: Final = 1.0
SAVED_EVERY_S: Final = 10.0
_VERSION: Final = "PRAGMA data_version"


class Settings(Struct, frozen=True, kw_only=True):
    """How a dashboard is set up.

    Args:
        hosts: names that it answers to beyond addresses, localhost and the machine's own.
        origins: Origins that may write, in addition to the address of the request.
        secure: whether browsers reach it by TLS.
        hsts_s: for how long browsers keep to https, in seconds; 0 if the public address is not
            https.
        prefix: the path that it lives under, '' if it is the root.
        behind_proxy: whether a proxy on this machine serves it.
        proxy_secret: what that proxy sends to prove itself, '' if it has none.
        keep_free_bytes: how much of the disk no picture takes; None is 500 MB or 5 %, whichever
            is smaller.
        keys_dir: the folder of keys, where this machine is a witness of other logs.
        lifetimes: how long sessions last.
    """

    db_path: Path
    thumbnails_dir: Path
    zone: ZoneInfo
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    secure: bool = False
    hsts_s: int = 0
    prefix: str = ""
    behind_proxy: bool = False
    proxy_secret: str = ""
    keep_free_bytes: int | None = None
    keys_dir: Path | None = None
    lifetimes: Lifetimes = LIFETIMES


class Site:
    """Everything that a request may need."""

    def __init__(
        self,
        settings: Settings,
        store: EventStore,
        readers: tuple[Reader, Reader],
        accounts: Accounts,
        log_id: bytes,
    ) -> None:
        self.settings = settings
        self.cookies = cookies_of(log_id, secure=settings.secure, prefix=settings.prefix)
        self.zone = settings.zone
        self.store = store
        # `pages` for what must be quick, `figures` for what may take its time: each has a thread.
        self.pages, self.figures = readers
        self.accounts = accounts
        self.signed_in = SignedIn(accounts, settings.lifetimes)
        self.spending = Spending(accounts)
        self.seen = SeenMarks(accounts)
        self.thumbnails = Thumbnails(
            settings.thumbnails_dir, keep_free_bytes=settings.keep_free_bytes
        )
        # The store's own reader is notified of appends in this process; others have to poll.
        self.broadcast = Broadcast(store.reader)
        self.streams = Streams()
        self.metrics = Metrics()
        self.watch = Watch()
        self.stream_watch = Watch()
        self.write_probe = WriteProbe(settings.db_path)
        self.accounts_watch = Background("the watch of the accounts", self._watch_accounts)
        self.saves = Background("the writing of the accounts", self._save_now_and_then)
        self.witness: Witness | None = None
        self.clock: Callable[[], float] = time.time
        self.heartbeat_s = 15.0
        # The process around the dashboard; None if it runs alone.
        self.running: Running | None = None

    async def _watch_accounts(self) -> None:
        """Look every second whether another program changed the accounts: a user or a token gone.

        Streams are asked at once whether they may continue.
        """
        version = None
        while True:
            try:
                (now,) = await self.accounts.run(lambda c: c.execute(_VERSION).fetchone())
            except DatabaseError as error:
                log.warning("the accounts can't be watched: %s", error)
            else:
                self.accounts_watch.well()
                if version is not None and now != version:
                    self.broadcast.recheck()
                version = now
            await asyncio.sleep(WATCH_S)

    async def save(self) -> None:
        """Write to the accounts file what was noted in memory, so that no page waits for a disk."""
        await self.signed_in.save()
        await self.spending.save()
        await self.seen.save()

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SAVED_EVERY_S)
            await self.save()
            self.saves.well()

    def troubles(self) -> list[str]:
        """What is wrong with the tasks that work in the background, as sentences."""
        tasks = (
            *(self.broadcast.background, self.write_probe.background, self.accounts_watch),
            self.saves,
            engine_of(self.store).follow,
            *(reader.watch for reader in (self.store.reader, self.pages, self.figures)),
        )
        return [
            one.trouble or f"{one.name} has ended" for one in tasks if one.trouble or one.is_dead
        ]

    async def wait_for_views(self, position: int, longest_s: float) -> None:
        """Return when the views have a record, or after a while, or when they can't be carried on.

        A page then shows what there is.
        """
        with suppress(TimeoutError, DatabaseError):
            async with asyncio.timeout(longest_s):
                await self.store.caught_up(position)

    @property
    def now(self) -> datetime:
        """The wall time."""
        return datetime.fromtimestamp(self.clock(), UTC)

    @property
    def now_s(self) -> int:
        """The wall time in seconds since 1970."""
        return int(self.clock())


@asynccontextmanager
async def open_desk(settings: Settings, store: EventStore | None = None) -> AsyncIterator[Site]:
    """Open the log, its readers and the accounts; a store that is given is open. DatabaseError."""
    async with AsyncExitStack() as stack:
        folder = await anyio.to_thread.run_sync(seals_dir, settings.db_path, settings.keys_dir)
        if store is None:
            store = EventStore(
                str(settings.db_path),
                str(settings.thumbnails_dir),
                writer=Author("part", "dashboard"),
                keys_dir=folder,
            )
            await stack.enter_async_context(store)
        pages, figures = [
            await stack.enter_async_context(await Reader.open(settings.db_path, keys_dir=folder))
            for _ in range(2)
        ]
        accounts = await stack.enter_async_context(await Accounts.open(settings.db_path))
        site = Site(settings, store, (pages, figures), accounts, await pages.run(journal.log_id))
        site.witness = _witness(settings, store, await pages.run(journal.log_id))
        stack.callback(site.signed_in.close)
        site.saves.start()
        stack.push_async_callback(site.save)
        stack.push_async_callback(site.saves.stop)
        await stack.enter_async_context(site.broadcast)
        await stack.enter_async_context(site.write_probe)
        site.accounts_watch.start()
        stack.push_async_callback(site.accounts_watch.stop)
        yield site


def _witness(settings: Settings, store: EventStore, log_id: bytes) -> Witness | None:
    """The witness of other logs, where `eventlog witness add` has made its key."""
    if settings.keys_dir is None:
        return None
    try:
        held = KeysDir(settings.keys_dir, log_id)
        pair = held.witness_key()
    except EventLogError as error:
        log.warning("other logs are not witnessed: %s", error)
        return None
    if pair is None:
        return None
    teller = SeenTeller(partial(store.append, writer=Author("part", "witness")))
    return Witness(held.seen, pair, on_seen=teller.tell)


def site_of(request: Request[Any, Any, Any]) -> Site:
    """The site of the app that a request came to."""
    site: Site = request.app.state.site
    return site


def visitor_of(request: Request[Any, Any, Any]) -> Visitor:
    """Who asks, as the gate has found."""
    visitor: Visitor = request.scope["state"]["visitor"]
    return visitor
