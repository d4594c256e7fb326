"""Rebuilds views in separate tables, and swaps them with the live ones.

The new tables are filled in short transactions with pauses between them, so that appends go on.
Readers see the old content until one transaction exchanges it. Then the old content is deleted in
short steps. A replay that dies leaves the live views unchanged, and the next one starts again.
Knows the views only by schema and prefix.

The new tables have their indexes from the start, because building an index later would hold the
lock for as long as that takes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Final, TypeVar

import anyio
from msgspec import Struct

from eventlog.errors import BadArgument, LockTimeout, ReplayRunning
from eventlog.followers import checkpoints, fold, view_tables
from eventlog.followers.opening import Opening
from eventlog.followers.swap import NEW, OLD, swap_tables, take_off_further
from eventlog.journal import table as journal
from eventlog.journal.progress import Progress
from eventlog.projections import VIEWS, by_name
from eventlog.projections.projection import Projection, Statement
from eventlog.storage.authorizer import schema_opened
from eventlog.storage.connections import transaction
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import replay_path
from eventlog.storage.shield import shielded
from eventlog.storage.writer import Writer

T = TypeVar("T")

# A step holds the lock for about this long; a step that took longer makes the next one smaller.
STEP_S: Final = 0.02
STEP_RECORDS_MIN: Final = 50
STEP_RECORDS_MAX: Final = 5_000
# A pause for other writers, which look for the lock more often than this.
ROOM_S: Final = 0.002
# The swap itself applies the last records. It begins when so few are left, or no more than one
# step takes: a busy writer adds as many in the meantime.
TAIL_RECORDS: Final = 200


class Replayed(Struct, frozen=True):
    """What a replay did.

    Args:
        views: The views that were rebuilt.
        position: The last position that they have applied.
        parked: Under each view's name, how many records it could not apply.
    """

    views: tuple[str, ...]
    position: int
    parked: dict[str, int]


def family(names: Iterable[str] | None) -> list[Projection]:
    """Find the views to rebuild together.

    Args:
        names: Names of views; None is all.

    Returns:
        The named views and those that their tables reference, parents first.

    Raises:
        BadArgument: A name is not that of a view.
    """
    wanted: set[str] = set()
    named: Iterable[object] = by_name if names is None else names  # callers' lists hold anything
    for name in named:
        if not isinstance(name, str):
            raise BadArgument(f"a view is named by a word, not by a {type(name).__name__}")
        if name not in by_name:
            raise BadArgument(f"there is no view {name[:60]!r}; there are {', '.join(by_name)}")
        wanted.add(name)
    for view in reversed(VIEWS):
        if view.name in wanted:
            wanted.update(view.parents)
    return [view for view in VIEWS if view.name in wanted]


class Replay:
    """One rebuild of some views, step by step inside the writer's lock."""

    def __init__(
        self, writer: Writer, views: Sequence[Projection], opening: Opening | None = None
    ) -> None:
        self._writer = writer
        self._opening = Opening() if opening is None else opening
        self._views = views
        self._position = 0
        self._parked: dict[str, list[tuple[int, str]]] = {view.name: [] for view in views}

    async def run(self, progress: Progress | None = None) -> Replayed:
        """Rebuild the views, swap them, and delete the old content.

        Args:
            progress: Called with the position reached and the journal's end; None for no calls.

        Returns:
            What was rebuilt, and how far.

        Raises:
            ReplayRunning: Another replay of this log is running.
            KeysMissing: A sealed name can't be opened; the live views stay as they were.
            DatabaseError: The live views stay as they were.
        """
        async with self._lease():
            await self._clear_away()
            await self._run(self._create)
            await self._catch_up(progress)
            await self._run(self._swap)
            await self._clear_away()
        counts = {name: len(parked) for name, parked in self._parked.items() if parked}
        return Replayed(tuple(view.name for view in self._views), self._position, counts)

    async def clear(self) -> None:
        """Drop what a replay that died has left. Raises ReplayRunning, DatabaseError."""
        async with self._lease():
            await self._clear_away()

    @asynccontextmanager
    async def _lease(self) -> AsyncIterator[None]:
        lease = FileLock(replay_path(self._writer.path), timeout_s=0)
        try:
            try:
                lease.acquire()
            except LockTimeout as error:
                raise ReplayRunning from error
            yield
        finally:
            lease.close()

    async def _run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        # A cancelled replay must keep its lease while one of its steps is still queued.
        return await shielded(self._writer.run(function))

    async def _catch_up(self, progress: Progress | None) -> None:
        records = STEP_RECORDS_MIN
        while True:
            # Reading, decoding and folding need no lock; only the statements do.
            after, limit = self._position, records
            end, ready = await self._writer.worker.run(partial(self._fold, after, limit))
            if end - after <= max(TAIL_RECORDS, records) or ready is None:
                return
            took_s = await self._run(partial(self._apply, *ready))
            records = _fitting(limit, took_s)
            if progress is not None:
                progress(self._position, end)
            # Let waiting writers in before the WAL checkpoint that this step may have made due.
            await anyio.sleep(ROOM_S)
            self._writer.look_soon()

    # ── on the writer's thread ─────────────────────────────────────────────────────────────

    def _fold(
        self, after: int, limit: int, connection: sqlite3.Connection
    ) -> tuple[int, tuple[fold.Batch, _Ready] | None]:
        end = journal.last_position(connection)
        batch = fold.read(connection, after, limit, self._opening)
        if batch is None:
            return end, None
        ready = {view.name: fold.statements(view, batch, after) for view in self._views}
        return end, (batch, ready)

    def _create(self, connection: sqlite3.Connection) -> None:
        self._writer.set_durable(connection, durable=False)
        with transaction(connection):
            for view in self._views:
                view_tables.create_tables(connection, view, NEW)

    def _apply(self, batch: fold.Batch, ready: _Ready, connection: sqlite3.Connection) -> float:
        started = time.perf_counter()
        self._writer.set_durable(connection, durable=False)
        with transaction(connection):
            self._fill(connection, batch, ready)
        return time.perf_counter() - started

    def _fill(self, connection: sqlite3.Connection, batch: fold.Batch, ready: _Ready) -> None:
        views = dict.fromkeys(self._views, self._position)
        for name, parked in fold.apply(connection, views, batch, prefix=NEW, ready=ready).items():
            self._parked[name] += parked
        self._position = batch.last

    def _swap(self, connection: sqlite3.Connection) -> None:
        self._writer.set_durable(connection, durable=True)
        # The tail needs foreign keys, the swap must not have them, and they can't be changed inside
        # a transaction: two of them, and the writer's lock around both.
        with transaction(connection):
            self._finish(connection)
        with schema_opened(connection), _dropping_alone(connection):
            try:
                with transaction(connection):
                    further = take_off_further(connection, self._views)
                    swap_tables(connection, self._views)
                    for view in self._views:
                        checkpoints.reset(connection, view.name, view.version, self._position)
                        checkpoints.park(connection, view.name, self._parked[view.name])
            finally:
                # Read the schema again: this connection may have cached the old one.
                connection.execute("PRAGMA writable_schema = RESET")
            for sql in further:
                connection.execute(sql)

    def _finish(self, connection: sqlite3.Connection) -> None:
        while batch := fold.read(connection, self._position, STEP_RECORDS_MAX, self._opening):
            self._fill(connection, batch, {})

    # ── clean-up ──────────────────────────────────────────────────────────────────────────

    async def _clear_away(self) -> None:
        """Drop the tables that a replay has left, also those of one that died."""
        rows = STEP_RECORDS_MIN
        while rows := await self._run(partial(_clear_some, rows)):
            self._writer.look_soon()
            await anyio.sleep(ROOM_S)


