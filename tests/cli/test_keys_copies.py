"""`eventlog keys backup` and `restore`, and what other commands say of them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from eventlog.evidence import copies
from eventlog.evidence.copies import Copy
from eventlog.maintenance import status
from tests.cli.command_line import CommandLine
from tests.support import logs


@pytest.fixture
def door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """A log with sealed names, whose keys have a second place."""
    for folder in ("log", "stick"):
        (tmp_path / folder).mkdir()
    path = logs.build_log(tmp_path / "log" / "events.db")
    door = CommandLine(capsys, path, keys_dir=tmp_path / "keys")
    made = door("keys", "init", tmp_path / "keys", "--copy", tmp_path / "stick" / "door.keys")
    assert made.code == 0
    return door


def of(folder: Path, ending: str) -> Path:
    """The one file of a folder of keys with this ending."""
    (found,) = folder.glob(f"*.{ending}")
    return found


def aged(folder: Path, days: float) -> None:
    """Let the newest backup of the keys be so old."""
    path = of(folder, "copies")
    newest = copies.newest_of_keys(path)
    assert newest is not None
    at_us = time.time_ns() // 1000 - int(days * 86_400e6)
    copies.note(path, Copy(what="keys", path=newest.path, at_us=at_us))


def test_no_name_is_sealed_without_a_second_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`keys init` alone leaves names in clear and says so, and so does a place that can't be."""
    (tmp_path / "log").mkdir()
    door = CommandLine(capsys, logs.build_log(tmp_path / "log" / "events.db"))
    said = door("keys", "init", tmp_path / "keys")
    assert "--copy FILE" in said.out
    assert not list((tmp_path / "keys").glob("*.seals"))
    shutil.rmtree(tmp_path / "keys")
    nowhere = door("keys", "init", tmp_path / "keys", "--copy", tmp_path / "no stick" / "x.keys")
    assert nowhere.code == 2
    assert not list((tmp_path / "keys").glob("*.seals"))


def test_keys_come_back_from_their_second_place(door: CommandLine, tmp_path: Path) -> None:
    """Into an empty folder, and over nothing."""
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    shutil.rmtree(tmp_path / "keys")
    place = tmp_path / "stick" / "door.keys"
    assert door("keys", "restore", place, "--keys", tmp_path / "keys").code == 0
    for ending in ("seals", "signing", "secret"):
        path = of(tmp_path / "keys", ending)
        assert path.read_bytes() == before[path.name]
    again = door("keys", "restore", place, "--keys", tmp_path / "keys")
    assert (again.code, "exists already" in again.err) == (2, True)


def test_every_known_place_is_renewed(door: CommandLine, tmp_path: Path) -> None:
    """Without a name it renews all of them; one that is away is said and the others are renewed."""
    other = tmp_path / "stick" / "second.keys"
    assert door("keys", "backup", other).code == 0
    aged(tmp_path / "keys", 3)
    assert door("keys", "backup").code == 0
    assert all(
        copy.at_us > time.time_ns() // 1000 - 3_600_000_000
        for copy in copies.read(of(tmp_path / "keys", "copies"))
    )
    other.unlink()
    away = door("keys", "backup")
    assert (away.code, "is its disk plugged in" in away.err) == (1, True)
    assert not other.exists()


def test_status_warns_of_a_second_place_that_is_a_week_old(
    door: CommandLine, tmp_path: Path
) -> None:
    """Yellow, and not a finding: the log itself is well."""
    fresh = door("status")
    assert (fresh.code, "sealed; the newest backup of the keys is" in fresh.out) == (0, True)
    for days, is_old in ((6.9, False), (7.1, True)):
        aged(tmp_path / "keys", days)
        assert status.status(door.db, tmp_path / "keys").names.backup_is_old is is_old
    of(tmp_path / "keys", "copies").unlink()
    assert status.status(door.db, tmp_path / "keys").names.backup_is_old
    assert "without a second place" in door("status").out


def test_status_says_that_names_are_in_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody has set a folder of keys."""
    door = CommandLine(capsys, logs.build_log(tmp_path / "events.db"))
    assert "names" in door("status").out
    assert "in clear" in door("status").out


def test_a_backup_says_when_the_keys_were_backed_up(door: CommandLine, tmp_path: Path) -> None:
    """The names are not in it."""
    said = door("backup", tmp_path / "backup.db")
    assert "names are not in it; last keys backup: " in said.out
    assert str(tmp_path / "stick" / "door.keys") in said.out


def test_a_device_without_an_end_is_no_backup(door: CommandLine) -> None:
    """Neither to restore from nor to renew: it is read up to a bound, and refused."""
    for words in (["restore", "/dev/zero"], ["backup", "/dev/zero"]):
        said = door("keys", *words)
        assert (said.code, "is not a backup of keys" in said.err) == (2, True), said.err


def test_a_restored_folder_knows_the_keys_that_signed_before(
    door: CommandLine, tmp_path: Path
) -> None:
    """A rotation's old public key is in the backup: its heads are still this log's."""
    for words in (["rotate"], ["rotate", "--finish"]):
        assert door("keys", *words).code == 0
    assert door("keys", "backup", tmp_path / "stick" / "door.keys").code == 0
    retired = of(tmp_path / "keys", "retired").read_bytes()
    shutil.rmtree(tmp_path / "keys")
    assert door("keys", "restore", tmp_path / "stick" / "door.keys").code == 0
    assert of(tmp_path / "keys", "retired").read_bytes() == retired
