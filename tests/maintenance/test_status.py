"""Status tells how a log is doing, from a few rows and the sizes of files."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog.errors import DatabaseMissing, ForeignDatabase, NotADatabase
from eventlog.facts import PersonNamed
from eventlog.followers import checkpoints
from eventlog.journal.append import Append, prepare
from eventlog.journal.head_file import HeadMark, pack, read_head
from eventlog.maintenance import room, status
from eventlog.projections import VIEWS
from eventlog.storage import read_only as rescue
from eventlog.storage.paths import head_path
from tests.support.logs import T0_US, build_log, build_log_with_wal, put, rows, write_head, writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some sixty records."""
    return build_log(tmp_path / "door.db", 20)


def test_status_tells_where_a_log_ends(path: Path) -> None:
    """Newest position, its hash, its time, the newest event, the log's id."""
    told = status.status(path)
    stored = rows(path)
    mark = read_head(path)
    assert mark is not None
    assert told.records == len(stored)
    assert told.head_hash == stored[-1][11].hex()
    assert told.log_id == mark.log_id.hex()
    assert told.last_event == 20
    assert told.appended_at_us == stored[-1][5] >= T0_US
    assert (told.head_file, told.opened_how) == ("whole", None)
    assert (told.schema_version, told.path) == (1, str(path))


def test_an_empty_log_has_a_status_too(tmp_path: Path) -> None:
    """Without records there is no newest time."""
    told = status.status(build_log(tmp_path / "door.db", 0))
    assert (told.records, told.last_event, told.appended_at_us) == (0, 0, None)
    assert told.head_file == "whole"


def test_each_views_lag_is_told(path: Path) -> None:
    """A view that has not seen the newest records lags by their number."""
    with writing(path) as connection:
        put(connection, [prepare([PersonNamed(name=name)]) for name in "abc"])
        write_head(path, connection)
    told = status.status(path)
    assert {view.view for view in told.views} == {view.name for view in VIEWS}
    assert {(view.lag, view.position, view.parked) for view in told.views} == {
        (3, told.records - 3, 0)
    }


def test_parked_records_are_counted_by_view_and_reason(path: Path) -> None:
    """Like reasons are one line with the first position, though each names its own record."""
    with writing(path) as connection:
        broken = [
            (n, f"BadBody: record {n} (ding): the bytes are not of kind ding") for n in (4, 5, 6)
        ]
        checkpoints.park(connection, "events", broken)
        checkpoints.park(connection, "persons", [(5, "Unfit: no row")])
    told = status.status(path)
    assert {view.view: view.parked for view in told.views if view.parked} == {
        "events": 3,
        "persons": 1,
    }
    assert told.parked == (
        status.ParkedReason(
            "events", "BadBody: the record (ding): the bytes are not of kind ding", records=3,
            first_position=4,
        ),
        status.ParkedReason("persons", "Unfit: no row", records=1, first_position=5),
    )  # fmt: skip


def test_the_sizes_of_database_and_wal_are_told(tmp_path: Path) -> None:
    """The WAL's file may be longer than what it holds."""
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    wal = path.with_name("door.db-wal")
    size = wal.stat().st_size
    wal.write_bytes(wal.read_bytes() + bytes(8192))
    told = status.status(path)
    assert told.database_bytes == path.stat().st_size
    assert (told.wal_bytes, told.wal_file_bytes) == (size - 32, size + 8192)


def test_a_log_without_a_wal_says_zero(path: Path) -> None:
    """A closed log has none."""
    told = status.status(path)
    assert (told.wal_bytes, told.wal_file_bytes) == (0, 0)


@pytest.mark.parametrize(
    ("behind", "durable", "state"),
    [(0, 0, "whole"), (5, 5, "lost"), (5, 0, "relaxed"), (-5, -5, "altered")],
)
def test_the_head_files_state_is_told(path: Path, behind: int, durable: int, state: str) -> None:
    """Whether the journal's tail is there can be seen without reading the journal."""
    mark = read_head(path)
    assert mark is not None
    end = mark.position
    head_path(path).write_bytes(pack(HeadMark(mark.log_id, end + behind, end + durable, mark.hash)))
    assert status.status(path).head_file == state


