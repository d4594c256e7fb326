"""What the pages share: the open log, its readers, the accounts, the door's settings.

Made once for a running dashboard and handed to every room; decides nothing itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request
from msgspec import Struct

from eventlog.dashboard.accounts.database import Accounts
from eventlog.dashboard.accounts.visitor import Visitor
from eventlog.dashboard.live_stream import Broadcast
from eventlog.dashboard.server.limits import Streams
from eventlog.dashboard.server.metrics import Metrics
from eventlog.dashboard.server.view_lag import Watch
from eventlog.dashboard.server.write_probe import WriteProbe
from eventlog.errors import DatabaseError
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Author
from eventlog.store.event_store import EventStore
from eventlog.store.reader import Reader


class Settings(Struct, frozen=True, kw_only=True):
    """How a dashboard is set up.

    `hosts` are names that it answers to beyond addresses, localhost and the machine's own;
    `secure` says that browsers reach it by TLS.
    """

    db_path: Path
    thumbnails_dir: Path
    zone: ZoneInfo
    hosts: frozenset[str] = frozenset()
    secure: bool = False


class Site:
    """Everything that a request may need."""

    def __init__(
        self,
        settings: Settings,
        store: EventStore,
        pages: Reader,
        figures: Reader,
        accounts: Accounts,
    ) -> None:
        self.settings = settings
        self.zone = settings.zone
        self.store = store
        self.pages = pages  # for what must be quick
        self.figures = figures  # for what may take its time: a connection and a thread apart
        self.accounts = accounts
        self.thumbnails = Thumbnails(settings.thumbnails_dir)
        # The store's own reader is told of appends here at once; others have to look for them.
        self.broadcast = Broadcast(store.reader)
        self.streams = Streams()
        self.metrics = Metrics()
        self.watch = Watch()
        self.write_probe = WriteProbe(settings.db_path)
        self.clock: Callable[[], float] = time.time
        self.heartbeat_s = 15.0

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
async def open_desk(settings: Settings) -> AsyncIterator[Site]:
    """Open the log, its readers and the accounts. Raises DatabaseError."""
    async with AsyncExitStack() as stack:
        store = EventStore(
            str(settings.db_path), str(settings.thumbnails_dir), writer=Author("part", "dashboard")
        )
        await stack.enter_async_context(store)
        pages = await stack.enter_async_context(await Reader.open(settings.db_path))
        figures = await stack.enter_async_context(await Reader.open(settings.db_path))
        accounts = await stack.enter_async_context(await Accounts.open(settings.db_path))
        site = Site(settings, store, pages, figures, accounts)
        await stack.enter_async_context(site.broadcast)
        await stack.enter_async_context(site.write_probe)
        yield site


def site_of(request: Request[Any, Any, Any]) -> Site:
    """The site of the app that a request came to."""
    site: Site = request.app.state.site
    return site


def visitor_of(request: Request[Any, Any, Any]) -> Visitor:
    """Who asks, as the gate has found."""
    visitor: Visitor = request.scope["state"]["visitor"]
    return visitor
