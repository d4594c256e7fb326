"""`link` and `name`: who a slot, a name or a face is, said by a fact."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from eventlog import EventStore, Reader
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


async def sealed_log(path: Path, keys: Path) -> None:
    """A log of the same visit with sealed names."""
    pictures = str(path.parent / "thumbnails")
    async with EventStore(str(path), pictures, keys_dir=str(keys)) as store:
        receipt = await store.append(*VISIT)
        await store.caught_up(receipt.positions[-1])


@pytest.fixture(params=["clear", "sealed"])
def call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> CommandLine:
    """The command line over a log of one visit, with names in clear or sealed."""
    if request.param == "clear":
        return CommandLine(capsys, build_log(tmp_path / "events.db", [prepare(list(VISIT))]))
    (tmp_path / "log").mkdir()
    path, keys = tmp_path / "log" / "events.db", tmp_path / "keys"
    anyio.run(sealed_log, path, keys)
    return CommandLine(capsys, path, keys_dir=keys)


def who(call: CommandLine) -> str | None:
    """Whom the list of events shows."""
    (event,) = call("events", "--json").json
    name: str | None = event["person_name"]
    return name


async def identities(call: CommandLine) -> list[dict[str, Any]]:
    """The links, as a reader has them."""
    keys = None if call.keys_dir is None else str(call.keys_dir)
    async with await Reader.open(str(call.db), keys_dir=keys) as reader:
        return await reader.identities()


def test_a_slot_is_linked_and_parted(call: CommandLine) -> None:
    """The past is relabelled, in the openings and in the story; parting undoes it."""
    assert call("link", "Bo", "--of", "front", "--slot", 2).code == 0
    assert "Bo opened with the code of slot 2" in call("doors").out
    assert "Bo opened with the code of slot 2 (front)" in call("show", 1).out
    said = call("link", "Bo", "--of", "front", "--slot", 2, "--part", "--json")
    assert said.json == [{"position": 6, "event_id": None}]
    assert "Somebody opened with the code of slot 2" in call("doors").out


def test_two_names_are_linked_and_parted(call: CommandLine) -> None:
    """The facts keep what their source said."""
    assert who(call) == "ada_l"
    call("link", "ada", "--same-as", "ada_l")
    assert who(call) == "ada"
    texts = anyio.run(identities, call)
    assert [(one["person"], one["same_as"], one["linked"]) for one in texts] == [
        ("ada", "ada_l", 1)
    ]
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
