"""A store on another event loop, in another thread or process: refused by name, and closed."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import EventStore, Motion, Reader
from eventlog.errors import OpenedElsewhere, StoreClosed
from tests.support.dumps import journal_of

MOTION: Final = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))
LIMIT_S: Final = 20.0

CALLS: Final[dict[str, Callable[[EventStore], Awaitable[Any]]]] = {
    "append": lambda store: store.append(MOTION),
    "append_many": lambda store: store.append_many([[MOTION]]),
    "write_event": lambda store: store.write_event("front_door", "2026-02-25T10:30:00"),
    "receipt": lambda store: store.receipt("k"),
    "get_event": lambda store: store.get_event(1),
    "get_recent_events": lambda store: store.get_recent_events(),
    "caught_up": lambda store: store.caught_up(1),
    "replay": lambda store: store.replay(),
    "initialize": lambda store: store.initialize(),
    "subscribe": lambda store: anext(store.subscribe()),
    "reader": lambda store: store.reader.last_position(),
}


def _store(folder: Path) -> EventStore:
    return EventStore(str(folder / "events.db"), str(folder / "thumbnails"))


async def _opened(store: EventStore) -> None:
    await store.initialize()
    await store.append(MOTION)


async def _refused(store: EventStore) -> None:
    """Every call is refused at once, and none is written later."""
    for call in CALLS.values():
        with pytest.raises(OpenedElsewhere):
            await asyncio.wait_for(_awaited(call(store)), LIMIT_S)


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def _in_a_thread(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result(LIMIT_S)


def _marks(folder: Path) -> list[Path]:
    return list(folder.glob("*.open-*"))


def test_a_second_loop_is_refused_and_can_close_the_store(tmp_path: Path) -> None:
    """From another `asyncio.run` no call waits forever, and `close` leaves a clean stop."""
    store = _store(tmp_path)
    asyncio.run(_opened(store))

    async def again() -> None:
        await _refused(store)
        await asyncio.wait_for(store.close(), LIMIT_S)
        await store.close()
        with pytest.raises(StoreClosed):
            await store.append(MOTION)
        assert store.db is None
        await store.initialize()
        assert (await store.append(MOTION)).event_id == 2
        await store.close()

    asyncio.run(again())
    assert len(journal_of(tmp_path / "events.db")) == 2  # no record of an unclean stop
    assert _marks(tmp_path) == []


@pytest.mark.anyio
async def test_another_threads_loop_is_refused_and_can_close_the_store(tmp_path: Path) -> None:
    """Nothing of a refused call is recorded; `close` is done by the loop that opened the store."""
    store = _store(tmp_path)
    await _opened(store)
    await asyncio.to_thread(_in_a_thread, lambda: _refused(store))
    assert await store.reader.last_position() == 1
    await asyncio.to_thread(_in_a_thread, store.close)
    assert store.db is None
    with pytest.raises(StoreClosed):
        await store.append(MOTION)
    assert len(journal_of(tmp_path / "events.db")) == 1


def test_a_loop_that_was_left_without_an_end_can_be_closed_from_another(tmp_path: Path) -> None:
    """Also one that was closed with its tasks still pending."""
    store = _store(tmp_path)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_opened(store))
    asyncio.run(store.close())
    loop.run_until_complete(asyncio.sleep(0))  # its tasks end
    loop.close()
    assert len(journal_of(tmp_path / "events.db")) == 1
    assert _marks(tmp_path) == []


def test_a_reader_can_be_closed_from_anywhere(tmp_path: Path) -> None:
    """On a later loop, and on another thread's; a question from there is refused."""

    async def opened() -> Reader:
        async with _store(tmp_path):
            return await Reader.open(tmp_path / "events.db")

    async def again(reader: Reader) -> None:
        with pytest.raises(OpenedElsewhere):
            await asyncio.wait_for(reader.last_position(), LIMIT_S)
        await asyncio.wait_for(reader.close(), LIMIT_S)
        with pytest.raises(StoreClosed):
            await _awaited((await opened_and_closed_here()).last_position())

    async def opened_and_closed_here() -> Reader:
        reader = await Reader.open(tmp_path / "events.db")
        await asyncio.to_thread(_in_a_thread, reader.close)
        await reader.close()
        return reader

    asyncio.run(again(asyncio.run(opened())))


FORKED: Final = """
import asyncio, os, sys
from datetime import UTC, datetime
from eventlog import EventStore, Motion
from eventlog.errors import OpenedElsewhere

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))

async def child(store):
    assert store.db is None
    for call in (store.append(MOTION), store.get_event(1)):
        try:
            await asyncio.wait_for(call, 10)
        except OpenedElsewhere:
            continue
        raise AssertionError("not refused")
    await asyncio.wait_for(store.close(), 10)
    await store.initialize()
    assert (await store.append(MOTION)).event_id == 2
    await store.close()

async def main(path):
    store = EventStore(path, path + ".thumbnails")
    await store.initialize()
    await store.append(MOTION)
    pid = os.fork()
    if pid == 0:
        asyncio.events._set_running_loop(None)
        try:
            asyncio.run(child(store))
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    assert status == 0, status
    assert (await store.append(MOTION)).event_id == 3
    assert len(await store.get_recent_events()) == 3
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


def test_a_forked_child_is_refused_and_opens_the_log_anew(tmp_path: Path) -> None:
    """The parent's store is not the child's; both write, and neither harms the other."""
    path = tmp_path / "events.db"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, f"a new log is made at {path}\n")
    assert len(journal_of(path)) == 3
    assert _marks(tmp_path) == []


def test_a_dropped_store_ends_its_threads(tmp_path: Path) -> None:
    """A store that was not closed warns and ends its threads; the next start records it."""
    descriptors = Path("/proc/self/fd")

    async def drop() -> None:
        for n in range(3):
            folder = tmp_path / str(n)
            folder.mkdir()
            store = _store(folder)
            await _opened(store)
            held = [store]
            del store
            with pytest.warns(ResourceWarning, match="was not closed"):
                held.clear()
            await asyncio.sleep(0)

    gc.collect()
    threads, files = set(threading.enumerate()), len(list(descriptors.iterdir()))
    asyncio.run(drop())
    for thread in set(threading.enumerate()) - threads:
        if "eventlog" in thread.name or "connection_worker" in thread.name:
            thread.join(LIMIT_S)
            assert not thread.is_alive(), thread.name
    gc.collect()
    assert len(list(descriptors.iterdir())) <= files + 1

    async def look() -> None:
        async with _store(tmp_path / "0") as store:
            await store.caught_up(await store.reader.last_position())
            assert len(await store.reader.unclean_stops()) == 1

    asyncio.run(look())
