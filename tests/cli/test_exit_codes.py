"""The command line's manners: exit codes, one line for an error, broken pipes, full disks."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.support.logs import build_log, contents
from tests.support.mounts import make_read_only, writable_once

CHECKOUT = Path(__file__).resolve().parent.parent.parent
READING = ["events", "show 1", "tail", "verify", "status", "parked", "export", "replay --check"]
WRITING = ["replay", "ingest ring FILE"]
# What may lie where a log should, and what is said of it.
KINDS = {
    "missing": "there is no database {path}",
    "no folder": "there is no folder {folder}/nowhere",
    "folder": "{folder} is a folder",
    "memory": "a log needs a file of its own",
    "no database": "{path}: file is not a database",
    "newer": "the database has version 99; this program knows up to 1",
    "foreign": "{path} is not an event log",
}


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a log of some thirty records."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 10))


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """A file to ingest."""
    path = tmp_path / "ring.json"
    path.write_text("[]", encoding="utf-8")
    return path


def words(command: str, file: Path) -> list[str]:
    """A command as its words."""
    return command.replace("FILE", str(file)).split()


def unusable(kind: str, folder: Path) -> Path:
    """A path at which no log is."""
    path = folder / "other.db"
    match kind:
        case "no folder":
            path = folder / "nowhere" / "x.db"
        case "folder":
            path = folder
        case "memory":
            path = Path(":memory:")
        case "no database":
            path.write_text("Dear diary, " * 200, encoding="utf-8")
        case "newer":
            build_log(path, 2)
            run_sql(path, "PRAGMA user_version = 99")
        case "foreign":
            run_sql(path, "CREATE TABLE notes (text)")
    return path


def run_sql(path: Path, sql: str) -> None:
    """Raw SQL."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (command, kind)
        for command in (*READING, *WRITING)
        for kind in KINDS
        # The one makes a log there; the other checks a newer log as far as it knows it.
        if (command, kind) not in {("ingest ring FILE", "missing"), ("verify", "newer")}
    ],
)
def test_what_is_no_log_is_named_in_one_line(
    eventlog: CommandLine, tmp_path: Path, ring: Path, command: str, kind: str
) -> None:
    """Whatever is at the path, and whatever was asked of it; nothing of it is changed."""
    folder = tmp_path / "apart"
    folder.mkdir()
    path = unusable(kind, folder)
    before = path.read_bytes() if path.is_file() else None
    said = eventlog(*words(command, ring), "--db", path)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("eventlog: " + KINDS[kind].format(path=path, folder=folder))
    assert said.err.count("\n") == 1
    assert kind in {"memory", "foreign"} or "; " in said.err, "it says what may be done"
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("command", READING)
def test_reading_needs_no_disk_that_can_be_written(
    eventlog: CommandLine, tmp_path: Path, ring: Path, command: str
) -> None:
    """A log on a read-only file system can be read, and is not changed."""
    with writable_once(tmp_path / "medium") as folder:
        path = build_log(folder / "door.db", 10)
        make_read_only(folder)
        before = contents(path)
        expected = eventlog(*words(command, ring))
        said = eventlog(*words(command, ring), "--db", path)
        assert said.code == expected.code == 0
        # What was done to read it may be said; the answer is the same but for names and ids.
        assert len(said.lines) >= len(expected.lines)
        assert contents(path) == before


@pytest.mark.parametrize("command", WRITING)
def test_writing_to_what_cannot_be_written_is_an_error(
    eventlog: CommandLine, tmp_path: Path, ring: Path, command: str
) -> None:
    """In one line, code 2."""
    with writable_once(tmp_path / "medium") as folder:
        path = build_log(folder / "door.db", 2)
        (folder / "thumbnails").mkdir()
        make_read_only(folder)
        said = eventlog(*words(command, ring), "--db", path, "--thumbnails", folder / "thumbnails")
        assert (said.code, said.out) == (2, "")
        assert said.err == (
            f"eventlog: {path} can't be written: it, or its folder, is read-only; run this as the"
            " user that owns the file, or make the file and its folder writable\n"
        )


def test_a_defect_keeps_its_traceback(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only errors that are raised on purpose become one line; a crash has a code of its own."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("eventlog.cli.status.look", broken)
    said = eventlog("status")
    assert (said.code, said.out) == (70, "")
    assert "ZeroDivisionError" in said.err
    assert said.err.splitlines()[-1].startswith("eventlog: this is a defect of the program")


def test_an_error_of_the_system_names_its_file(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not a defect: one line, code 2."""

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/etc/x")

    monkeypatch.setattr("eventlog.cli.status.look", refused)
    assert eventlog("status") == (2, "", "eventlog: /etc/x: Permission denied\n")


def test_ctrl_c_ends_a_command_quietly(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the code that shells know."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("eventlog.cli.status.look", interrupted)
    assert eventlog("status") == (130, "", "")


def test_warnings_of_the_library_are_remarks(tmp_path: Path) -> None:
    """A line each on the standard error, with escapes for what a terminal would obey."""
    path = tmp_path / "history.json"
    sound = '{"id": 7, "kind": "ding", "created_at": "2026-02-25T10:30:00Z"}'
    path.write_text(f'[{sound}, {{"kind": "ding"}}]', encoding="utf-8")
    hostile = tmp_path / "\u202edoor.db"
    done = subprocess.run(
        [sys.executable, "-m", "eventlog", "ingest", "ring", str(path), "--db", str(hostile)],
        env={**os.environ, "THUMBNAILS_DIR": str(tmp_path / "thumbnails")},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    remarks = done.stderr.splitlines()
    assert len(remarks) == 2
    assert all(line.startswith("eventlog: ") for line in remarks)
    assert "refused" in remarks[0]
    assert r"\u202edoor.db" in remarks[1]
