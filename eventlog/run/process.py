"""The one process of a door: opens the log, runs the parts, and answers the system's signals.

    SIGTERM, SIGINT   sources stop taking, appends end, views are carried on, the log is closed
    SIGHUP            the config is read again; parts whose table changed are started anew

One process owns a log's running door: a second one is refused. Does not know what the parts do.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from eventlog.errors import BadArgument, DatabaseMissing, LockTimeout
from eventlog.run import parts, recorded, systemd
from eventlog.run.author import RUN, Signed
from eventlog.run.config import Config, load
from eventlog.run.health import Board
from eventlog.run.parts import Door
from eventlog.run.supervisor import Supervisor
from eventlog.storage.lock import AT_ONCE, FileLock
from eventlog.storage.paths import checked_path, run_path
from eventlog.store.event_store import EventStore

log = logging.getLogger("eventlog")

STOP_S: Final = 10.0


async def run_door(path: Path, *, say: Callable[[str], None] = log.info) -> None:
    """Run the door that a config describes, until SIGTERM or SIGINT.

    Args:
        path: the config.
        say: is told in a sentence what has started, for whom runs it by hand.

    Raises:
        BadArgument: the config can't be, or another process runs this log's door;
        DatabaseMissing where the log must exist; DatabaseError.
    """
    config = load(path)
    db = checked_path(config.log.db)
    if config.log.must_exist and not db.exists():
        raise DatabaseMissing(f"there is no log {db}, and log.must_exist says that there is one")
    with closing(FileLock(run_path(db))) as lock:
        try:
            lock.acquire(since=AT_ONCE)
        except LockTimeout as error:
            raise BadArgument(f"another `eventlog run` is at work on {db}") from error
        store = EventStore(config.log.db, config.log.thumbnails, writer=RUN)
        async with store:
            await _Process(path, config, store, say).run()
        say("stopped")


class _Process:
    """One run, between the log's opening and its closing."""

    def __init__(
        self, path: Path, config: Config, store: EventStore, say: Callable[[str], None]
    ) -> None:
        self._path = path
        self._config = config
        self._say = say
        self._board = Board()
        self._door = Door(store, self._board)
        self._store = store
        self._signals: asyncio.Queue[int] = asyncio.Queue()

    async def run(self) -> None:
        """Run the parts until a signal ends them."""
        told_down = await self._store.reader.run(recorded.parts_down)
        supervisor = Supervisor(Signed(self._store, RUN), self._board, told_down=told_down)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        watchdog = asyncio.create_task(_feed_watchdog())
        try:
            await self._door.open(self._config)
            await supervisor.keep(parts.of(self._config, self._door))
            self._say(f"running: {', '.join(sorted(supervisor.names))}")
            systemd.notify("READY=1", f"STATUS=running {len(supervisor.names)} parts")
            while await self._signals.get() == signal.SIGHUP:
                await self._reload(supervisor)
        finally:
            systemd.notify("STOPPING=1")
            await supervisor.stop()
            watchdog.cancel()
            await asyncio.wait([watchdog])
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    async def _reload(self, supervisor: Supervisor) -> None:
        """Read the config again. A config that can't be leaves everything as it is."""
        systemd.reloading()
        try:
            config = self._load_again()
        except BadArgument as error:
            log.warning("the config stays as it was: %s", error)
        else:
            self._config = config
            await self._door.open(config)
            changed = await supervisor.keep(parts.of(config, self._door))
            self._say(f"read again; changed: {', '.join(sorted(changed)) or 'nothing'}")
        systemd.notify("READY=1")

    def _load_again(self) -> Config:
        config = load(self._path)
        if config.log != self._config.log:
            raise BadArgument("log: another log needs a restart")
        return config


async def _feed_watchdog() -> None:
    """Tell systemd that the loop turns, for as long as it does."""
    every_s = systemd.watchdog_s()
    while every_s is not None:
        systemd.notify("WATCHDOG=1")
        await asyncio.sleep(every_s)
