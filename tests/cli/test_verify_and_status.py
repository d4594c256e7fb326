"""`eventlog verify` and `status`: findings have a line and code 1, what is sound has code 0."""

from __future__ import annotations

import errno
import json
import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eventlog.cli.context import shown_size
from eventlog.facts import Motion
from eventlog.journal.append import prepare
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.projections import VIEWS
from eventlog.record import StoredRecord
from eventlog.storage.paths import head_path, lock_path
from tests.cli.command_line import CommandLine
from tests.pictures.hostile_frames import jpeg
from tests.support.logs import T0, build_log, guards_down, put, rewrite, writing
from tests.support.mounts import make_read_only, writable_once


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a sound log with a picture."""
    saved = Thumbnails(tmp_path / "thumbnails").save(jpeg(), "2026-02-25T10:30:00")
    assert saved is not None
    log = [prepare([Motion(camera_id="front_door", recorded_at=T0), saved])] * 3
    return CommandLine(capsys, build_log(tmp_path / "door.db", log))


def test_a_sound_log_is_whole(eventlog: CommandLine) -> None:
    """It says what was looked at."""
    said = eventlog("verify")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "OK: no damage found in 6 records, the chain, the head file, the schema, the database"
        " file, the views and the pictures.\n"
    )
    (report,) = eventlog("verify", "--json").json
    assert report == {
        "ok": True,
        "records": 6,
        "findings": [],
        "notes": [],
        "omitted": 0,
        "omitted_notes": 0,
    }


def test_a_changed_record_is_a_finding_with_its_position(eventlog: CommandLine) -> None:
    """And code 1."""
    with guards_down(eventlog.db) as connection:
        connection.execute("UPDATE journal SET event_id = 1 WHERE position = 3")
    said = eventlog("verify", "--no-views")
    assert said.code == 1
    assert any(line.startswith("position 3: ") for line in said.lines)
    (report,) = eventlog("verify", "--json", "--no-views").json
    assert not report["ok"]
    assert 3 in [finding.get("position") for finding in report["findings"]]


def test_a_view_that_does_not_follow_is_a_finding(eventlog: CommandLine) -> None:
    """Unless the check of views was switched off."""
    with closing(sqlite3.connect(eventlog.db, isolation_level=None)) as connection:
        connection.execute("UPDATE events SET camera_id = 'x' WHERE id = 1")
    said = eventlog("verify")
    assert said.code == 1
    assert said.lines[0].startswith("views: events, row 1, column camera_id: ")
    assert said.lines[-1].startswith("Damage found: 1 finding in ")
    assert eventlog("verify", "--no-views").code == 0


def test_a_picture_that_is_gone_is_a_finding(eventlog: CommandLine) -> None:
    """Unless the check of pictures was switched off; the folder is the one that was given."""
    elsewhere = eventlog.thumbnails.parent / "elsewhere" / "thumbnails"
    elsewhere.parent.mkdir()
    eventlog.thumbnails.rename(elsewhere)
    said = eventlog("verify")
    assert said.code == 1
    assert (
        "file thumbnails/2026-02-25T10-30-00.jpg: the picture of record 2 is missing"
        in said.lines[0]
    )
    assert eventlog("verify", "--no-pictures").code == 0
    assert eventlog("verify", "--thumbnails", elsewhere).code == 0


def test_a_note_is_no_finding(eventlog: CommandLine) -> None:
    """A log without its head file counts as undamaged, as far as can be known."""
    head_path(eventlog.db).unlink()
    said = eventlog("verify")
    assert said.code == 0
    assert said.lines[0].startswith("note: head file: ")


def kept(eventlog: CommandLine) -> Path:
    """Where the last verify's word is kept."""
    return Path(f"{eventlog.db}.verified")


