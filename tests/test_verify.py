"""verify finds what was altered, taken away or put in, and names the place."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from eventlog import codecs, journal
from eventlog.appends import prepare
from eventlog.checks import findings
from eventlog.checks.findings import Finding, Report
from eventlog.errors import (
    DatabaseError,
    DatabaseMissing,
    EventLogError,
    ForeignDatabase,
    LockTimeout,
    NotADatabase,
)
from eventlog.facts import Motion, PersonNamed, ThumbnailSaved, UncleanStop
from eventlog.head import HeadMark, head_path, pack, read_head
from eventlog.projections import VIEWS
from eventlog.record import StoredRecord
from eventlog.replay_check import check
from eventlog.verify import verify
from tests.logs import (
    BOOT,
    T0,
    T0_US,
    build_log,
    build_log_with_wal,
    contents,
    flip,
    guards_down,
    put,
    rewrite,
    rows,
    seed_for,
    write_head,
    writing,
)

TABLES = [table for view in VIEWS for table in view.tables]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some seventy records."""
    return build_log(tmp_path / "door.db", 20)


def positions(report: Report) -> list[int]:
    """The positions that findings hit."""
    return [finding.position for finding in report.findings if finding.position is not None]


def places(report: Report) -> set[str]:
    """Where the findings lie."""
    return {finding.where for finding in report.findings}


# ── what is whole ──────────────────────────────────────────────────────────────────────────


def test_a_sound_log_has_no_findings_and_no_notes(path: Path) -> None:
    """Nothing is found where nothing is wrong, and every record was read."""
    assert verify(path) == Report((), (), len(rows(path)))


def test_an_empty_log_is_sound(tmp_path: Path) -> None:
    """A log without records has nothing that could be wrong."""
    assert verify(build_log(tmp_path / "door.db", 0)).ok


def test_a_log_is_verified_while_its_writer_is_open(tmp_path: Path) -> None:
    """What lies in the WAL is read, and nothing of the writer's is disturbed."""
    path = tmp_path / "door.db"
    build_log(path, 5)
    with writing(path) as connection:
        for append in [prepare([PersonNamed(name=f"p{n}")]) for n in range(10)]:
            put(connection, [append])
        write_head(path, connection)
        assert verify(path).ok
        head = put(connection, [prepare([PersonNamed(name="later")])])
        write_head(path, connection)
    assert verify(path).records == head.position


def test_progress_is_told_up_to_the_journals_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller with a progress bar hears of records done and of all there are."""
    monkeypatch.setattr("eventlog.verify._PROGRESS_STEP", 10)
    path = build_log(tmp_path / "door.db", 20)
    told: list[tuple[int, int]] = []
    report = verify(path, progress=lambda done, total: told.append((done, total)))
    assert told == [(n, report.records) for n in range(10, report.records + 1, 10)]


def test_batches_leave_no_row_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the cursor is opened anew, each row is read once."""
    monkeypatch.setattr("eventlog.checks.walk.ROWS_PER_CURSOR", 7)
    assert verify(path) == Report((), (), len(rows(path)))


# ── what no log is ─────────────────────────────────────────────────────────────────────────


def test_a_missing_file_another_programs_and_no_database_are_named_errors(tmp_path: Path) -> None:
    """A question about a file that is no log is answered by an error, not by findings."""
    with pytest.raises(DatabaseMissing):
        verify(tmp_path / "none.db")
    text = tmp_path / "text.db"
    text.write_bytes(b"This is no database. " * 100)
    with pytest.raises(NotADatabase):
        verify(text)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(ForeignDatabase):
        verify(tmp_path / "other.db")


def test_a_log_whose_header_is_noise_is_found_by_its_head_file(path: Path) -> None:
    """Where a head file tells that a log lay there, an unreadable file is a finding."""
    path.write_bytes(b"x" * 100 + path.read_bytes()[100:])
    assert places(verify(path)) == {"file"}


# ── rows ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("event_id", 77),
        ("event_id", None),
        ("kind", "dinG"),
        ("version", 2),
        ("appended_at", T0_US + 1),
        ("append_index", 1),
        ("append_size", 99),
        ("key", "other"),
        ("meta", None),
        ("body", b"\x80"),
        ("hash", bytes(32)),
    ],
)
def test_a_changed_column_is_found_at_its_position(path: Path, column: str, value: Any) -> None:
    """Whichever column of a row was changed, the row is named first."""
    position = next(row[0] for row in rows(path) if row[8] is not None)
    with guards_down(path) as connection:
        connection.execute(
            f"UPDATE journal SET append_size = 99, {column} = ? WHERE position = ?",
            (value, position),
        )
    assert positions(verify(path))[0] == position


