"""Readers that take their time: what they cost ends when they do, and ours hold nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eventlog import EventStore, Motion
from eventlog.storage import connections, writer
from eventlog.storage.paths import wal_path
from eventlog.storage.wal_file import bytes_in_use

pytestmark = pytest.mark.anyio

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))
KB = 1024
LIMIT = 64 * KB
KEPT = 1024 * KB
ROOM = 1024 * KB  # that is made behind the last frame


@pytest.fixture(autouse=True)
def a_small_wal(monkeypatch: pytest.MonkeyPatch) -> None:
    """WAL checkpoints after a few pages instead of after thousands."""
    defaults: Any = writer.Writer.__init__
    monkeypatch.setitem(defaults.__kwdefaults__, "wal_limit_bytes", LIMIT)
    monkeypatch.setattr(writer, "WRITES_PER_LOOK", 1)
    monkeypatch.setattr(connections, "WAL_KEPT_BYTES", KEPT)


def wal_bytes(store: EventStore) -> int:
    """How long the WAL is, as a file."""
    return wal_path(Path(store.db_path)).stat().st_size


async def append_until(store: EventStore, *, longer_than: int = 0, at_most: int = 2000) -> None:
    """Append, and carry each into the views, until the WAL is longer than this."""
    for _ in range(at_most):
        receipt = await store.append(MOTION)
        await store.caught_up(receipt.positions[-1])
        if longer_than and wal_bytes(store) > longer_than:
            return
    assert not longer_than, "the WAL did not grow"


async def test_a_wal_that_grew_under_a_slow_reader_is_cut_when_it_has_gone(tmp_path: Path) -> None:
    """Another program's reader can't be ended; when it ends, the WAL starts again and is short."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "t")) as store:
        await store.append(MOTION)
        with closing(sqlite3.connect(f"file:{store.db_path}?mode=ro", uri=True)) as slow:
            slow.execute("BEGIN")
            assert slow.execute("SELECT count(*) FROM journal").fetchone() == (1,)
            await append_until(store, longer_than=4 * KEPT)
            assert slow.execute("SELECT count(*) FROM journal").fetchone() == (1,)
        await append_until(store, at_most=50)
        assert wal_bytes(store) <= KEPT + ROOM


async def test_a_subscriber_that_never_reads_on_holds_nothing(tmp_path: Path) -> None:
    """It may stop between two records for any time, and the WAL stays short."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "t")) as store:
        await store.append(MOTION)
        idle = store.subscribe()
        assert (await anext(idle)).position == 1
        await append_until(store, at_most=200)
        assert bytes_in_use(wal_path(Path(store.db_path))) < 4 * LIMIT
        assert (await anext(idle)).position == 2
