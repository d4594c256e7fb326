"""An export can be read, and an import gives the same log again or none."""

from __future__ import annotations

import base64
import io
import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog import codecs
from eventlog.errors import (
    BadArgument,
    BadPayload,
    BadRecord,
    DatabaseMissing,
    ForeignDatabase,
    JournalHole,
    MissingFolder,
)
from eventlog.facts import PersonNamed
from eventlog.journal import table as journal
from eventlog.journal.append import prepare
from eventlog.journal.head_file import read_head
from eventlog.maintenance.archive import copy_until, export, import_archive
from eventlog.maintenance.verify.log import verify
from eventlog.storage.paths import head_path
from tests.support.logs import build_log, guards_down, put, rewrite, rows, seed_for, writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some seventy records."""
    return build_log(tmp_path / "door.db", 20)


def exported(path: Path, **bounds: Any) -> list[bytes]:
    """The lines of an export."""
    out = io.BytesIO()
    export(path, out, **bounds)
    return out.getvalue().splitlines(keepends=True)


def log_id(path: Path) -> bytes:
    """The log's id."""
    with closing(sqlite3.connect(path)) as connection:
        return journal.log_id(connection)


def left_over(folder: Path) -> set[str]:
    """What is in a folder next to the log of the fixture."""
    return {entry.name for entry in folder.iterdir() if not entry.name.startswith("door.db")}


# ── out ────────────────────────────────────────────────────────────────────────────────────


def test_each_record_is_a_line_with_its_bytes_and_its_decoded_fact(path: Path) -> None:
    """Columns have their names, blobs are in base64, and the decoded fact is next to them."""
    header, *lines = [json.loads(line) for line in exported(path)]
    assert base64.b64decode(header["log_id"]) == log_id(path)
    assert (header["archive"], header["format"], header["after"]) == ("eventlog/1", 1, 0)
    stored = rows(path)
    assert header["until"] == len(stored) == len(lines)
    for line, row in zip(lines, stored, strict=True):
        assert (line["position"], line["event_id"], line["kind"]) == row[:3]
        assert base64.b64decode(line["body"]) == row[10]
        assert base64.b64decode(line["hash"]) == row[11]
        assert (line["meta"] and base64.b64decode(line["meta"])) == row[9]
        assert line["fact"]["kind"] == row[2]


def test_a_record_that_cannot_be_decoded_is_exported_with_the_reason(path: Path) -> None:
    """Kinds of a later program are exported as bytes, with the reason instead of the fact."""
    body = codecs.encode_meta({"kind": "silent_camera", "version": 3})

    def change(stored: list[Any]) -> None:
        stored[4] = stored[4]._replace(kind="silent_camera", version=3, body=body)

    rewrite(path, change)
    lines = exported(path)
    line = json.loads(lines[5])
    assert "fact" not in line
    assert "does not know the kind" in line["error"]
    target = path.with_name("restored.db")
    import_archive(lines, target)
    assert rows(target) == rows(path)


def test_an_export_can_begin_and_end_anywhere(path: Path) -> None:
    """The records after a position, up to another, with complete appends at the ends."""
    stored = rows(path)
    until = next(row[0] for row in stored if row[0] > 20 and row[7] > row[6] + 1)
    lines = [json.loads(line) for line in exported(path, after=10, until=until)]
    end = stored[until - 1][0] + stored[until - 1][7] - stored[until - 1][6] - 1
    assert [line["position"] for line in lines[1:]] == list(range(11, end + 1))
    assert end > until


@pytest.mark.parametrize("bounds", [{"after": 1000}, {"after": -1}, {"until": 1000}, {"until": -1}])
def test_positions_that_the_journal_has_not_are_named(path: Path, bounds: dict[str, int]) -> None:
    """A mistyped position is an error and no empty export."""
    with pytest.raises(BadArgument, match="1"):
        exported(path, **bounds)


def test_a_damaged_log_is_not_exported_as_if_it_were_whole(path: Path) -> None:
    """The record that does not follow is named, and so is a hole."""
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET body = x'80' WHERE position = 30")
    with pytest.raises(BadRecord) as altered:
        exported(path)
    assert altered.value.position == 30
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position = 20")
    with pytest.raises(JournalHole) as hole:
        exported(path)
    assert hole.value.expected == 20