@pytest.mark.parametrize("gone", [1, 2, 30])
def test_a_row_removed_from_the_middle_is_named(path: Path, gone: int) -> None:
    """A hole is named by the position that is missing, and by nothing else."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position = ?", (gone,))
    report = verify(path)
    assert positions(report) == [gone]
    assert f"record {gone} is missing" in report.findings[0].what


def test_several_rows_removed_are_one_hole(path: Path) -> None:
    """The positions that are missing are named as a range."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position BETWEEN 10 AND 19")
    report = verify(path)
    assert positions(report) == [10]
    assert "records 10 to 19 are missing" in report.findings[0].what


def test_rows_removed_from_the_end_are_named_by_the_head_file(path: Path) -> None:
    """A shorter journal looks whole; the head file knows better."""
    end = len(rows(path))
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position > ?", (end - 3,))
    report = verify(path)
    assert end - 2 in positions(report)
    assert min(positions(report)) >= end - 3
    assert "durable records are gone" in " ".join(f.what for f in report.findings)


def test_two_swapped_rows_are_both_named(path: Path) -> None:
    """Two records that changed places are found at both of them."""
    with guards_down(path) as connection:
        for at, to in ((20, -1), (40, 20), (-1, 40)):
            connection.execute("UPDATE journal SET position = ? WHERE position = ?", (to, at))
    assert {20, 40} <= set(positions(verify(path)))


def test_a_row_put_in_front_of_the_first_is_found(path: Path) -> None:
    """No record stands at a position before 1."""
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET position = 0 WHERE position = 7")
    assert set(positions(verify(path))) == {1, 7}


def test_a_page_that_is_read_twice_is_named_where_the_order_breaks(tmp_path: Path) -> None:
    """A flipped bit in a page number can lead to one page twice, and past another."""
    path = build_log(tmp_path / "door.db", 60, project=False)
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'"
        ).fetchone()
    data = bytearray(path.read_bytes())
    cells = (root - 1) * 4096 + 12  # of an interior page: pointers to cells of a page number each
    first, second = (int.from_bytes(data[cells + 2 * n : cells + 2 * n + 2]) for n in (0, 1))
    start = (root - 1) * 4096
    data[start + second : start + second + 4] = data[start + first : start + first + 4]
    path.write_bytes(data)
    named = positions(verify(path))
    assert named[0] == named[1] > 1


def test_the_rest_is_checked_behind_a_finding(path: Path) -> None:
    """One damaged record does not hide another."""
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET body = x'80' WHERE position IN (10, 50)")
        connection.execute("DELETE FROM journal WHERE position = 25")
    assert positions(verify(path)) == [10, 25, 50]


def test_a_page_of_noise_is_a_range_and_the_rest_is_checked(tmp_path: Path) -> None:
    """Positions that SQLite can't reach are named, and reading goes on behind them."""
    path = build_log(tmp_path / "door.db", 100)
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET body = x'80' WHERE position = 300")
        (page,) = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'journal' AND pagetype = 'leaf'"
            " ORDER BY path LIMIT 1 OFFSET 5"
        ).fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = random.Random(1).randbytes(4096)
    path.write_bytes(data)
    report = verify(path)
    first, second = positions(report)[:2]
    assert "can't be read" in report.findings[0].what
    assert 1 < first < 300
    assert second == 300


def test_a_log_id_that_is_not_the_chains_is_found(path: Path) -> None:
    """The id stands before position 1; another one starts another chain."""
    with guards_down(path) as connection:
        connection.execute("UPDATE log SET log_id = ?", (bytes(16),))
    report = verify(path)
    assert positions(report) == [1]
    assert "head file" in places(report)


def test_a_log_with_two_ids_is_found(path: Path) -> None:
    """One row tells who the log is, and its number is 1."""
    with guards_down(path) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE log SET one = 3")
    assert places(verify(path)) >= {"table log"}


def test_a_missing_log_id_is_found(path: Path) -> None:
    """Without the id the records can still be held against each other."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM log")
    assert places(verify(path)) == {"table log"}


# ── what the columns say about each other ──────────────────────────────────────────────────


def changed_row(path: Path, position: int, **columns: Any) -> Report:
    """The report on a log one row of which was written otherwise, hashes and all."""

    def change(stored: list[StoredRecord]) -> None:
        stored[position - 1] = stored[position - 1]._replace(**columns)

    rewrite(path, change)
    return verify(path)


def test_a_kind_that_is_not_the_bodys_is_found(path: Path) -> None:
    """The kind and version stand twice, and must agree."""
    for columns in ({"kind": "alert_sent"}, {"version": 2}):
        assert 5 in positions(changed_row(path, 5, **columns))


def test_a_format_of_a_later_program_is_found(path: Path) -> None:
    """A row in a format that this program does not know can't be vouched for."""
    report = changed_row(path, 5, format=2)
    assert positions(report) == [5]
    assert "format is 2" in report.findings[0].what


