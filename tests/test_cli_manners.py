"""The command line's manners: exit codes, one line for an error, help, colours, broken pipes."""

from __future__ import annotations

import errno
import os
import pty
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.cli.app import make_app
from eventlog.cli.commands import COMMANDS
from eventlog.cli.desk import Settings
from eventlog.cli.safe_text import safe, safe_json
from tests.command_line import CommandLine
from tests.logs import build_log, contents
from tests.mounts import make_read_only, writable_once

CHECKOUT = Path(__file__).resolve().parent.parent
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
    "foreign": "{path} is no event log",
}
ESCAPE = "\x1b"


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
    """Whatever lies at the path, and whatever was asked of it; nothing of it is changed."""
    folder = tmp_path / "apart"
    folder.mkdir()
    path = unusable(kind, folder)
    before = path.read_bytes() if path.is_file() else None
    said = eventlog(*words(command, ring), "--db", path)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("eventlog: " + KINDS[kind].format(path=path, folder=folder))
    assert said.err.count("\n") == 1
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("command", READING)
def test_reading_needs_no_disk_that_can_be_written(
    eventlog: CommandLine, tmp_path: Path, ring: Path, command: str
) -> None:
    """A log on a read-only file system is read all the same, and stays as it is."""
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
        assert said.err == f"eventlog: {path} can't be written: it, or its folder, is read-only\n"


