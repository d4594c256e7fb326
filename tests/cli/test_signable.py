"""However a log came about, it can be signed, or the sentence says why not and what to do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog import EventStore
from tests.cli.command_line import CommandLine
from tests.evidence.signed_logs import stranger
from tests.store.compat.plain_stores import plain_store
from tests.support import logs


def adopted(folder: Path, _: CommandLine) -> None:
    """A plain store's database, taken over at its first opening."""
    path = folder / "events.db"
    visit = {"camera_id": "front_door", "recorded_at": "2026-02-25T10:30:00"}
    with plain_store(path, events=[visit, visit]):
        pass

    async def open_once() -> None:
        async with EventStore(str(path), str(folder / "thumbnails")):
            pass

    asyncio.run(open_once())


def backed_up(folder: Path, source: CommandLine) -> None:
    """A backup of another log."""
    assert source("backup", folder / "events.db").code == 0


def imported(folder: Path, source: CommandLine) -> None:
    """An export of another log, taken in."""
    lines = folder / "door.jsonl"
    assert source("export", lines).code == 0
    assert CommandLine(source.capsys, folder / "events.db")("import", lines).code == 0


def salvaged(folder: Path, source: CommandLine) -> None:
    """What was read of another log that is damaged."""
    assert source("salvage", folder / "events.db").code == 0


def grown(folder: Path, _: CommandLine) -> None:
    """A log of a store's own."""
    logs.build_log(folder / "events.db")


@pytest.mark.parametrize("signed_before", [True, False], ids=["signed before", "never signed"])
@pytest.mark.parametrize("make", [grown, adopted, backed_up, imported, salvaged])
def test_a_log_of_any_origin_is_signed_and_proved(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path, CommandLine], None],
    *,
    signed_before: bool,
) -> None:
    """With a key of its own or with its old one, and every record has a proof that is true."""
    (tmp_path / "source").mkdir()
    (tmp_path / "log").mkdir()
    keys = tmp_path / "keys"
    source = CommandLine(capsys, logs.build_log(tmp_path / "source" / "events.db"), keys_dir=keys)
    if signed_before:
        assert source("keys", "init").code == 0
        assert source("head", "--now").code == 0
    make(tmp_path / "log", source)
    made = CommandLine(capsys, tmp_path / "log" / "events.db", keys_dir=keys)
    if not (tmp_path / "keys" / f"{made('status', '--json').json[0]['log_id']}.signing").exists():
        refused = made("head", "--now")
        assert (refused.code, "eventlog keys init" in refused.err) == (2, True)
        assert made("keys", "init").code == 0
    assert made("head", "--now").code == 0
    key = made("keys", "show").lines[0]
    for position in (1, made("head", "--json").json[0]["size"]):
        assert made("prove", position, "--into", tmp_path).code == 0
        proof = tmp_path / f"record-{position}.tlog-proof"
        assert stranger("proof", "--key", key, proof).returncode == 0
    assert made("verify", "--no-pictures").code == 0


@pytest.mark.parametrize("way", ["backup", "export"])
def test_an_older_copy_is_not_signed_and_it_is_said_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    """A backup or an import that lacks what was signed waits for its owner's word."""
    (tmp_path / "log").mkdir()
    door = CommandLine(
        capsys, logs.build_log(tmp_path / "log" / "events.db"), keys_dir=tmp_path / "keys"
    )
    assert door("keys", "init").code == 0
    assert door(way, tmp_path / "copy").code == 0
    with logs.writing(door.db) as connection:
        logs.put(connection, [one for one in logs.appends(3, seed=5) if one.key is None])
        logs.write_head(door.db, connection)
    assert door("head", "--now").code == 0
    for path in door.db.parent.glob("events.db*"):
        path.unlink()
    if way == "backup":
        shutil.copy(tmp_path / "copy", door.db)
    else:
        assert door("import", tmp_path / "copy").code == 0
    refused = door("head", "--now")
    assert (refused.code, "shorter than what was signed" in refused.err) == (2, True)
    assert "--new-era" in refused.err
    assert door("head", "--new-era", "restored").code == 0
    assert door("verify", "--no-pictures").code == 0
