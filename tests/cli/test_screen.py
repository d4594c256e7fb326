"""What the command line shows on a terminal and through a pipe, hostile text included."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.cli.safe_text import ascii_json, safe
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ESCAPE = "\x1b"


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a log of some thirty records."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 10))


def test_what_is_piped_is_neither_coloured_nor_cut(eventlog: CommandLine) -> None:
    """A table is as wide as its longest line, and ends without blanks."""
    for command in ("events", "show 1", "status", "verify"):
        said = eventlog(*command.split())
        assert ESCAPE not in said.out
        assert "…" not in said.out.replace("…,", "")  # a short hash has its own
        assert not any(line.endswith(" ") for line in said.lines)


def on_a_terminal(*arguments: object, width: int = 80, code: int = 0) -> str:
    """What a command shows on a terminal of so many columns."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "eventlog", *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=CHECKOUT,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(width)},
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
        assert process.wait(30) == code
    return shown.decode()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_gets_colours_and_no_line_too_long(eventlog: CommandLine, width: int) -> None:
    """Sixty columns are enough for every screen; longer texts are broken between words."""
    for command in ("events", "show 1", "tail", "status", "verify", "replay"):
        shown = on_a_terminal(*command.split(), "--db", eventlog.db, width=width)
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
        assert all(len(line) <= width for line in re.split(r"[\r\n]+", plain))


def test_an_error_is_broken_between_words_on_a_terminal_only(eventlog: CommandLine) -> None:
    """Through a pipe it stays one line."""
    missing = eventlog.db.with_name("none.db")
    shown = on_a_terminal("events", "--db", missing, width=60, code=2)
    lines = [line for line in shown.split("\r\n") if line]
    assert len(lines) > 1
    assert all(len(line) <= 60 or " " not in line for line in lines)
    assert eventlog("events", "--db", missing).err.count("\n") == 1
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
def test_ascii_json_means_the_same(text: str) -> None:
    """A program that reads it gets the text itself."""
    import json  # noqa: PLC0415 - the reader

    encoded = json.dumps(text, ensure_ascii=False)
    assert ascii_json(encoded).isascii()
    assert json.loads(ascii_json(encoded)) == text
