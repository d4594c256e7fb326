"""`eventlog export`, `import` and `backup`: what leaves a log comes back the same."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.facts import FaceResult, Motion
from eventlog.journal.append import prepare
from tests.cli.command_line import CommandLine
from tests.support.logs import T0, build_log, guards_down, rows

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a log of some seventy records."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 20))


@pytest.fixture
def exported(eventlog: CommandLine, tmp_path: Path) -> Path:
    """What that log's export wrote."""
    file = tmp_path / "door.jsonl"
    assert eventlog("export", file).code == 0
    return file


def test_an_export_is_a_file_that_is_whole_or_not_there(
    eventlog: CommandLine, exported: Path, tmp_path: Path
) -> None:
    """A header, then one line for each record.

    No other file is left, and other users can't read it.
    """
    lines = exported.read_bytes().splitlines()
    assert json.loads(lines[0])["archive"] == "eventlog/1"
    assert [json.loads(line)["position"] for line in lines[1:]] == [
        row[0] for row in rows(eventlog.db)
    ]
    assert exported.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob(".door.jsonl*"))


def test_an_export_that_fails_leaves_no_file(eventlog: CommandLine, tmp_path: Path) -> None:
    """A damaged log is not an archive."""
    with guards_down(eventlog.db) as connection:
        connection.execute("DELETE FROM journal WHERE position = 30")
    said = eventlog("export", tmp_path / "door.jsonl")
    assert said.code == 1
    assert "after 29 comes 31" in said.err
    assert not list(tmp_path.glob("*door.jsonl*"))
    assert not list(tmp_path.glob(".door.jsonl*"))


def test_the_standard_output_is_a_file_too(eventlog: CommandLine, exported: Path) -> None:
    """Byte for byte what a file gets; a lone hyphen may be written out."""
    for arguments in ([], ["-"]):
        said = eventlog("export", *arguments)
        assert said.code == 0
        assert said.out.encode() == exported.read_bytes()


def test_a_part_can_be_exported(eventlog: CommandLine, tmp_path: Path) -> None:
    """After a position, up to a position."""
    file = tmp_path / "part.jsonl"
    assert eventlog("export", file, "--after", "10", "--until", "12").code == 0
    positions = [json.loads(line)["position"] for line in file.read_bytes().splitlines()[1:]]
    assert positions[:2] == [11, 12]


def test_an_import_restores_the_log(eventlog: CommandLine, exported: Path, tmp_path: Path) -> None:
    """The same rows, and views that follow from them."""
    restored = tmp_path / "restored.db"
    (done,) = eventlog("import", exported, "--db", restored, "--json").json
    assert rows(restored) == rows(eventlog.db)
    assert done["position"] == rows(restored)[-1][0]
    assert done["hash"] == rows(restored)[-1][-1].hex()
    assert eventlog("verify", "--db", restored).code == 0
    assert eventlog("events", "--db", restored).out == eventlog("events").out


def test_an_import_reads_the_standard_input(
    eventlog: CommandLine, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hyphen means standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(exported.read_bytes())))
    said = eventlog("import", "-", "--db", tmp_path / "restored.db")
    assert said.code == 0
    assert said.out.endswith(f"holds {len(rows(eventlog.db))} records\n")


def test_an_import_goes_into_no_log_that_has_records(eventlog: CommandLine, exported: Path) -> None:
    """It is a restore, not a merge."""
    before = rows(eventlog.db)
    said = eventlog("import", exported)
    assert said.code == 2
    assert "an import goes into an empty log" in said.err
    assert rows(eventlog.db) == before


def test_a_bad_line_is_named_and_nothing_is_there(
    eventlog: CommandLine, exported: Path, tmp_path: Path
) -> None:
    """The number of the line, and no half a log."""
    lines = exported.read_bytes().splitlines()
    exported.write_bytes(b"\n".join([*lines[:5], b"{}", *lines[6:]]))
    restored = tmp_path / "restored.db"
    said = eventlog("import", exported, "--db", restored)
    assert said.code == 2
    assert "line 6" in said.err
    assert not restored.exists()


