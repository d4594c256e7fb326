"""The part that deletes pictures by the config's rule: each night, and when they take too much.

Every hour it looks at the space that pictures take; at 95 % of the limit the oldest go, so that the
limit is not passed. At 03:30 by the door's clock the whole rule is applied. It works in steps that
hold no lock for long, and every deletion is a fact first; see `maintenance/retention.py`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import anyio.to_thread
from msgspec.structs import replace

from eventlog.errors import BadArgument, KeysMissing
from eventlog.journal import clock
from eventlog.maintenance import retention
from eventlog.maintenance.forgetting.forget import forget_unseen
from eventlog.maintenance.retention import Look, Store
from eventlog.maintenance.retention_rule import Rule
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Author
from eventlog.run.author import Signed
from eventlog.run.config import Config
from eventlog.storage.error_translation import translated
from eventlog.storage.read_only import opened
from eventlog.store.event_store import EventStore

log = logging.getLogger("eventlog")

AT: Final = time(3, 30)
LOOK_S: Final = 3600.0
NEARLY_FULL: Final = 0.95


RETAIN: Final = Author("part", "retain")


async def run(config: Config, store: EventStore) -> None:
    """Apply the config's rule until it is cancelled."""
    rule = None if config.retain is None else config.retain.rule()
    unseen_us = None if config.retain is None else config.retain.unseen_us()
    await Retention(
        Path(store.db_path),
        Signed(store, RETAIN),
        Thumbnails(store.thumbnails_dir),
        Rule() if rule is None else rule,
        ZoneInfo(config.zone),
        forget=None if unseen_us is None else partial(_forget, store, unseen_us),
    ).run()


async def _forget(store: EventStore, unseen_us: int) -> None:
    """Forget who was not recorded for so long."""
    try:
        count = await forget_unseen(
            store, Thumbnails(store.thumbnails_dir), clock.now_us() - unseen_us
        )
    except KeysMissing as error:
        log.warning("retain.unseen: %s", error)
        return
    if count:
        log.info("%d persons who were not seen for long were forgotten", count)


class Retention:
    """Applies a rule for as long as it runs."""

    def __init__(
        self,
        db_path: Path,
        store: Store,
        thumbnails: Thumbnails,
        rule: Rule,
        zone: ZoneInfo,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        forget: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Delete nothing yet.

        Args:
            db_path: The log.
            store: Appends the facts.
            thumbnails: The folder.
            rule: What is deleted.
            zone: The door's zone, in which it is 03:30.
            now: The wall time.
            sleep: Waits for so many seconds.
            forget: Forgets persons who were not seen for long, each night. None: nobody.
        """
        self._db_path = db_path
        self._store = store
        self._thumbnails = thumbnails
        self._rule = rule
        self._zone = zone
        self._now = now
        self._sleep = sleep
        self._forget = forget

    async def run(self) -> None:
        """Apply the rule until it is cancelled. A clock that is in doubt deletes nothing."""
        last = self._now()
        await self._apply_if_full()
        while True:
            await self._sleep(LOOK_S)
            now = self._now()
            if self._is_due(last, now):
                await self.apply(self._rule)
                if self._forget is not None and not await self._doubts():
                    await self._forget()
            else:
                await self._apply_if_full()
            last = now

    def _is_due(self, last: datetime, now: datetime) -> bool:
        """Whether 03:30 was between two checks. A clock that was set back is not due twice."""
        local = now.astimezone(self._zone)
        due = datetime.combine(local.date(), AT, tzinfo=self._zone)
        if due > local:
            due -= timedelta(days=1)
        return last < due <= now

    async def _apply_if_full(self) -> None:
        """Make room where pictures nearly take what they may."""
        allowed = self._rule.bytes_max
        if allowed is not None:
            await self.apply(Rule(bytes_max=int(allowed * NEARLY_FULL)))

    async def apply(self, rule: Rule) -> int:
        """Delete what a rule chooses now; how many pictures went."""
        rule = replace(rule, keep_unlocks_us=self._rule.keep_unlocks_us)
        try:
            found = await anyio.to_thread.run_sync(self._look, rule)
        except BadArgument as error:
            log.warning("no picture is deleted: %s", error)
            return 0
        await retention.expire(self._store, self._thumbnails, found.known, found.chosen)
        if found.chosen:
            log.info("%d pictures were deleted by the rule of the config", len(found.chosen))
        return len(found.chosen)

    async def _doubts(self) -> bool:
        """Whether ages can't be told now; it was said already."""
        try:
            await anyio.to_thread.run_sync(self._look, Rule())
        except BadArgument:
            return True
        return False

    def _look(self, rule: Rule) -> Look:
        with opened(self._db_path) as log_, translated(self._db_path):
            connection: sqlite3.Connection = log_.connection
            return retention.look(connection, rule, self._thumbnails)