def test_options_for_every_command_may_stand_before_or_behind(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """The log is named where one likes."""
    other = build_log(tmp_path / "other.db", 2)
    before = eventlog("--db", other, "events", "--json")
    behind = eventlog("events", "--json", "--db", other)
    assert before.out == behind.out
    assert len(before.json) == 2


def test_no_command_shows_the_help(eventlog: CommandLine) -> None:
    """All commands, each in a line, and what the exit codes mean."""
    said = eventlog()
    assert said.code == 0
    for command in COMMANDS:
        assert command.name in said.out
    assert "0 fine, 1 a finding, 2 wrong use" in " ".join(said.out.split())
    assert eventlog("--help").out == said.out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_with_examples_that_are_understood(
    eventlog: CommandLine, command: object
) -> None:
    """Each example is parsed as it stands; none of them is run."""
    name, examples = command.name, command.examples  # type: ignore[attr-defined]  # a Command
    said = eventlog(name, "--help")
    assert said.code == 0
    assert f"Usage: eventlog {name}" in said.out
    app = make_app(lambda: Settings(db_path="x", thumbnails_dir="y"))
    assert examples
    for example in examples:
        assert example in said.out
        called = next(part for part in re.split(r"[|>]", example) if "eventlog " in part)
        tokens = shlex.split(called)[1:]
        tokens = ["./-" if word == "-" else word for word in tokens]
        tokens = tokens[: tokens.index("--db")] if "--db" in tokens else tokens
        bound = app.parse_args(tokens, print_error=False, exit_on_error=False)[1]
        assert bound is not None


def test_the_version_is_told(eventlog: CommandLine) -> None:
    """In one line."""
    assert eventlog("--version").out.count("\n") == 1


def test_an_unknown_command_is_wrong_use(eventlog: CommandLine) -> None:
    """With what was meant perhaps, and where to look."""
    said = eventlog("evnets")
    assert (said.code, said.out) == (2, "")
    assert '"events"' in said.err
    assert said.err.endswith("Try: eventlog --help\n")


@pytest.mark.parametrize("arguments", [["show"], ["show", "x"], ["show", "1", "--nope"]])
def test_a_command_called_wrongly_names_its_own_help(
    eventlog: CommandLine, arguments: list[str]
) -> None:
    """Which says how it is called."""
    said = eventlog(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.endswith("Try: eventlog show --help\n")


@pytest.mark.parametrize(
    ("command", "takes"),
    [
        ("show", "[OPTIONS] ID"),
        ("ingest", "[OPTIONS] SOURCE FILE..."),
        ("replay", "[OPTIONS] [VIEW...]"),
        ("export", "[OPTIONS] [FILE]"),
        ("token", "add NAME --scope CHOICE..."),
    ],
)
def test_the_first_line_of_a_help_says_how_to_call(
    eventlog: CommandLine, command: str, takes: str
) -> None:
    """With the words that the boxes below explain."""
    assert eventlog(command, "--help").lines[0] == f"Usage: eventlog {command} {takes}"


def test_a_defect_keeps_its_traceback(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only errors that are raised on purpose become one line."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("eventlog.cli.status.look", broken)
    with pytest.raises(ZeroDivisionError):
        eventlog("status")


def test_ctrl_c_ends_a_command_quietly(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the code that shells know."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("eventlog.cli.status.look", interrupted)
    assert eventlog("status") == (130, "", "")


def test_who_reads_no_further_gets_no_traceback(eventlog: CommandLine) -> None:
    """`eventlog export | head -1` ends when head has what it wants."""
    build_log(eventlog.db.with_name("long.db"), 400)
    command = [sys.executable, "-m", "eventlog", "export", "--db"]
    with subprocess.Popen(
        [*command, str(eventlog.db.with_name("long.db"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"archive"')
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr.read() == b""


@pytest.mark.parametrize("command", ["events", "export", "status --json"])
def test_an_answer_that_has_no_room_is_an_error(eventlog: CommandLine, command: str) -> None:
    """A full disk behind `>` is told in one line, and the log is not blamed."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "eventlog", *command.split(), "--db", str(eventlog.db)],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=CHECKOUT,
            check=False,
        )
    assert done.returncode == 2
    assert os.strerror(errno.ENOSPC).encode() in done.stderr
    assert str(eventlog.db).encode() not in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_what_is_piped_is_neither_coloured_nor_cut(eventlog: CommandLine) -> None:
    """A table is as wide as its longest line, and ends without blanks."""
    for command in ("events", "show 1", "status", "verify"):
        said = eventlog(*command.split())
        assert ESCAPE not in said.out
        assert "…" not in said.out.replace("…,", "")  # a short hash has its own
        assert not any(line.endswith(" ") for line in said.lines)


def on_a_terminal(*arguments: object) -> str:
    """What a command shows on a terminal of 80 columns."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "eventlog", *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=CHECKOUT,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"},
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                some = os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
            if not some:
                break
            shown += some
        os.close(leader)
        assert process.wait(30) == 0
    return shown.decode()


def test_a_terminal_gets_colours_and_no_line_too_long(eventlog: CommandLine) -> None:
    """Eighty columns are enough for every screen."""
    for command in ("events", "show 1", "status", "verify", "replay"):
        shown = on_a_terminal(*command.split(), "--db", eventlog.db)
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
        assert all(len(line) <= 80 for line in re.split(r"[\r\n]+", plain))
    assert ESCAPE in on_a_terminal("events", "--db", eventlog.db)


def test_a_terminal_that_knows_no_such_letter_gets_an_escape(eventlog: CommandLine) -> None:
    """Output in ASCII is no reason to fail."""
    done = subprocess.run(
        [sys.executable, "-m", "eventlog", "show", "1", "--db", str(eventlog.db)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=CHECKOUT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert rb"Event 1 \xb7 a" in done.stdout


def test_warnings_of_the_library_are_remarks(tmp_path: Path) -> None:
    """A line each on the standard error, with escapes for what a terminal would obey."""
    path = tmp_path / "history.json"
    path.write_text('[{"kind": "ding"}, {"kind": "ding"}]', encoding="utf-8")
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
    assert len(remarks) == 3
    assert all(line.startswith("eventlog: ") for line in remarks)
    assert r"\u202edoor.db" in remarks[0]
    assert "refused" in remarks[1]


# ── text that is safe to show ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada", "Ada"),
        ("Béla 🙂 محمد", "Béla 🙂 محمد"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066\u200e\ufeff\u061c", r"\u2066\u200e\ufeff\u061c"),
        ("\x7f\x9b\x00", r"\x7f\x9b\x00"),
        ("\u2028\U000e0041", r"\u2028\U000e0041"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(text: str, shown: str) -> None:
    """Letters of all scripts stay, and the joiners they are written with."""
    assert safe(text) == shown


@given(st.text())
def test_a_safe_text_is_one_line_and_stays_as_it_is(text: str) -> None:
    """What was made safe is safe."""
    assert len(safe(text).splitlines()) <= 1
    assert safe(safe(text)) == safe(text)


@given(st.text())
def test_safe_json_means_the_same(text: str) -> None:
    """A program that reads it gets the text itself."""
    import json  # noqa: PLC0415 - the reader

    encoded = json.dumps(text, ensure_ascii=False)
    assert json.loads(safe_json(encoded)) == text
