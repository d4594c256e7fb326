"""EventStore: what a start finds, what it refuses, and what it makes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import (
    BadArgument,
    Detection,
    EventStore,
    FaceResult,
    Motion,
    PersonNamed,
    UncleanStop,
    codecs,
)
from eventlog.errors import ForeignDatabase, MissingFolder, NewerDatabase, NotADatabase
from tests.support.dumps import journal_of, views_of

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
MOTION = Motion(camera_id="front_door", recorded_at=AT)
DOG = Detection(label="dog", confidence=0.8)

ROOT = Path(__file__).resolve().parent.parent.parent


async def test_other_peoples_files_stay_untouched(tmp_path: Path) -> None:
    """A foreign, newer or broken database, a missing folder, no file at all: each a named error."""
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE recordings (id INTEGER)")
    newer = tmp_path / "newer.db"
    async with EventStore(str(newer), str(tmp_path / "t")):
        pass
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    broken = tmp_path / "broken.db"
    broken.write_bytes(os.urandom(8192))
    kept = {path: path.read_bytes() for path in (foreign, newer, broken)}

    for path, error in (
        (foreign, ForeignDatabase),
        (newer, NewerDatabase),
        (broken, NotADatabase),
        (tmp_path / "no" / "folder.db", MissingFolder),
        (tmp_path, NotADatabase),
        (":memory:", BadArgument),
    ):
        with pytest.raises(error):
            await EventStore(str(path), str(tmp_path / "t")).initialize()
    assert {path: path.read_bytes() for path in kept} == kept


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_only_the_owner_can_read_what_a_store_makes(tmp_path: Path) -> None:
    """Every file is 0600 and the folder 0700, whatever the umask."""
    old = os.umask(0o022)
    try:
        async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as store:
            await store.append(MOTION)
            modes = await asyncio.to_thread(_modes, tmp_path)
    finally:
        os.umask(old)

    assert modes.pop("thumbnails") == 0o700
    (mark,) = (name for name in modes if ".open-" in name)
    assert modes.pop(mark) == 0o600
    assert set(modes) == {f"events.db{end}" for end in ("", "-wal", "-shm", ".lock", ".head")}
    assert set(modes.values()) == {0o600}


def _exit_code(code: str, path: Path) -> int:
    return subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=False).returncode


async def test_an_unclean_stop_is_a_fact_at_the_next_start(tmp_path: Path) -> None:
    """A process that died, or a power cut, is recorded once; a clean stop never."""
    path = tmp_path / "events.db"
    code = (
        "import asyncio, os, sys; from eventlog import EventStore, PersonNamed\n"
        "async def main():\n"
        "    store = EventStore(sys.argv[1], sys.argv[1] + '.t'); await store.initialize()\n"
        "    await store.append(PersonNamed(name='anna'))\n"
        "    os._exit(9)\n"
        "asyncio.run(main())"
    )
    died = await asyncio.to_thread(_exit_code, code, path)
    async with EventStore(str(path), str(tmp_path / "t")):
        pass
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(2)
        stops = await store.reader.unclean_stops()

    assert [(stop["id"], stop["journal_position"]) for stop in stops] == [(2, 1)]
    assert died == 9
    assert [row[2] for row in journal_of(path)] == ["person_named", "unclean_stop"]
    assert codecs.decode(*[journal_of(path)[1][n] for n in (2, 3, 10)]) == UncleanStop(
        journal_position=1
    )


async def test_records_that_the_head_file_named_and_are_gone_are_told_of(tmp_path: Path) -> None:
    """After the journal's tail was cut, the next start records a fact about it."""
    path = tmp_path / "events.db"
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.append(MOTION)
        await store.append(MOTION)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER journal_no_delete")
        connection.execute("DELETE FROM journal WHERE position = 2")
    connection.close()
    async with EventStore(str(path), str(tmp_path / "t")):
        pass

    row = journal_of(path)[1]
    fact = codecs.decode(row[2], row[3], row[10])
    assert isinstance(fact, UncleanStop)
    assert (fact.journal_position, fact.head_position) == (1, 2)


async def test_a_missing_view_comes_back_when_the_store_opens(tmp_path: Path) -> None:
    """Read tables that were dropped are rebuilt with the same ids."""
    path = tmp_path / "events.db"
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.append(MOTION, DOG, FaceResult(name="anna", distance=0.3))
        await store.append(PersonNamed(name="anna", display_name="Anna"))
        await store.caught_up(4)
    before = views_of(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE unclean_stops")
        for table in ("detections", "events", "persons", "face_results", "unlock_actions"):
            connection.execute(f"DROP TABLE {table}")
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(4)

    assert views_of(path) == before