def test_progress_is_told_both_ways(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A progress bar gets the number of records done and of all records."""
    monkeypatch.setattr("eventlog.journal.progress.EVERY", 10)
    end = len(rows(path))
    expected = [(n, end) for n in range(10, end + 1, 10)]
    told: list[tuple[int, int]] = []
    lines = exported(path, progress=lambda done, total: told.append((done, total)))
    assert told == expected
    told.clear()
    import_archive(
        lines,
        path.with_name("new.db"),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == expected


# ── in ─────────────────────────────────────────────────────────────────────────────────────


def test_an_import_gives_the_same_log(path: Path) -> None:
    """Log id, positions, ids and hashes are the same, and the new log verifies."""
    target = path.with_name("restored.db")
    head = import_archive(exported(path), target)
    assert rows(target) == rows(path)
    assert log_id(target) == log_id(path)
    assert (head.position, head.hash) == (rows(path)[-1][0], rows(path)[-1][11])
    report = verify(target)
    assert report.ok
    assert report.notes == ()
    assert exported(target) == exported(path)


def test_what_an_import_makes_is_its_owners_alone(path: Path, tmp_path: Path) -> None:
    """Database and head file are 0600, and nothing else is left in the folder."""
    target = path.with_name("restored.db")
    import_archive(exported(path), target)
    assert left_over(tmp_path) == {"restored.db", "restored.db.head"}
    assert target.stat().st_mode & 0o777 == 0o600
    assert head_path(target).stat().st_mode & 0o777 == 0o600


def test_an_import_goes_into_an_empty_log_too(path: Path) -> None:
    """A log that was made and never used takes the archive's id and records."""
    target = build_log(path.with_name("restored.db"), 0)
    import_archive((line.decode() for line in exported(path)), target)
    assert rows(target) == rows(path)
    assert log_id(target) == log_id(path)
    report = verify(target)
    assert report.ok
    assert report.notes == ()


def test_an_import_into_a_log_that_is_open_is_seen_there(path: Path) -> None:
    """It is one transaction, seen by the other connections of an empty log."""
    target = build_log(path.with_name("restored.db"), 0)
    with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as reader:
        assert journal.last_position(reader) == 0
        import_archive(exported(path), target)
        assert journal.last_position(reader) == len(rows(path))


def test_appends_go_on_after_an_import(path: Path) -> None:
    """The restored chain is continued like the old one."""
    target = path.with_name("restored.db")
    import_archive(exported(path), target)
    with writing(target) as connection:
        put(connection, [prepare([PersonNamed(name="later")])])
    assert verify(target).ok


def test_a_log_with_records_is_not_imported_into(path: Path) -> None:
    """An import is a restore, not a merge."""
    before = rows(path)
    with pytest.raises(BadArgument, match=f"has {len(before)} records"):
        import_archive(exported(path), path)
    assert rows(path) == before


def test_another_programs_database_is_not_imported_into(path: Path) -> None:
    """What is not a log stays untouched."""
    target = path.with_name("songs.db")
    with closing(sqlite3.connect(target)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    before = target.read_bytes()
    with pytest.raises(ForeignDatabase):
        import_archive(exported(path), target)
    assert target.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(path: Path) -> None:
    """The target's folder must exist."""
    with pytest.raises(MissingFolder):
        import_archive(exported(path), path.parent / "none" / "new.db")


def test_a_wal_that_another_database_left_is_not_taken_over(path: Path) -> None:
    """SQLite would read the left-over WAL into the new database."""
    target = path.with_name("restored.db")
    target.with_name("restored.db-wal").write_bytes(b"x")
    with pytest.raises(BadArgument, match="-wal exists already"):
        import_archive(exported(path), target)


def edited(lines: list[bytes], number: int, **changes: Any) -> list[bytes]:
    """The lines with some values of one of them changed."""
    line = {**json.loads(lines[number - 1]), **changes}
    return [*lines[: number - 1], json.dumps(line).encode() + b"\n", *lines[number:]]


BAD_LINES: list[tuple[str, int, Any]] = [
    ("a changed event", 30, {"event_id": 99}),
    ("a changed time", 30, {"appended_at": 1}),
    ("a changed body", 30, {"body": "gA=="}),
    ("a changed hash", 30, {"hash": base64.b64encode(bytes(32)).decode()}),
    ("a short hash", 30, {"hash": "gA=="}),
    ("a changed key", 30, {"key": "other"}),
    ("a position past 64 bits", 30, {"position": 2**63}),
    ("a bool for a number", 30, {"append_index": True}),
    ("a float for a number", 30, {"version": 1.5}),
    ("text that is no base64", 30, {"body": "ä"}),
    ("a format of a later program", 30, {"format": 2}),
    ("a number for text", 30, {"kind": 7}),
    ("an archive of a later program", 1, {"archive": "eventlog/2"}),
    ("a schema of a later program", 1, {"schema": 99}),
    ("another log's id", 2, {}),
    ("an id of 15 bytes", 1, {"log_id": base64.b64encode(bytes(15)).decode()}),
]


@pytest.mark.parametrize(("number", "changes"), [row[1:] for row in BAD_LINES])
def test_a_changed_value_is_named_by_its_line_and_nothing_is_left(
    path: Path, tmp_path: Path, number: int, changes: dict[str, Any]
) -> None:
    """Whatever was edited in an archive, no log is made."""
    lines = exported(path)
    if changes:
        lines = edited(lines, number, **changes)
    else:
        lines = edited(lines, 1, log_id=base64.b64encode(bytes(16)).decode())
    before = set(tmp_path.iterdir())
    with pytest.raises(BadPayload, match=f"line {number}: "):
        import_archive(lines, path.with_name("restored.db"))
    assert set(tmp_path.iterdir()) == before


def damaged(lines: list[bytes]) -> Iterator[tuple[int | None, list[bytes]]]:
    """Archives that are not what an export wrote, and the line where that shows."""
    yield 30, [*lines[:29], *lines[30:]]
    yield 31, [*lines[:30], *lines[29:]]
    yield 30, [*lines[:29], lines[30], lines[29], *lines[31:]]
    yield 30, [*lines[:29], b"garbage\n", *lines[29:]]
    yield 30, [*lines[:29], b"\n", *lines[29:]]
    yield 30, [*lines[:29], b"[" * 100_000, *lines[29:]]
    yield 30, [*lines[:29], b"\xff\xfe\n", *lines[29:]]
    yield 30, [*lines[:29], b'"\\ud800"\n', *lines[29:]]
    yield 30, [*lines[:29], lines[29][:-20], *lines[30:]]
    yield 40, lines[:40]
    yield 1, lines[1:]
    yield 1, lines[:1]
    yield None, []
    yield len(lines) + 1, [*lines, lines[-1]]


def test_lines_that_are_missing_twice_there_or_garbage_are_named(
    path: Path, tmp_path: Path
) -> None:
    """A hole, a repeat, another order, a cut file and garbage make no log."""
    sound = exported(path)
    before = set(tmp_path.iterdir())
    for number, lines in damaged(sound):
        where = "empty" if number is None else f"line {number}: "
        with pytest.raises(BadPayload, match=where):
            import_archive(lines, path.with_name("restored.db"))
        assert set(tmp_path.iterdir()) == before


def test_an_archive_that_does_not_begin_at_the_beginning_is_no_log(path: Path) -> None:
    """A part of a log can be read by people, and can't be restored."""
    with pytest.raises(BadPayload, match="begins after 10"):
        import_archive(exported(path, after=10), path.with_name("restored.db"))


def test_a_failed_import_leaves_an_empty_log_as_it_was(path: Path) -> None:
    """Its id and its emptiness stay."""
    target = build_log(path.with_name("restored.db"), 0)
    before = log_id(target)
    with pytest.raises(BadPayload):
        import_archive(exported(path)[:-1], target)
    assert (log_id(target), rows(target)) == (before, [])
    assert verify(target).ok


def test_two_records_with_one_key_are_named_by_their_line(path: Path) -> None:
    """What the journal's guards refuse is refused with the line's number."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP INDEX journal_key")
    keyed = [row[0] for row in rows(path) if row[8] is not None]

    def change(stored: list[Any]) -> None:
        stored[keyed[1] - 1] = stored[keyed[1] - 1]._replace(key=stored[keyed[0] - 1].key)

    rewrite(path, change)
    with pytest.raises(BadPayload, match=f"line {keyed[1] + 1}: .*key"):
        import_archive(exported(path), path.with_name("restored.db"))


def test_any_altered_byte_of_an_archive_is_found_or_changes_nothing(path: Path) -> None:
    """A file that was damaged on the way gives the same log or none."""
    rng = random.Random(seed_for("archive bytes"))
    sound = b"".join(exported(path))
    stored = rows(path)
    refused = 0
    for _ in range(100):
        data = bytearray(sound)
        data[rng.randrange(len(data))] = rng.randrange(256)
        target = path.with_name("restored.db")
        try:
            import_archive(io.BytesIO(bytes(data)), target)
        except BadPayload:
            refused += 1
            assert not target.exists()
        else:
            assert rows(target) == stored
            target.unlink()
    assert refused


# ── a log's beginning ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("position", [0, 1, 2, 30, 58])
def test_a_copy_until_a_position_is_the_log_as_it_stood(path: Path, position: int) -> None:
    """Its records are the first ones of the log, and end with a complete append."""
    target = path.with_name("then.db")
    head = copy_until(path, target, position)
    stored = rows(path)
    assert rows(target) == stored[: head.position]
    last = stored[position - 1] if position else None
    assert head.position == (last[0] + last[7] - last[6] - 1 if last else 0)
    assert verify(target).ok
    mark = read_head(target)
    assert mark is not None
    assert (mark.log_id, mark.position) == (log_id(path), head.position)


def test_a_copy_goes_into_a_new_file_only(path: Path) -> None:
    """An existing file is never written over, and a missing log is named."""
    with pytest.raises(BadArgument, match="exists already"):
        copy_until(path, path, 3)
    with pytest.raises(DatabaseMissing):
        copy_until(path.with_name("none.db"), path.with_name("then.db"), 3)
    with pytest.raises(BadArgument, match="no position 59"):
        copy_until(path, path.with_name("then.db"), 59)
    assert not path.with_name("then.db").exists()