def test_an_append_that_is_not_whole_is_found(tmp_path: Path) -> None:
    """Index and size of an append must tell of whole appends, at the end of the journal too."""
    made = [prepare([PersonNamed(name=name) for name in "abc"]) for _ in range(3)]
    path = build_log(tmp_path / "door.db", made)
    assert positions(changed_row(path, 5, append_index=2)) == [5, 6]
    path.unlink()
    build_log(path, made)
    rewrite(path, lambda stored: stored.__delitem__(8))
    assert positions(verify(path)) == [8]
    path.unlink()
    build_log(path, made)
    assert positions(changed_row(path, 6, key="late")) == [6]
    path.unlink()
    build_log(path, made)
    assert positions(changed_row(path, 6, append_index=0, append_size=1)) == [6]


def test_events_are_opened_once_and_before_their_facts(tmp_path: Path) -> None:
    """An opener's event is new; other facts belong to an event that was opened."""
    motion = Motion(camera_id="front_door", recorded_at=T0)
    made = [prepare([motion]), prepare([motion]), prepare([PersonNamed(name="a")], event_id=1)]
    path = build_log(tmp_path / "door.db", made, project=False)
    assert verify(path).ok
    assert positions(changed_row(path, 2, event_id=1)) == [2]
    assert positions(changed_row(path, 2, event_id=None)) == [2]
    assert positions(changed_row(path, 2, event_id=2)) == []
    assert positions(changed_row(path, 3, event_id=9)) == [3]


def test_a_kind_of_a_later_program_is_no_finding(path: Path) -> None:
    """What this program does not know is whole if its hash is; only its names must agree."""
    body = codecs.encode_meta({"kind": "silent_camera", "version": 3, "since": 1})
    assert changed_row(path, 5, kind="silent_camera", version=3, body=body).ok


# ── the head file ──────────────────────────────────────────────────────────────────────────


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
    """A tail that was written anew does not have the hash that was noted."""
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
    """Nothing is known to be wrong then; that the tail is whole can't be told."""
    head_path(path).unlink()
    report = verify(path)
    assert report.ok
    assert [note.where for note in report.notes] == ["head file"]


# ── the file ───────────────────────────────────────────────────────────────────────────────


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
    """SQLite's own check tells which index it is."""
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


# ── beside the journal ─────────────────────────────────────────────────────────────────────


def test_pictures_are_asked_for_and_named(tmp_path: Path) -> None:
    """What the folder says of a fact's picture becomes a finding on the file."""
    facts = [ThumbnailSaved(path=f"thumbnails/{n}.jpg", sha256=bytes(32)) for n in range(3)]
    motion = Motion(camera_id="front_door", recorded_at=T0)
    path = build_log(tmp_path / "door.db", [prepare([motion, *facts])])
    answers: dict[str, Literal["missing", "damaged"] | None] = {
        "thumbnails/0.jpg": None,
        "thumbnails/1.jpg": "missing",
        "thumbnails/2.jpg": "damaged",
    }
    report = verify(path, thumbnails=lambda fact: answers[fact.path])
    assert report.findings == (
        Finding("file thumbnails/1.jpg", "the picture of record 3 is missing", position=3),
        Finding("file thumbnails/2.jpg", "the picture of record 4 is damaged", position=4),
    )


def test_views_that_differ_are_findings(path: Path) -> None:
    """Each difference is one; views that can't be compared are one too."""

    def broken() -> Iterator[str]:
        yield "events: row 1 differs"
        raise DatabaseError("the disk")

    assert [f.where for f in verify(path, check_views=broken).findings] == ["views", "views"]
    assert verify(path, check_views=list).ok


def test_views_that_are_locked_are_no_finding(path: Path) -> None:
    """What can't be looked at now says nothing about the log."""

    def locked() -> Iterator[str]:
        yield from ()
        raise LockTimeout("later")

    with pytest.raises(LockTimeout):
        verify(path, check_views=locked)


def clocked(*clocks: tuple[int, int, bytes]) -> list[Any]:
    """Appends at these wall seconds, boot seconds and boots."""
    made = []
    for wall_s, clock_s, boot in clocks:
        append = prepare([PersonNamed(name="a")])
        meta = codecs.encode_meta({"boot": boot, "clock_ns": clock_s * 10**9})
        at_us = T0_US + wall_s * 1_000_000
        made.append(msgspec.structs.replace(append, appended_at_us=at_us, meta=meta))
    return made


