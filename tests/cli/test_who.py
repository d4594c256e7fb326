"""`link` and `name`: who a slot, a name or a face is, said by a fact."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog.facts import FaceResult, Fact, Motion, UnlockAction
from eventlog.journal.append import prepare
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
VISIT: tuple[Fact, ...] = (
    Motion(camera_id="front_door", recorded_at=AT),
    FaceResult(name="ada_l", distance=0.4, tolerance=0.6, recorded_at=AT),
    UnlockAction(
        granted=True, door_action="unlocked", actor="keypad", credential_slot=2, door_id="front"
    ),
)


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line over a log of one visit."""
    return CommandLine(capsys, build_log(tmp_path / "events.db", [prepare(list(VISIT))]))


def who(call: CommandLine) -> str | None:
    """Whom the list of events shows."""
    (event,) = call("events", "--json").json
    name: str | None = event["person_name"]
    return name


def test_a_slot_is_linked_and_parted(call: CommandLine) -> None:
    """The past is relabelled, in the openings and in the story; parting undoes it."""
    assert call("link", "Bo", "--of", "front", "--slot", 2).code == 0
    assert "Bo opened with the code of slot 2" in call("doors").out
    assert "Bo opened with the code of slot 2 (front)" in call("show", 1).out
    said = call("link", "Bo", "--of", "front", "--slot", 2, "--part", "--json")
    assert said.json == [{"position": 5, "event_id": None}]
    assert "Somebody opened with the code of slot 2" in call("doors").out


def test_two_names_are_linked_and_parted(call: CommandLine) -> None:
    """The facts keep what their source said."""
    assert who(call) == "ada_l"
    call("link", "ada", "--same-as", "ada_l")
    assert who(call) == "ada"
    call("link", "ada", "--same-as", "ada_l", "--part")
    assert who(call) == "ada_l"


def test_a_person_is_named_and_the_name_taken_back(call: CommandLine) -> None:
    """What a person says wins over the model, the later over the earlier."""
    assert call("name", 1, "Bo").out == "Recorded at position 4.\n"
    assert who(call) == "Bo"
    call("name", 1, "--nobody")
    assert who(call) is None
    assert "Face: a stranger, said by a person" in call("show", 1).out


@pytest.mark.parametrize(
    "arguments",
    [
        ("link", "ada"),
        ("link", "ada", "--slot", "2"),
        ("link", "ada", "--identity", "u-1"),
        ("link", "ada", "--slot", "2", "--of", "front", "--same-as", "bo"),
        ("name", "1"),
        ("name", "1", "ada", "--nobody"),
        ("name", "7", "ada"),
        ("link", "", "--same-as", "bo"),
    ],
)
def test_what_says_nothing_is_refused(call: CommandLine, arguments: tuple[str, ...]) -> None:
    """With exit code 2, and nothing is written."""
    assert call(*arguments).code == 2
    assert len(call("tail", "--json").json) == 3


def test_no_log_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path without one is an error."""
    call = CommandLine(capsys, tmp_path / "none.db")
    assert call("link", "ada", "--same-as", "bo").code == 2
    assert not (tmp_path / "none.db").exists()
