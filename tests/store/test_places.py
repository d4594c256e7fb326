"""Where a log is: relative paths, a folder that changes, and places where no log is."""

from __future__ import annotations

import logging
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from eventlog import EventStore, Motion, Reader
from eventlog.errors import DatabaseMissing
from tests.support.dumps import journal_of

pytestmark = pytest.mark.anyio

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))


async def test_a_relative_path_is_fixed_when_the_store_is_opened(tmp_path: Path) -> None:
    """A later chdir changes nothing: appends, pictures and replays go on, and leave no new file."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    with chdir(here):
        store = EventStore("events.db")
        await store.initialize()
    with chdir(there):
        await store.append(MOTION)
        await store.replay()
        store.save_thumbnail(b"no picture", "2026-02-25")
        assert await store.get_event(1) is not None
        await store.close()
        await store.initialize()  # again: the same log
        await store.append(MOTION)
        await store.close()
    assert list(there.iterdir()) == []
    assert store.db_path == str(here / "events.db")
    assert store.thumbnails_dir == here / "thumbnails"
    assert len(journal_of(here / "events.db")) == 2


async def test_a_reader_of_a_relative_path_goes_on_after_a_chdir(tmp_path: Path) -> None:
    """The path is fixed when the log is opened for reading as well."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "t")) as store:
        with chdir(tmp_path):
            reader = await Reader.open("events.db")
        await store.append(MOTION)
        assert await reader.last_position() == 1
        await reader.close()


@pytest.mark.parametrize("empty_file", [False, True])
async def test_a_store_that_must_exist_makes_no_log(tmp_path: Path, empty_file: bool) -> None:
    """A disk that is not mounted is noticed: a named error, and nothing is made."""
    path = tmp_path / "events.db"
    if empty_file:
        path.touch()
    store = EventStore(str(path), str(tmp_path / "t"), must_exist=True)
    with pytest.raises(DatabaseMissing, match="is its disk mounted"):
        await store.initialize()
    assert [file.name async for file in anyio.Path(tmp_path).iterdir()] == [
        "events.db"
    ] * empty_file

    async with EventStore(str(path), str(tmp_path / "t")):
        pass
    async with store:  # now it does
        await store.append(MOTION)


async def test_a_log_that_is_made_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelt path is seen in the program's log; opening a log again logs nothing."""
    with caplog.at_level(logging.WARNING, logger="eventlog"):
        for _ in range(2):
            async with EventStore(str(tmp_path / "evnets.db"), str(tmp_path / "t")):
                pass
    told = [record for record in caplog.records if "new log" in record.getMessage()]
    assert len(told) == 1
    assert str(tmp_path / "evnets.db") in told[0].getMessage()