def test_a_jump_of_the_wall_clock_is_a_note(tmp_path: Path) -> None:
    """Within one boot the two clocks move together, unless the wall clock was set."""
    made = clocked((0, 0, BOOT), (10, 10, BOOT), (20 - 3600, 20, BOOT), (30 - 3600, 30, BOOT))
    report = verify(build_log(tmp_path / "door.db", made))
    assert report.ok
    assert [note.position for note in report.notes] == [3]
    assert "-3600.0 s between records 2 and 3" in report.notes[0].what


def test_small_steps_and_other_boots_are_no_jump(tmp_path: Path) -> None:
    """Clocks of two boots have nothing to do with each other, and NTP moves a little always."""
    made = clocked((0, 0, BOOT), (12, 10, BOOT), (9999, 1, bytes(16)), (10_000, 2, bytes(16)))
    assert verify(build_log(tmp_path / "door.db", made)).notes == ()


def test_records_that_an_unclean_stop_took_stay_noted(tmp_path: Path) -> None:
    """The fact that the recorder wrote at its next start is told again."""
    facts = [
        UncleanStop(journal_position=0),
        UncleanStop(journal_position=1, head_position=9, head_hash=bytes(32)),
    ]
    path = build_log(tmp_path / "door.db", [prepare([fact]) for fact in facts])
    report = verify(path)
    assert report.ok
    assert [note.position for note in report.notes] == [2]


# ── bit rot ────────────────────────────────────────────────────────────────────────────────


def first_difference(before: list[Any], after: list[Any]) -> int | None:
    """The first position at which two journals differ."""
    for position, (old, new) in enumerate(zip(before, after, strict=False), start=1):
        if old != new:
            return position
    return None if len(before) == len(after) else min(len(before), len(after)) + 1


def check_flip(path: Path, before: dict[str, Any], bit: int) -> bool:
    """Hold verify's answer against what a flip changed; whether it changed anything."""
    after = contents(path)

    try:
        report = verify(path, check_views=lambda: map(str, check(path)))
    except EventLogError:
        assert after != before
        return True
    if after == before:
        return False
    assert not report.ok, f"bit {bit} was missed"
    where = after and first_difference(before["journal"], after.get("journal", []))
    if where:
        assert min(positions(report)) == where, f"bit {bit} was named wrong"
    return True


# A walk that damage cut short is taken away after its connection, which Python complains of.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.faults)])
def test_a_flipped_bit_in_the_database_file_is_found(tmp_path: Path, count: int) -> None:
    """Every flip that changes what the file holds is found, the first record hit is named."""
    rng = random.Random(seed_for("database flips"))
    path = build_log(tmp_path / "door.db", 60)
    sound, before = path.read_bytes(), contents(path)
    assert before is not None
    changed = 0
    for _ in range(count):
        bit = rng.randrange(len(sound) * 8)
        path.write_bytes(flip(sound, bit))
        changed += check_flip(path, before, bit)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert changed > count / 10


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.faults)])
def test_a_flipped_bit_in_the_wal_is_found(tmp_path: Path, count: int) -> None:
    """SQLite drops the WAL's rest in silence; the head file tells what is gone from where."""
    rng = random.Random(seed_for("WAL flips"))
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    wal = path.with_name(path.name + "-wal")
    sound, sound_wal, before = path.read_bytes(), wal.read_bytes(), contents(path)
    assert before is not None
    for _ in range(count):
        bit = rng.randrange(len(sound_wal) * 8)
        path.write_bytes(sound)
        wal.write_bytes(flip(sound_wal, bit))
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        assert check_flip(path, before, bit)


def test_a_flipped_bit_in_body_or_hash_is_found_at_the_record(tmp_path: Path) -> None:
    """Body and hash lie side by side on the disk; each bit of them counts."""
    path = build_log(tmp_path / "door.db", 20, project=False)
    sound = path.read_bytes()
    rng = random.Random(seed_for("row flips"))
    for row in rng.sample(rows(path), 30):
        stored = row[10] + row[11]
        at = sound.find(stored)
        assert at > 0
        path.write_bytes(flip(sound, (at * 8) + rng.randrange(len(stored) * 8)))
        assert positions(verify(path))[0] == row[0]


def test_the_journal_is_read_by_its_own_columns() -> None:
    """The walk reads rows in the order of the table's columns, hash last."""
    assert journal.COLUMNS.split(", ") == [*StoredRecord._fields]
