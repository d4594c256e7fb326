"""verify holds the journal against its head file, and the database file against its schema."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog.journal.head_file import HeadMark, pack, read_head
from eventlog.maintenance.verify import findings
from eventlog.maintenance.verify.findings import Report
from eventlog.maintenance.verify.log import verify
from eventlog.projections import VIEWS
from eventlog.storage.paths import head_path
from tests.support.logs import (
    build_log,
    flip,
    guards_down,
    places,
    positions,
    rows,
)

TABLES = [table for view in VIEWS for table in view.tables]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some sixty records."""
    return build_log(tmp_path / "door.db", 20)


# ── the head file ────────────────────────────────────────────────────────────────────────────


def mark_of(path: Path) -> HeadMark:
    """The log's head file, which is there."""
    mark = read_head(path)
    assert mark is not None
    return mark


def with_head(path: Path, **fields: Any) -> Report:
    """The report on a log whose head file says something else."""
    known = mark_of(path)
    names = ("log_id", "position", "durable_position", "hash")
    mark = HeadMark(**{**{name: getattr(known, name) for name in names}, **fields})
    head_path(path).write_bytes(pack(mark))
    return verify(path)


def test_a_head_file_behind_the_journal_is_fine(path: Path) -> None:
    """It is never synced, so a power cut may leave an older one."""
    row = rows(path)[9]
    assert with_head(path, position=10, durable_position=10, hash=row[11]).ok


def test_a_journal_that_ends_before_durable_records_has_lost_them(path: Path) -> None:
    """The first position that is gone is named."""
    end = mark_of(path).position
    report = with_head(path, position=end + 9, durable_position=end + 5)
    assert [(f.position, f.severity) for f in report.findings] == [(end + 1, "damage")]


def test_a_journal_that_lost_relaxed_appends_only_says_so(path: Path) -> None:
    """It is a finding still, of a severity of its own."""
    end = mark_of(path).position
    report = with_head(path, position=end + 9, durable_position=end)
    assert [(f.position, f.severity) for f in report.findings] == [(end + 1, "relaxed")]
    assert "only relaxed appends" in report.findings[0].what


def test_another_hash_in_the_head_file_is_found(path: Path) -> None:
    """A tail that was written again does not have the hash that was noted."""
    assert positions(with_head(path, hash=bytes(32))) == [mark_of(path).position]
    assert positions(with_head(path, position=10, hash=bytes(32))) == [10]


def test_a_head_file_of_another_log_is_found(path: Path) -> None:
    """Files that do not belong together are not taken for a whole."""
    assert places(with_head(path, log_id=bytes(16))) == {"head file"}


def test_a_damaged_head_file_is_found(path: Path) -> None:
    """Each bit of it is covered by its checksum."""
    data = head_path(path).read_bytes()
    for bit in range(0, len(data) * 8, 37):
        head_path(path).write_bytes(flip(data, bit))
        assert places(verify(path)) == {"head file"}


def test_a_missing_head_file_is_a_note(path: Path) -> None:
    """Nothing is known to be wrong; whether the end is complete is not known."""
    head_path(path).unlink()
    report = verify(path)
    assert report.ok
    assert [note.where for note in report.notes] == ["head file"]


# ── the file ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("DROP TRIGGER journal_no_update", "trigger journal_no_update"),
        ("DROP INDEX journal_key", "index journal_key"),
        ("DROP TABLE parked", "table parked"),
        ("DROP INDEX idx_events_camera_id", "index idx_events_camera_id"),
        ("CREATE INDEX more ON journal (kind)", "index more"),
        ("CREATE TRIGGER more AFTER INSERT ON log BEGIN SELECT 1; END", "trigger more"),
        ("ALTER TABLE journal ADD COLUMN more TEXT", "table journal"),
        ("PRAGMA application_id = 7", "file header"),
        ("PRAGMA user_version = 99", "file header"),
        ("PRAGMA journal_mode = DELETE", "file header"),
        ("UPDATE checkpoints SET position = 10000", "table checkpoints"),
    ],
)
def test_another_schema_or_header_is_found(path: Path, sql: str, where: str) -> None:
    """Tables, indexes and guards are those that the program makes, and so is the header."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql).fetchall()
    assert where in places(verify(path))


def test_a_checkpoint_that_is_no_number_is_found(path: Path) -> None:
    """A flipped bit can make NULL of what the schema says can't be NULL."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE checkpoints")
        connection.execute("CREATE TABLE checkpoints (view, version, position)")
        connection.execute("INSERT INTO checkpoints VALUES ('events', 1, NULL)")
    assert places(verify(path)) >= {"table checkpoints"}
    assert "is at None" in " ".join(finding.what for finding in verify(path).findings)


def test_a_loosened_guard_is_found(path: Path) -> None:
    """A trigger of the right name that refuses nothing is another trigger."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER journal_no_delete")
        connection.execute(
            "CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT 1; END"
        )
    assert places(verify(path)) == {"trigger journal_no_delete"}


def test_an_index_that_lacks_a_row_is_named(path: Path) -> None:
    """SQLite's own check says which index it is."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (sql,) = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = 'journal_event_id'"
        ).fetchone()
        connection.execute("DROP INDEX journal_event_id")
        connection.execute(f"{sql} AND event_id > 3")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = ? WHERE name = 'journal_event_id'", (sql,)
        )
        connection.execute("PRAGMA writable_schema = RESET")
    assert places(verify(path)) == {"index journal_event_id"}


def test_a_detection_without_its_event_is_named(path: Path) -> None:
    """Foreign keys are checked, and the table is named."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM events WHERE id = 1")
    assert places(verify(path)) <= {f"table {view}" for view in TABLES}
    assert not verify(path).ok


def test_findings_without_end_make_a_report_of_bounded_size(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first findings are kept and the others counted."""
    monkeypatch.setattr(findings, "KEPT_MAX", 5)
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET body = x'80'")
    report = verify(path)
    assert len(report.findings) == 5
    assert report.omitted == len(rows(path)) - 5


def test_notes_past_a_thousand_are_counted_and_are_no_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A log whose clock was set very often is undamaged."""
    monkeypatch.setattr(findings, "KEPT_MAX", 5)
    found = findings.Findings()
    for position in range(1, 8):
        found.at(position, "the wall clock was set", "note")
    report = found.report(7)
    assert report.ok
    assert (len(report.notes), report.omitted_notes, report.omitted) == (5, 2, 0)