def test_a_damaged_or_missing_head_file_is_told(path: Path) -> None:
    """It is not an error: the log can be read nevertheless."""
    head_path(path).write_bytes(b"no head")
    assert status.status(path).head_file == "damaged"
    head_path(path).unlink()
    assert status.status(path).head_file == "missing"


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ("3.40.1", True),
        ("3.51.2", True),
        ("3.51.3", False),
        ("3.52.0", False),
        ("3.50.6", True),
        ("3.50.7", False),
        ("3.44.6", False),
        ("3.44.5", True),
        ("3.45.0", True),
        ("4.0.0", False),
    ],
)
def test_sqlites_with_the_wal_fault_are_known(
    path: Path, monkeypatch: pytest.MonkeyPatch, version: str, fault: bool
) -> None:
    """The fault of 3.7.0 to 3.51.2 was fixed in two older branches as well."""
    monkeypatch.setattr(sqlite3, "sqlite_version", version)
    told = status.status(path)
    assert told.sqlite == status.SqliteStatus(version, fault)


def test_nothing_is_scanned(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No statement of status walks a table that grows with the log."""
    asked: list[str] = []
    real = rescue._connect

    def traced(*arguments: Any) -> sqlite3.Connection:
        connection = real(*arguments)
        connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr(rescue, "_connect", traced)
    status.status(path)
    with closing(sqlite3.connect(path)) as connection:
        plans = [step for sql in asked for step in plan(connection, sql)]
    assert len(plans) > 5
    # A scan that stops at its first row is none: it asks for the newest.
    scanned = [step for step in plans if step.startswith("SCAN")]
    small = {"journal", "log", "checkpoints", "parked", "sqlite_schema"}
    assert {step.split()[1] for step in scanned} <= small
    assert [sql for sql in asked if "FROM journal" in sql and not bounded(sql)] == []


def bounded(sql: str) -> bool:
    """Whether a statement on the journal asks for one row only."""
    one = ("LIMIT 1", "WHERE position = ", "max(position)", "max(event_id)")
    return any(words in sql for words in one)


def plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    """SQLite's plan for a statement."""
    if not sql.lstrip().upper().startswith("SELECT"):
        return []
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]


def test_what_is_no_log_is_a_named_error(tmp_path: Path) -> None:
    """Missing, no database, another program's."""
    with pytest.raises(DatabaseMissing):
        status.status(tmp_path / "none.db")
    (tmp_path / "text.db").write_bytes(b"This is no database. " * 100)
    with pytest.raises(NotADatabase):
        status.status(tmp_path / "text.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(ForeignDatabase):
        status.status(tmp_path / "other.db")


def test_status_says_how_much_room_a_month_takes(tmp_path: Path) -> None:
    """What was appended and saved in the last 30 days; older records and pictures not."""
    now_us = 1_800_000_000_000_000
    path = build_log(tmp_path / "door.db", 0)
    (tmp_path / "thumbnails").mkdir()
    with writing(path) as connection:
        for days in (90, 31, 29, 1):
            at_us = now_us - days * 86_400_000_000
            made = prepare([PersonNamed(name="ada")])
            put(connection, [Append(made.facts, opens=made.opens, appended_at_us=at_us)])
            picture = tmp_path / "thumbnails" / f"{days}.jpg"
            picture.write_bytes(bytes(700))
            os.utime(picture, (at_us / 1e6, at_us / 1e6))
    (tmp_path / "thumbnails" / "c.txt").write_bytes(bytes(9))
    with closing(sqlite3.connect(path)) as connection:
        found = room.room(connection, path, tmp_path / "thumbnails", now_us)
    size = path.stat().st_size
    assert found == room.Room(
        pictures=4,
        picture_bytes=2800,
        database_bytes=size,
        month_records=2,
        month_bytes=size // 2,
        month_picture_bytes=1400,
    )