@pytest.mark.parametrize(
    ("start", "hint"),
    [
        (b"SQLite format 3\0", "it is a database and not an export: name it by --db to use it"),
        (b"\x1f\x8b\x08", "zcat FILE | eventlog import -"),
        (b"\xfd7zXZ\0", "xzcat FILE | eventlog import -"),
        (b"\x28\xb5\x2f\xfd", "zstdcat FILE | eventlog import -"),
    ],
)
def test_an_import_of_another_file_says_what_to_do_with_it(
    eventlog: CommandLine, tmp_path: Path, start: bytes, hint: str
) -> None:
    """A database, or an export that was compressed; nothing is made."""
    file = tmp_path / "other"
    file.write_bytes(start + bytes(5000))
    said = eventlog("import", file, "--db", tmp_path / "restored.db")
    assert (said.code, said.out) == (2, "")
    assert hint in said.err
    assert not list(tmp_path.glob("*restored*"))


def test_an_import_reads_a_line_without_end_in_bounded_memory(tmp_path: Path) -> None:
    """/dev/zero has one: it is refused, in a process that may use 400 MB."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (400 << 20,) * 2);"
        "from eventlog.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "import", "/dev/zero", "--db", str(tmp_path / "x.db")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "eventlog: archive: line 1: it is longer than 64 MiB\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["frigate", "ring"])
@pytest.mark.parametrize("device", ["/dev/zero"])
def test_an_ingest_of_input_without_end_ends_in_bounded_memory(
    tmp_path: Path, source: str, device: str
) -> None:
    """Where nothing in it is a message; in a process that may use 600 MB, and no log is made."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (600 << 20,) * 2);"
        "from eventlog.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "ingest", source, device, "--db", str(tmp_path / "x.db")]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["backup", "-"], ["salvage", "-"], ["replay", "--until", "1", "--into", "-"]],
)
def test_a_database_does_not_go_to_the_standard_output(
    eventlog: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """No file named - is made; the command that writes there is named."""
    monkeypatch.chdir(tmp_path)
    said = eventlog(*arguments)
    assert (said.code, said.out) == (2, "")
    assert "`eventlog export -`" in said.err
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("command", ["export", "backup"])
def test_a_file_that_is_there_is_not_written_over(
    eventlog: CommandLine, tmp_path: Path, command: str
) -> None:
    """Whatever it holds."""
    kept = tmp_path / "kept"
    kept.write_text("precious", encoding="utf-8")
    said = eventlog(command, kept)
    assert said.code == 2
    assert "exists already" in said.err
    assert kept.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    "arguments",
    [["export", "/nowhere/x"], ["import", "/nowhere/x"], ["backup", "/nowhere/x"], ["backup"]],
)
def test_a_file_that_cannot_be_is_wrong_use(eventlog: CommandLine, arguments: list[str]) -> None:
    """One line, code 2."""
    said = eventlog(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1


def test_a_backup_is_a_log_of_its_own(eventlog: CommandLine, tmp_path: Path) -> None:
    """Checked, with its views; the pictures are not in it, which is said."""
    copy = tmp_path / "copy.db"
    said = eventlog("backup", copy)
    assert said.code == 0
    assert said.lines[0] == f"{copy} holds {len(rows(eventlog.db))} records, no damage found"
    assert "pictures" in said.lines[1]
    assert rows(copy) == rows(eventlog.db)
    (report,) = eventlog("backup", tmp_path / "again.db", "--json").json
    assert report["ok"]


def test_a_backup_of_a_damaged_log_is_made_and_is_a_finding(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """Waiting would lose more."""
    with guards_down(eventlog.db) as connection:
        connection.execute("UPDATE journal SET event_id = 99 WHERE position = 5")
    copy = tmp_path / "copy.db"
    said = eventlog("backup", copy)
    assert said.code == 1
    assert said.lines[0].startswith("position 5: ")
    assert copy.exists()


def test_an_export_to_a_terminal_moves_no_cursor(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the same JSON, with escapes for what a terminal would obey."""
    name = "eve\u202e"
    log = [prepare([Motion(camera_id="d", recorded_at=T0), FaceResult(name=name)])]
    eventlog = CommandLine(capsys, build_log(tmp_path / "door.db", log))
    monkeypatch.setenv("FORCE_COLOR", "1")
    said = eventlog("export")
    assert said.code == 0
    assert "\u202e" not in said.out
    assert said.json[2]["fact"]["name"] == name
