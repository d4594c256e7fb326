"""No command fails on any kind of fact, a sealed one included."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from eventlog.facts import FACT_TYPES, kind_of
from tests.cli.command_line import CommandLine
from tests.support.vocabulary import log_of_every_kind

KINDS: Final = {kind_of(fact_type) for fact_type in FACT_TYPES}
OUTCOMES: Final = ("granted", "refused", "none", "trial", "failed", "timed_out", "unknown")
COMMANDS: Final = [
    ("events",),
    ("events", "--json"),
    *(("events", "--outcome", outcome) for outcome in OUTCOMES),
    *(("show", number) for number in range(1, 7)),
    *(("show", number, "--json") for number in range(1, 7)),
    ("tail", "--limit", "1000"),
    ("tail", "--limit", "1000", "--json"),
    ("doors",),
    ("doors", "--json"),
    ("doors", "--at", "2026-02-25T10:30"),
    ("devices",),
    ("devices", "--json"),
    ("decide", "--tolerance", "0.5"),
    ("decide", "--tolerance", "0.5", "--json"),
    ("status",),
    ("status", "--json"),
    ("parked",),
    ("replay", "--check"),
    ("replay",),
    ("verify", "--no-pictures"),
]


def test_every_command_shows_every_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing ends with an error, nothing is parked, and no record is unread."""
    call = CommandLine(capsys, log_of_every_kind(tmp_path / "events.db"))
    for command in COMMANDS:
        said = call(*command)
        assert said.code == 0, (command, said)
        assert "can't be read" not in said.out, command
    assert call("parked").out == "Nothing is parked.\n"


def test_every_record_is_a_line_of_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line has its fact. A seal is shown as a seal, and contains no name."""
    call = CommandLine(capsys, log_of_every_kind(tmp_path / "events.db"))
    records = call("tail", "--limit", "1000", "--json").json
    assert {record["fact"]["kind"] for record in records} == KINDS
    assert "a sealed name (000102030405)" in call("tail", "--limit", "1000").out


def test_a_log_of_every_kind_is_carried_and_comes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Export, import and salvage lose no record and keep every hash."""
    path = log_of_every_kind(tmp_path / "events.db")
    call = CommandLine(capsys, path)
    export = tmp_path / "log.jsonl"
    assert call("export", export).code == 0
    other = CommandLine(capsys, tmp_path / "other.db")
    assert other("import", export).code == 0
    assert other("tail", "-n", "1000", "--json").out == call("tail", "-n", "1000", "--json").out
    assert other("verify", "--no-pictures").code == 0
    salvaged = tmp_path / "salvaged.db"
    assert call("salvage", salvaged).code == 0
    third = CommandLine(capsys, salvaged)
    facts = [record["fact"] for record in third("tail", "-n", "1000", "--json").json]
    assert facts == [record["fact"] for record in call("tail", "-n", "1000", "--json").json]
