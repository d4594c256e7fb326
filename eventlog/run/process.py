"""The one process of a door: opens the log, runs the parts, and handles the system's signals.

    SIGTERM, SIGINT   sources stop taking, appends end, views are carried on, the log is closed
    SIGHUP            the config is read again; parts whose table changed are restarted

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

import anyio.to_thread

from eventlog.errors import BadArgument, DatabaseMissing, LockTimeout
from eventlog.maintenance.seals_in_use import seals_dir
from eventlog.run import parts, recorded, systemd
from eventlog.run.author import RUN, Signed
from eventlog.run.config import Config
from eventlog.run.config_file import load
from eventlog.run.health import Board
from eventlog.run.parts import Door
from eventlog.run.supervisor import Part, Supervisor
from eventlog.storage.lock import AT_ONCE, FileLock
from eventlog.storage.paths import checked_path, run_path
from eventlog.store.event_store import EventStore

log = logging.getLogger("eventlog")

STOP_S: Final = 10.0


async def run_door(
    path: Path,
    *,
    say: Callable[[str], None] = log.info,
    sign_in_link: bool = False,
    more: Callable[[EventStore], list[Part]] = lambda _: [],
) -> None:
    """Run the door that a config describes, until SIGTERM or SIGINT.

    Args:
        path: the config.
        say: Gets a sentence on what has started, for a user who starts it by hand.
        sign_in_link: say a one-time link that signs in without a password; for the demo's log.
        more: makes parts of the caller's own over the open log.

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
            raise BadArgument(f"another `eventlog run` has the log open: {db}") from error
        keys = None if config.keys is None else Path(config.keys)
        folder = await anyio.to_thread.run_sync(seals_dir, db, keys)
        store = EventStore(config.log.db, config.log.thumbnails, writer=RUN, keys_dir=folder)
        async with store:
            door = Door(store, Board(), say=say, sign_in_link=sign_in_link)
            await _Process(path, config, door, more(store)).run()
        say("stopped")


class _Process:
    """One run, between the log's opening and its closing."""

    def __init__(self, path: Path, config: Config, door: Door, more: list[Part]) -> None:
        self._path = path
        self._config = config
        self._door = door
        self._more = more
        self._signals: asyncio.Queue[int] = asyncio.Queue()

    async def run(self) -> None:
        """Run the parts until a signal ends them."""
        told_down = await self._door.store.reader.run(recorded.parts_down)
        supervisor = Supervisor(
            Signed(self._door.store, RUN), self._door.board, told_down=told_down
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        watchdog = asyncio.create_task(_feed_watchdog())
        try:
            await self._door.open(self._config)
            await supervisor.keep([*parts.of(self._config, self._door), *self._more])
            self._door.say(f"running: {', '.join(sorted(supervisor.names))}")
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
            log.warning("the old config stays in force: %s", error)
        else:
            self._config = config
            await self._door.open(config)
            changed = await supervisor.keep([*parts.of(config, self._door), *self._more])
            self._door.say(f"read again; changed: {', '.join(sorted(changed)) or 'nothing'}")
        systemd.notify("READY=1")

    def _load_again(self) -> Config:
        config = load(self._path)
        if config.log != self._config.log:
            raise BadArgument("log: another log needs a restart")
        return config


async def _feed_watchdog() -> None:
    """Report to systemd that the loop runs, for as long as it does."""
    every_s = systemd.watchdog_s()
    while every_s is not None:
        systemd.notify("WATCHDOG=1")
        await asyncio.sleep(every_s)
