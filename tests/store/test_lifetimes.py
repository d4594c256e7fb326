"""Opening, closing, cancelling and waiting: nothing leaks, and every wait ends in time."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from eventlog import EventStore, Motion, PersonNamed, Receipt
from eventlog.errors import LockTimeout, StoreClosed
from eventlog.followers import projector
from eventlog.journal.head_file import read_head
from eventlog.storage.lock import AT_ONCE, FileLock
from eventlog.storage.paths import lock_path
from eventlog.storage.writer import Writer
from tests.support.dumps import journal_of, views_of

pytestmark = pytest.mark.anyio

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))


def _held() -> tuple[int, int]:
    """Threads and descriptors of this process, after a garbage collection."""
    gc.collect()
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def _marks(folder: Path) -> list[Path]:
    return list(folder.glob("*.open-*"))


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Before initialize() and after close() every call is a named error."""
    store = EventStore(str(tmp_path / "events.db"), str(tmp_path / "t"))
    with pytest.raises(StoreClosed):
        await store.append(MOTION)
    await store.initialize()
    await store.initialize()  # safe
    await store.close()
    await store.close()
    with pytest.raises(StoreClosed):
        await store.write_event("front_door", "2026-02-25T10:30:00")


async def test_appends_that_wait_at_a_close_are_answered(tmp_path: Path) -> None:
    """A close writes what waits, and every caller gets an answer."""
    store = EventStore(str(tmp_path / "events.db"), str(tmp_path / "t"))
    await store.initialize()
    tasks = [asyncio.create_task(store.append(MOTION)) for _ in range(100)]
    await asyncio.sleep(0)
    await store.close()
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)

    acknowledged = {a.positions[0] for a in answers if isinstance(a, Receipt)}
    assert all(isinstance(a, Receipt | StoreClosed) for a in answers)
    assert acknowledged <= {row[0] for row in journal_of(tmp_path / "events.db")}


async def test_a_store_in_a_cancelled_scope_is_closed_all_the_same(tmp_path: Path) -> None:
    """`async with` inside a scope that is cancelled leaves no thread, descriptor or mark."""
    await anyio.to_thread.run_sync(int)  # anyio keeps a thread of its own from here on
    before = _held()
    with anyio.move_on_after(0.1):
        async with EventStore(str(tmp_path / "e.db"), str(tmp_path / "t")) as store:
            await store.append(MOTION)
            await anyio.sleep_forever()

    assert store.db is None
    assert _held() == before
    assert _marks(tmp_path) == []


async def test_an_initialize_that_is_cancelled_leaves_nothing_open(tmp_path: Path) -> None:
    """Whenever it is cancelled, the store is open or nothing of it is."""
    await anyio.to_thread.run_sync(int)  # anyio keeps a thread of its own from here on
    before = _held()
    for turns in range(40):
        store = EventStore(str(tmp_path / "e.db"), str(tmp_path / "t"))
        task = asyncio.create_task(store.initialize())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await store.close()

    assert _held() == before
    assert _marks(tmp_path) == []


async def test_a_receipt_waits_for_the_appends_before_it(tmp_path: Path) -> None:
    """What receipt() says of a cancelled append is never overtaken by the append itself."""
    async with EventStore(str(tmp_path / "e.db"), str(tmp_path / "t")) as store:
        for number in range(100):
            first = asyncio.create_task(store.append(MOTION))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            second = asyncio.create_task(store.append(MOTION, key=f"k{number}"))
            await asyncio.sleep(0)
            second.cancel()
            told = await store.receipt(f"k{number}")
            await asyncio.wait([first, second])
            assert told == await store.receipt(f"k{number}")


