"""`eventlog salvage` copies the undamaged records into a new log, and lists what is missing."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventlog import codecs
from eventlog.cli.context import Context
from eventlog.cli.salvage import _tell
from eventlog.maintenance.salvage import salvage as machine
from eventlog.maintenance.salvage.salvage import Range, SalvageReport
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import head_path, lock_path
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log, rows

PAGE_SIZE = 4096


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a log of some four hundred records."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 120))


def overwrite_a_page(path: Path) -> None:
    """Noise over a page that holds rows of the journal, in its middle."""
    stored = rows(path)
    contents = bytearray(path.read_bytes())
    middle = contents.index(stored[len(stored) // 2][-1])  # its hash stands nowhere else
    start = middle // PAGE_SIZE * PAGE_SIZE
    contents[start : start + PAGE_SIZE] = random.Random(1).randbytes(PAGE_SIZE)
    path.write_bytes(contents)


def positions(ranges: list[dict[str, int]]) -> set[int]:
    """All positions of some ranges."""
    return {p for part in ranges for p in range(part["first"], part["last"] + 1)}


def test_a_sound_log_is_carried_whole(eventlog: CommandLine, tmp_path: Path) -> None:
    """Into a log of its own id, with views, to which verify has nothing to say."""
    whole = tmp_path / "whole.db"
    said = eventlog("salvage", whole)
    count = len(rows(eventlog.db))
    assert (said.code, said.err) == (0, "")
    assert said.lines[0] == (
        f"{whole} holds {count} records of {count}: {count} proved, 0 with a repaired hash"
    )
    assert len(rows(whole)) == count
    assert eventlog("verify", "--db", whole).code == 0
    assert eventlog("events", "--db", whole).out == eventlog("events").out


def test_what_is_missing_is_a_finding_with_its_positions(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """All others are there, and the damaged log is as it was."""
    before = rows(eventlog.db)
    overwrite_a_page(eventlog.db)
    damaged = eventlog.db.read_bytes()
    assert eventlog("verify").code == 1
    whole = tmp_path / "whole.db"
    (report,) = eventlog("salvage", whole, "--json").json
    said = eventlog("salvage", tmp_path / "again.db")
    missing = positions(report["missing"])
    assert said.code == 1
    assert 0 < len(missing) < len(before)
    assert not report["complete"]
    assert str(min(missing)) in next(line for line in said.lines if line.startswith("Missing"))
    carried = [row for row in before if row[0] not in missing]
    assert [row[10] for row in rows(whole)] == [row[10] for row in carried]
    origins = [codecs.decode_meta(row[9])["origin"] for row in rows(whole) if row[9] is not None]
    assert origins
    assert eventlog.db.read_bytes() == damaged
    assert eventlog("verify", "--db", whole, "--no-pictures").code == 0


def test_without_a_head_file_a_lost_tail_is_not_seen_and_that_is_said(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """What is not known is not claimed."""
    head_path(eventlog.db).unlink()
    said = eventlog("salvage", tmp_path / "whole.db")
    assert said.code == 0
    assert "of at least " in said.lines[0]
    assert "There is no head file, so records lost at the end can't be noticed." in said.lines


def test_a_file_that_holds_no_log_and_one_that_is_there_are_errors(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """Nothing is made, nothing is written over."""
    text = tmp_path / "text"
    text.write_text("Dear diary, " * 2000, encoding="utf-8")
    said = eventlog("salvage", tmp_path / "whole.db", "--db", text)
    assert said.code == 2
    assert "nothing that looks like a log" in said.err
    assert not (tmp_path / "whole.db").exists()
    assert not lock_path(text).exists()
    assert eventlog("salvage", text).code == 2
    assert eventlog("salvage", tmp_path / "whole.db", "--db", tmp_path / "none.db").code == 2


def test_a_database_of_others_gets_no_lock_file(eventlog: CommandLine, tmp_path: Path) -> None:
    """A database that is not a log is unchanged, and no file is made next to it."""
    other = tmp_path / "apart" / "other.db"
    other.parent.mkdir()
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    assert eventlog("salvage", tmp_path / "whole.db", "--db", other).code == 2
    assert list(other.parent.iterdir()) == [other]


@pytest.mark.parametrize("found", ["a lock file", "a log without one"])
def test_a_log_that_others_write_is_waited_for(
    eventlog: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    """A log with a damaged header still has its lock file, and an undamaged one needs a lock."""
    if found == "a lock file":
        lock_path(eventlog.db).touch()
        contents = bytearray(eventlog.db.read_bytes())
        contents[:100] = bytes(100)
        eventlog.db.write_bytes(contents)
    else:
        lock_path(eventlog.db).unlink(missing_ok=True)
    taken: list[Path] = []

    class Watched(FileLock):
        def acquire(self, *, since: float | None = None) -> None:
            taken.append(self._path)
            super().acquire(since=since)

    monkeypatch.setattr(machine, "FileLock", Watched)
    assert eventlog("salvage", tmp_path / "whole.db").code == 0
    assert taken[0] == lock_path(eventlog.db)


def test_everything_that_a_salvage_found_has_its_line(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """Ranges are written for people, and there are only lines with content."""
    report = SalvageReport(
        old_log_id=None,
        new_log_id="00ff",
        carried=5,
        proved=2,
        repaired=1,
        unproved=(Range(8, 9),),
        missing=(Range(3, 3), Range(5, 7)),
        end=9,
        end_known=False,
        cut_appends=1,
        lost_keys=2,
        page_size=4096,
        header_damaged=True,
        wal_damaged=True,
        unreadable_pages=3,
    )
    _tell(Context(eventlog._settings), tmp_path / "new.db", report)
    first, *others = eventlog.capsys.readouterr().out.splitlines()
    assert first.endswith("holds 5 records of at least 9: 2 proved, 1 with a repaired hash")
    assert others == [
        "Behind a missing record, so not proved: 8 to 9",
        "Missing, by the old log's positions: 3, 5 to 7",
        "1 append incomplete now",
        "2 idempotency keys were used twice, and are dropped",
        "3 pages could not be read from the disk",
        "There is no head file, so records lost at the end can't be noticed.",
        "The file's header is damaged; its pages have 4096 bytes",
        "The WAL is damaged; what could be read of it was taken",
        "The new log has its own id: 00ff",
    ]
