"""What an append and a read cost, counted and not timed: statements, hops, bytes, memory.

Timings are the benchmark's; these figures are the same on every machine.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eventlog import Box, Detection, EventStore, FaceResult, Motion, UnlockAction
from eventlog.facts import Fact
from eventlog.followers.replay import Replay, family
from eventlog.maintenance import archive
from eventlog.storage import wal_file as wal
from eventlog.storage.connection_thread import ConnectionThread
from eventlog.storage.paths import wal_path
from eventlog.storage.writer import Writer
from eventlog.store.engine import Engine
from eventlog.store.read_connection import DATA_VERSION
from tests.support.logs import build_log

pytestmark = pytest.mark.anyio

T0 = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
MB = 1_000_000


def five_facts(number: int = 0) -> list[Fact]:
    """A visit with its fields filled as a pipeline fills them."""
    at = T0 + timedelta(minutes=number)
    box = Box(x1=10.0, y1=20.0, x2=310.0, y2=220.0)
    seen = [
        Detection(label=label, confidence=0.9134, box=box, model="yolov8n.pt", recorded_at=at)
        for label in ("person", "dog")
    ]
    return [
        Motion(camera_id="front_door", recorded_at=at, recording_id="7300000000000000000"),
        *seen,
        FaceResult(
            name="anna",
            distance=0.412345,
            tolerance=0.5,
            confidence=0.587655,
            box=box,
            model="face_recognition 1.3.0",
            recorded_at=at,
        ),
        UnlockAction(
            granted=True,
            door_action="unlocked",
            person="anna",
            confidence=0.587655,
            distance=0.412345,
            rule="distance within tolerance",
            actor="face",
            door_id="front_door",
            recorded_at=at,
        ),
    ]


@asynccontextmanager
async def quiet_store(path: Path) -> AsyncIterator[tuple[EventStore, Engine]]:
    """A store that does only what the test asks: nothing follows, nothing watches."""
    async with EventStore(str(path), str(path.parent / "thumbnails")) as store:
        engine = store._engine
        await engine.follow.stop()
        await engine.reader.watch.stop()
        await engine.reader.run(lambda _: None)  # a last look of the watch may still be queued
        yield store, engine


@contextmanager
def traced(connection: sqlite3.Connection) -> Iterator[list[str]]:
    """The statements that a connection runs, each once: a trigger reports its statement again."""
    statements: list[str] = []

    def told(sql: str) -> None:
        if sql not in statements[-1:]:
            statements.append(sql)

    connection.set_trace_callback(told)
    yield statements
    connection.set_trace_callback(None)


class Hops:
    """Counts the ways to a thread and back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for name in ("run", "post"):
            self._count(monkeypatch, ConnectionThread, name)

    def _count(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        original = getattr(owner, name)

        def counted(*arguments: Any) -> Any:
            self.count += 1
            return original(*arguments)

        monkeypatch.setattr(owner, name, counted)


# ── statements ─────────────────────────────────────────────────────────────────────────────


async def test_an_append_is_one_statement(tmp_path: Path) -> None:
    """All facts go in by one INSERT that commits by itself; nothing is read before it."""
    async with quiet_store(tmp_path / "events.db") as (store, engine):
        await store.append(*five_facts())
        with traced(engine.writer.worker.connection) as statements:
            await store.append(*five_facts(1))

    written = [sql for sql in statements if not sql.startswith("PRAGMA data_version")]
    assert len(written) == 1
    assert written[0].startswith("INSERT INTO journal")


async def test_appends_that_wait_together_share_one_transaction(tmp_path: Path) -> None:
    """64 appends at once are one BEGIN, one COMMIT and a statement for each 64 rows."""
    async with quiet_store(tmp_path / "events.db") as (store, engine):
        await store.append(*five_facts())
        with traced(engine.writer.worker.connection) as statements:
            receipts = await asyncio.gather(
                *(store.append(*five_facts(number)) for number in range(64))
            )

    written = [sql.split()[0] for sql in statements if not sql.startswith("PRAGMA data_version")]
    assert len({receipt.event_id for receipt in receipts}) == 64
    assert written == ["BEGIN", *["INSERT"] * 5, "COMMIT"]


async def test_the_durability_of_the_connection_changes_only_when_it_must(tmp_path: Path) -> None:
    """Appends of one durability in a row switch nothing; another one switches once."""
    relaxed = [fact for fact in five_facts() if not isinstance(fact, UnlockAction)]
    async with quiet_store(tmp_path / "events.db") as (store, engine):
        await store.append(*five_facts())
        with traced(engine.writer.worker.connection) as statements:
            for durability in ("durable", "durable", "relaxed", "relaxed", "durable"):
                await store.append(*relaxed, durability=durability)

    switches = [sql for sql in statements if sql.startswith("PRAGMA synchronous")]
    assert switches == ["PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL"]


@pytest.mark.parametrize("events", [1, 50])
async def test_a_list_with_detections_is_one_statement(tmp_path: Path, events: int) -> None:
    """However many events a page has, their detections come along."""
    path = build_log(tmp_path / "events.db", events)
    async with quiet_store(path) as (store, engine):
        with traced(engine.reader._worker.connection) as statements:
            page = await store.reader.events(limit=50)

    assert len(page) == events
    # The watch for commits of others looks at the same connection now and then.
    assert len([sql for sql in statements if sql != DATA_VERSION]) == 1


# ── hops ───────────────────────────────────────────────────────────────────────────────────


async def test_an_append_is_one_hop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A durable append goes to the writer's thread once, and so do 64 at a time."""
    async with quiet_store(tmp_path / "events.db") as (store, _):
        await store.append(*five_facts())
        hops = Hops(monkeypatch)
        await store.append(*five_facts(1))
        alone = hops.count
        await asyncio.gather(*(store.append(*five_facts(number)) for number in range(64)))
        together = hops.count - alone

    assert (alone, together) == (1, 1)


async def test_a_read_is_one_hop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event, or a page of them, is fetched by one function on the reader's thread."""
    path = build_log(tmp_path / "events.db", 50)
    async with quiet_store(path) as (store, _):
        hops = Hops(monkeypatch)
        assert await store.reader.get_event(7) is not None
        one = hops.count
        assert len(await store.reader.events(limit=20)) == 20
        page = hops.count - one

    assert (one, page) == (1, 1)


async def test_a_replay_of_a_small_log_is_a_few_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its old tables go together: each step is a transaction with a sync, and a pause after it."""
    path = build_log(tmp_path / "events.db", 5)
    async with quiet_store(path) as (store, _):
        hops = Hops(monkeypatch)
        await store.replay()
        steps = hops.count
    # Looks for what is left, creates, folds, swaps, clears away: on a slow disk in several steps.
    assert steps < 20


# ── bytes ──────────────────────────────────────────────────────────────────────────────────

# Four pages of 2 kB: the journal's leaf, the index's, and now and then a new leaf, the page above
# it and the header.
WAL_BYTES_PER_APPEND = 10_000


async def test_an_append_writes_few_pages_to_the_wal(tmp_path: Path) -> None:
    """The mean of a hundred single appends, each its own commit, on a log with a past."""
    path = tmp_path / "events.db"
    async with quiet_store(path) as (store, _):
        await store.append_many([five_facts(number) for number in range(500)])
        before = wal.bytes_in_use(wal_path(path))
        for number in range(100):
            await store.append(*five_facts(number))
        written = wal.bytes_in_use(wal_path(path)) - before

    assert 0 < written / 100 <= WAL_BYTES_PER_APPEND


# ── memory ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def peak() -> Iterator[list[int]]:
    """The most that Python held of what the block asked for, in bytes, once it has ended."""
    held: list[int] = []
    tracemalloc.start()
    try:
        yield held
        held.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


class Nowhere:
    """What takes an export and keeps nothing."""

    def write(self, data: bytes, /) -> object:
        """Forget."""
        return len(data)


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of some 15,000 records, which would take over 30 MB as facts."""
    return build_log(tmp_path_factory.mktemp("long") / "events.db", 5_000)


async def test_an_export_holds_a_batch_and_not_the_log(long_log: Path) -> None:
    """Record by record, whatever the log's length."""
    with peak() as held:
        archive.export(long_log, Nowhere())

    assert held[0] < 4 * MB


async def test_a_replay_holds_a_batch_and_not_the_log(long_log: Path) -> None:
    """A step reads, folds and writes some thousands of records at most."""
    writer = Writer(long_log)
    await writer.open(lambda _: None)
    try:
        with peak() as held:
            replayed = await Replay(writer, family(None)).run()
    finally:
        await writer.close()

    assert replayed.position > 12_000
    assert held[0] < 16 * MB