@pytest.mark.parametrize(
    ("waited_s", "waits_s"), [(0.0, 5.0), (3.0, 2.0), (4.9, 0.5), (60.0, 0.5), (math.inf, 0.0)]
)
async def test_who_waited_in_the_queue_waits_no_second_time_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waited_s: float, waits_s: float
) -> None:
    """Patience counts from the call, not from its turn; who comes late has a fair try left."""
    now = [1000.0]

    def sleep(_: float) -> None:
        now[0] += 0.01

    with FileLock(tmp_path / "lock") as holder:
        late = FileLock(tmp_path / "lock")
        with monkeypatch.context() as patch:
            patch.setattr(time, "sleep", sleep)
            patch.setattr(time, "monotonic", lambda: now[0])
            with pytest.raises(LockTimeout):
                late.acquire(since=now[0] - waited_s)
        late.close()
    holder.close()

    assert now[0] - 1000.0 == pytest.approx(waits_s, abs=0.02)


async def test_the_head_file_knows_what_other_stores_synced(tmp_path: Path) -> None:
    """A store that only appends relaxed does not forget how far the log was durable."""
    path = tmp_path / "e.db"
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        for _ in range(5):
            await store.append(MOTION)
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.append(MOTION, durability="relaxed")
    after_a_restart = read_head(path)
    async with EventStore(str(path), str(tmp_path / "t")):
        pass
    mark = read_head(path)

    assert after_a_restart is not None
    assert mark is not None
    assert (after_a_restart.position, after_a_restart.durable_position) == (6, 5)
    assert (mark.position, mark.durable_position) == (6, 5)


async def test_a_replay_ends_while_others_append_as_fast_as_they_can(tmp_path: Path) -> None:
    """The swap does not wait for a pause that never comes."""
    path = tmp_path / "e.db"
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        done = asyncio.Event()

        async def append() -> None:
            while not done.is_set():
                await store.append(PersonNamed(name="anna"), durability="relaxed")

        async with asyncio.TaskGroup() as group:
            for _ in range(32):
                group.create_task(append())
            await store.replay()
            done.set()
        await store.caught_up(await store.reader.last_position())
    live = views_of(path)
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.replay()

    assert views_of(path) == live


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every lock that is made from now on, and the projector, waits for 0.2 s at most."""
    for init, name in ((FileLock.__init__, "timeout_s"), (Writer.__init__, "lock_timeout_s")):
        monkeypatch.setattr(init, "__kwdefaults__", {**(init.__kwdefaults__ or {}), name: 0.2})
    monkeypatch.setattr(projector, "TIMEOUT_S", 0.2)


async def test_a_close_waits_for_a_frozen_holder_of_the_lock_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once for its views and once for its last words: all wait from the same moment on."""
    impatient(monkeypatch)
    path = tmp_path / "e.db"
    store = EventStore(str(path), str(tmp_path / "t"))
    await store.initialize()
    await store.append(MOTION)
    waited_from: list[float | None] = []
    acquire = FileLock.acquire

    def acquired(lock: FileLock, *, since: float | None = None) -> None:
        if lock is store_lock and since != AT_ONCE:
            waited_from.append(since)
        acquire(lock, since=since)

    store_lock = store._engine.writer.lock
    with FileLock(lock_path(path)):
        monkeypatch.setattr(FileLock, "acquire", acquired)
        with pytest.raises(LockTimeout):
            await store.close()

    assert len(waited_from) > 1
    assert len(set(waited_from)) == 1


async def test_a_close_that_waits_in_vain_for_the_lock_makes_no_wal_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another may be writing; what was acknowledged stays in the WAL, for the next start."""
    impatient(monkeypatch)
    path = tmp_path / "e.db"
    store = EventStore(str(path), str(tmp_path / "t"))
    await store.initialize()
    await store.append(MOTION)
    wal = path.with_name("e.db-wal")
    size = wal.stat().st_size
    other = FileLock(path.with_name("e.db.lock"))
    with other:
        with pytest.raises(LockTimeout):
            await store.close()
        gc.collect()
        assert wal.stat().st_size >= size > 0
    other.close()
    assert len(journal_of(path)) == 1
