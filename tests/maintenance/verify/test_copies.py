"""What is only different is a note: copies that SQLite made, and what the owner has added."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.errors import ForeignDatabase
from eventlog.followers.compare import check
from eventlog.maintenance.salvage.salvage import salvage
from eventlog.maintenance.status import status
from eventlog.maintenance.verify.findings import Report
from eventlog.maintenance.verify.log import verify
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log, guards_down, places


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some sixty records."""
    return build_log(tmp_path / "door.db", 20)


def report_on(path: Path) -> Report:
    """Verify, views included."""
    return verify(path, check_views=lambda: map(str, check(path, ours=False)))


def vacuumed(path: Path) -> Path:
    """A copy by VACUUM INTO: complete, but in journal mode delete."""
    copy = path.with_name("vacuumed.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    return copy


def dumped(path: Path) -> Path:
    """A copy by `.dump`: every statement that makes the database, without its header's marks."""
    copy = path.with_name("dumped.db")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        target.executescript("\n".join(source.iterdump()))
    return copy


COPIES = {"VACUUM INTO": vacuumed, ".dump": dumped}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_that_sqlite_made_is_different_and_not_damaged(path: Path, how: str) -> None:
    """Journal mode and marks of the header are notes; no record, guard or view is at fault."""
    report = report_on(COPIES[how](path))
    assert (report.findings, report.records) == ((), report_on(path).records)
    assert {note.where for note in report.notes} == {"file header", "head file"}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("UPDATE journal SET body = x'00' WHERE position = 7", "position 7"),
        ("DROP TRIGGER journal_no_update", "trigger journal_no_update"),
        ("UPDATE events SET camera_id = 'other' WHERE id = 3", "views"),
    ],
)
def test_damage_in_a_copy_is_found(path: Path, how: str, sql: str, where: str) -> None:
    """A finding for journal, guards and content, as in the log itself."""
    copy = COPIES[how](path)
    spoiling = sqlite3.connect(copy, isolation_level=None)
    with closing(spoiling) if "TRIGGER" in sql else guards_down(copy) as connection:
        connection.execute(sql)
    assert where in places(report_on(copy))


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("CREATE INDEX mine ON events (camera_id, person_name)", "index mine"),
        ("CREATE TRIGGER mine AFTER INSERT ON events BEGIN SELECT 1; END", "trigger mine"),
    ],
)
def test_what_the_owner_put_on_a_read_table_is_a_note(path: Path, sql: str, where: str) -> None:
    """A replay keeps it, so it is not a difference from a replay either."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)
    report = report_on(path)
    assert (report.findings, [note.where for note in report.notes]) == ((), [where])
    assert check(path) == []


def test_a_table_of_the_owners_own_is_not_judged(path: Path) -> None:
    """A row of it that belongs to an event that is gone is a note."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE mine (event INTEGER REFERENCES events (id))")
        connection.execute("INSERT INTO mine VALUES (999)")
        connection.execute("ANALYZE")
    report = report_on(path)
    assert (report.findings, [note.where for note in report.notes]) == ((), ["table mine"])


def test_a_refused_copy_is_told_how_to_go_on(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names salvage, and salvage carries every record of it into a sound log."""
    copy, new = dumped(path), path.with_name("new.db")
    before = copy.read_bytes()
    with pytest.raises(ForeignDatabase, match="`eventlog salvage NEW --db`"):
        status(copy)
    for command in (["events"], ["tail"], ["export"], ["replay"], ["ingest", "ring", __file__]):
        said = CommandLine(capsys, copy)(*command)
        assert (said.code, said.out) == (2, "")
        assert "eventlog salvage" in said.err
    assert copy.read_bytes() == before
    report = salvage(copy, new)
    assert (report.complete, report.carried) == (True, verify(path).records)
    assert verify(new).ok


def test_a_log_whose_header_lost_one_mark_is_damaged(path: Path) -> None:
    """A copy loses all of them; one alone is a flipped bit."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 0")
    assert places(verify(path)) == {"file header"}
