"""The command line: its options, the help texts, and the errors for wrong use."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from eventlog.cli.app import make_app
from eventlog.cli.command_list import COMMANDS
from eventlog.cli.context import Settings
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a log of some thirty records."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 10))


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
    """Each example is parsed unchanged, but not run."""
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
        ("token", "add|list|revoke [NAME] [OPTIONS]"),
    ],
)
def test_the_first_line_of_a_help_says_how_to_call(
    eventlog: CommandLine, command: str, takes: str
) -> None:
    """With the words that the boxes below explain."""
    assert eventlog(command, "--help").lines[0] == f"Usage: eventlog {command} {takes}"