_Ready = dict[str, list[Statement] | None]


def _fitting(count: int, took_s: float) -> int:
    """How much to do in the next step, after one that did so much in that time."""
    fitting = int(count * STEP_S / max(took_s, 1e-6))
    return max(STEP_RECORDS_MIN, min(fitting, count * 2, STEP_RECORDS_MAX))


def _clear_some(rows: int, connection: sqlite3.Connection) -> int:
    """Empty and drop what a replay has left, for STEP_S. How many rows to delete next, or 0.

    Small tables go together: each step is a transaction, and costs a sync.
    """
    left = _left(connection)
    if not left:
        return 0
    ends = time.perf_counter() + STEP_S
    with _dropping_alone(connection), transaction(connection):
        for table in left:
            started = time.perf_counter()
            gone = connection.execute(_DELETE_SOME.format(table=table), (rows,)).rowcount
            if gone == rows:
                return _fitting(rows, time.perf_counter() - started)
            connection.execute(f"DROP TABLE {table}")
            rows = STEP_RECORDS_MIN
            if time.perf_counter() > ends:
                return rows
    return 0


def _left(connection: sqlite3.Connection) -> list[str]:
    """The tables that a replay has left, children before the parents that they reference."""
    there = {name for (name,) in connection.execute(_TABLES)}
    tables = [table for view in reversed(VIEWS) for table in reversed(view.tables)]
    return [prefix + table for prefix in (NEW, OLD) for table in tables if prefix + table in there]


@contextmanager
def _dropping_alone(connection: sqlite3.Connection) -> Iterator[None]:
    """Around a transaction: tables may go without a trace in others.

    With foreign keys on, dropping a parent deletes from its children first; those of a view that
    is swapped stay and belong to its new table.
    """
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table'"
_DELETE_SOME: Final = "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)"
