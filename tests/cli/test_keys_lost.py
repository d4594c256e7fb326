"""`eventlog keys lost`: names whose seals are lost are lost, and the log goes on."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from eventlog import EventStore, KeysMissing
from eventlog.evidence.keys import KeysDir
from tests.cli.command_line import CommandLine
from tests.cli.test_forget import NAME, OTHER, fill, visit
from tests.evidence.signed_logs import log_id_of


@pytest.fixture
def door(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """A log of two persons with sealed names."""
    for folder in ("log", "stick"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "log" / "events.db"
    anyio.run(fill, path, tmp_path / "keys", 2)
    monkeypatch.chdir(tmp_path / "stick")
    return CommandLine(capsys, path, keys_dir=tmp_path / "keys")


def seals(door: CommandLine) -> Path:
    """The seals file."""
    return KeysDir(Path(str(door.keys_dir)), log_id_of(door.db)).file("seals")


def append(door: CommandLine, name: str) -> None:
    """A visit, with the keys at hand; the views have it on return."""

    async def run() -> None:
        keys = str(door.keys_dir)
        async with EventStore(str(door.db), str(door.thumbnails), keys_dir=keys) as store:
            await store.append(*visit(9, name)[:2])
            await store.caught_up(await store.reader.last_position())

    anyio.run(run)


def shown(door: CommandLine) -> list[str]:
    """The persons of the events, the oldest first."""
    events = sorted(door("events", "--json").json, key=lambda event: int(event["id"]))
    return [event["person_name"] for event in events]


def test_a_log_without_its_seals_goes_on_when_the_owner_says_that_they_are_lost(
    door: CommandLine,
) -> None:
    """New names are sealed again; a replay shows the old ones as lost; nobody else is touched."""
    seals(door).unlink()
    with pytest.raises(KeysMissing):
        append(door, "cleo")
    asked = door("keys", "lost")
    assert (asked.code, "5 names in 7 records" in asked.out) == (1, True), asked
    assert not seals(door).exists()
    said = door("keys", "lost", "--yes")
    assert (said.code, "are lost" in said.out) == (0, True), said
    append(door, "cleo")
    assert shown(door) == [NAME, OTHER, "cleo"]
    assert door("replay").code == 0
    assert shown(door) == ["a lost name", "a lost name", "cleo"]
    assert door("replay", "--check").code == 0
    assert door("verify").code == 0
    assert door("forget", "cleo", "--yes").code == 0
    assert shown(door) == ["a lost name", "a lost name", "erased person"]
    assert door("replay", "--check").code == 0
    assert door("keys", "lost").out.startswith("No name is lost")


def test_only_what_an_old_copy_of_the_seals_lacks_is_lost(door: CommandLine) -> None:
    """The names that it opens stay."""
    before = seals(door).read_bytes()
    append(door, "cleo")
    seals(door).write_bytes(before)
    assert door("replay").code != 0
    assert "1 name in 1 record" in door("keys", "lost", "--yes").out
    assert door("replay").code == 0
    assert shown(door) == [NAME, OTHER, "a lost name"]


def test_names_that_a_backup_opens_are_not_lost(door: CommandLine, tmp_path: Path) -> None:
    """It is named, it is not written over by the nightly renewal, and it brings the names back."""
    copy = tmp_path / "stick" / "door.keys"
    assert door("keys", "backup", copy).code == 0
    kept = copy.read_bytes()
    seals(door).unlink()
    refused = door("keys", "lost", "--yes")
    assert (refused.code, str(copy) in refused.err) == (2, True), refused
    renewed = door("keys", "backup")
    assert (renewed.code, "has lost" in renewed.err) == (1, True), renewed
    assert copy.read_bytes() == kept
    (tmp_path / "keys").rename(tmp_path / "away")
    assert door("keys", "restore", copy).code == 0
    assert door("replay").code == 0
    assert shown(door) == [NAME, OTHER]


def test_a_log_in_clear_loses_no_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says so."""
    (tmp_path / "log").mkdir()
    anyio.run(fill, tmp_path / "log" / "events.db", None, 1)
    door = CommandLine(capsys, tmp_path / "log" / "events.db", keys_dir=tmp_path / "keys")
    said = door("keys", "lost", "--yes")
    assert (said.code, "in clear" in said.err) == (2, True)