def test_what_verify_said_is_kept_for_the_dashboard(eventlog: CommandLine) -> None:
    """Only the owner may read it; the last one counts, findings too, and nothing else is left."""
    lock_path(eventlog.db).touch()
    eventlog("verify")
    first = json.loads(kept(eventlog).read_bytes())
    assert first["ok"] is True
    assert first["said"] == "6 records, no damage found"
    assert datetime.now(UTC) - datetime.fromisoformat(first["at"]) < timedelta(minutes=5)
    assert kept(eventlog).stat().st_mode & 0o777 == 0o600
    eventlog("verify", "--no-views", "--json")
    assert "no damage found in what was checked" in kept(eventlog).read_text(encoding="utf-8")
    with guards_down(eventlog.db) as connection:
        connection.execute("UPDATE journal SET event_id = 1 WHERE position = 3")
    assert eventlog("verify", "--no-views").code == 1
    found = json.loads(kept(eventlog).read_bytes())
    assert found["ok"] is False
    assert re.fullmatch(r"6 records, \d+ findings?", found["said"])
    assert list(eventlog.db.parent.glob("*.verified*")) == [kept(eventlog)]


def test_nothing_is_kept_beside_a_copy(eventlog: CommandLine, tmp_path: Path) -> None:
    """It is not the log that the dashboard shows."""
    copy = tmp_path / "copy.db"
    assert eventlog("backup", copy).code == 0
    assert eventlog("verify", "--db", copy).code == 0
    assert not Path(f"{copy}.verified").exists()


def test_nothing_is_kept_in_a_folder_that_cannot_be_written(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """And that is not a finding."""
    with writable_once(tmp_path / "medium") as folder:
        path = build_log(folder / "door.db", 2)
        lock_path(path).touch()
        make_read_only(folder)
        said = eventlog("verify", "--db", path)
        assert (said.code, said.err) == (0, "")
        assert not Path(f"{path}.verified").exists()


def test_that_nothing_could_be_kept_is_said(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes nothing from the answer, and leaves no half of a file."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    lock_path(eventlog.db).touch()
    monkeypatch.setattr(os, "fsync", full)
    said = eventlog("verify")
    assert said.code == 0
    assert said.out.startswith("OK: no damage found")
    assert (
        said.err
        == "eventlog: the result can't be kept for the dashboard: No space left on device\n"
    )
    assert list(eventlog.db.parent.glob("*.verified*")) == []


def test_the_status_is_a_page(eventlog: CommandLine) -> None:
    """Head, views, sizes, and the SQLite in use."""
    said = eventlog("status")
    assert (said.code, said.err) == (0, "")
    assert f"log        {eventlog.db}" in said.out
    assert "journal    6 records, 3 events" in said.out
    assert "events at 6, up to date" in said.out
    assert sqlite3.sqlite_version in said.out


def test_the_status_in_json_is_one_object(eventlog: CommandLine) -> None:
    """With every figure."""
    (status,) = eventlog("status", "--json").json
    assert (status["records"], status["last_event"]) == (6, 3)
    assert {view["view"] for view in status["views"]} == {view.name for view in VIEWS}


def test_a_lag_is_shown_and_no_finding(eventlog: CommandLine) -> None:
    """A moment's lag is how a log lives."""
    with writing(eventlog.db) as connection:
        put(connection, [prepare([Motion(camera_id="front_door", recorded_at=T0)])])
    said = eventlog("status")
    assert "events at 6, 1 behind" in said.out
    assert "journal    7 records, 4 events" in said.out


def test_parked_records_are_a_finding_of_the_status(eventlog: CommandLine) -> None:
    """They are counted with their reason."""

    def later(stored: list[StoredRecord]) -> None:
        stored[-1] = stored[-1]._replace(kind="gait")

    rewrite(eventlog.db, later)
    eventlog("replay")
    said = eventlog("status")
    assert said.code == 1
    assert "parked     1 record of detections: " in said.out


def test_a_head_file_ahead_of_the_journal_is_a_finding_of_the_status(
    eventlog: CommandLine,
) -> None:
    """Records are missing; verify says which."""
    with guards_down(eventlog.db) as connection:
        connection.execute("DELETE FROM journal WHERE position > 4")
    said = eventlog("status")
    assert said.code == 1
    assert "durable records are gone" in said.out


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (10**16, "TB")],
)
def test_sizes_are_shown_as_people_read_them(size_bytes: int, shown: str) -> None:
    """In thousands, with one digit behind the point."""
    assert shown_size(size_bytes).endswith(shown)
