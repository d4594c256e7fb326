"""The second place of the keys: renewed in place, usable wherever a renewal was cut off."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eventlog.errors import BadArgument, DiskFailure, KeysMissing
from eventlog.evidence import copies, keys_backup
from eventlog.evidence.copies import Copy
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seals_file import SealsFile

LOG_ID = bytes(range(16))
CANARY = "canary ada lovelace"


@pytest.fixture
def keys(tmp_path: Path) -> KeysDir:
    """A folder of keys with a secret and the seals of two persons."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    held = KeysDir(folder, LOG_ID)
    held.write_secret(bytes(32))
    with SealsFile.create(held.file("seals"), LOG_ID) as seals:
        seals.seal(CANARY, made_at_us=1)
        seals.seal("bo", made_at_us=2)
    return held


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A second place."""
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick" / "door.keys"


def names_in(path: Path, tmp_path: Path) -> set[str]:
    """The names that a restored copy opens."""
    folder = tmp_path / f"restored-{len(list(tmp_path.iterdir()))}"
    keys_backup.restore(path, folder, tmp_path / "log" / "events.db")
    with SealsFile(KeysDir(folder, LOG_ID).file("seals"), LOG_ID) as seals:
        return {slot.text for slot in seals.slots() if slot.text}


def test_a_restored_copy_opens_every_name(keys: KeysDir, place: Path, tmp_path: Path) -> None:
    """Seals and secret are the same, readable by their owner only."""
    held = keys_backup.write(keys, place, 7)
    assert (held.names, keys_backup.read(place)) == (2, held)
    assert place.stat().st_mode & 0o777 == 0o600
    folder = tmp_path / "restored"
    keys_backup.restore(place, folder, tmp_path / "log" / "events.db")
    restored = KeysDir(folder, LOG_ID)
    for ending in ("seals", "secret"):
        assert restored.file(ending).read_bytes() == keys.file(ending).read_bytes()
        assert restored.file(ending).stat().st_mode & 0o777 == 0o600


def test_an_erased_name_is_overwritten_in_the_copy_too(keys: KeysDir, place: Path) -> None:
    """The renewal writes into the same file, and the old bytes are gone from it."""
    keys_backup.write(keys, place, 7)
    before = place.stat().st_ino
    assert CANARY.encode() in place.read_bytes()
    with SealsFile(keys.file("seals"), LOG_ID) as seals:
        found = seals.find(CANARY)
        assert found is not None
        seals.erase([found])
    held = keys_backup.write(keys, place, 8)
    assert place.stat().st_ino == before
    assert CANARY.encode() not in place.read_bytes()
    assert (held.names, held.made_at_us) == (1, 8)


def test_a_renewal_that_is_cut_off_anywhere_leaves_a_usable_copy(
    keys: KeysDir, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each of its writes and syncs; the next renewal finishes it."""
    (tmp_path / "log").mkdir()
    real = {"pwrite": os.pwrite, "fsync": os.fsync}
    for stop in range(100):
        place.unlink(missing_ok=True)
        keys_backup.write(keys, place, 7)
        with SealsFile(keys.file("seals"), LOG_ID) as seals:
            seals.seal(f"new {stop}", made_at_us=3)
        calls = 0

        def counted(name: str, *given: object, stop: int = stop) -> object:
            nonlocal calls
            calls += 1
            if calls > stop:
                raise OSError(5, "cut off")
            return real[name](*given)  # type: ignore[operator]

        with monkeypatch.context() as patched:
            for name in real:
                patched.setattr(os, name, lambda *given, name=name: counted(name, *given))
            try:
                keys_backup.write(keys, place, 8)
            except DiskFailure:
                pass
            else:
                break
        assert {CANARY, "bo"} <= names_in(place, tmp_path)
        keys_backup.write(keys, place, 9)
        assert f"new {stop}" in names_in(place, tmp_path)
    assert stop > 5


def test_what_a_killed_first_copy_left_is_overwritten(keys: KeysDir, place: Path) -> None:
    """Its spare file has every name; that of a process which runs is left alone."""
    keys_backup.write(keys, place, 1)
    gone, busy = (place.with_name(f"{place.name}.{pid}-00.new") for pid in (2**22 + 1, os.getpid()))
    for spare in (gone, busy):
        spare.write_bytes(place.read_bytes())
    keys_backup.write(keys, place, 2)
    assert (gone.exists(), busy.exists()) == (False, True)


def test_nothing_else_is_written_over(keys: KeysDir, place: Path, tmp_path: Path) -> None:
    """A photograph, another log's copy, the folder of keys itself."""
    place.write_bytes(b"a photograph")
    with pytest.raises(KeysMissing, match="is not a backup of keys"):
        keys_backup.write(keys, place, 7)
    assert place.read_bytes() == b"a photograph"
    place.unlink()
    keys_backup.write(keys, place, 7)
    with pytest.raises(BadArgument, match="another log"):
        keys_backup.write(KeysDir(keys.path, bytes(16)), place, 8)
    with pytest.raises(BadArgument, match="folder of keys itself"):
        keys_backup.write(keys, keys.path / "copy", 8)
    with pytest.raises(BadArgument, match="exists already"):
        keys_backup.restore(place, keys.path, tmp_path / "log" / "events.db")


def test_every_flipped_byte_of_a_head_is_survived(
    keys: KeysDir, place: Path, tmp_path: Path
) -> None:
    """One of the two heads is enough."""
    whole = keys_backup.write(keys, place, 7)
    data = place.read_bytes()
    for at in (*range(60), 64 * 1024, 64 * 1024 + 30):
        place.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert keys_backup.read(place) == whole
    place.write_bytes(bytes(len(data)))
    with pytest.raises(KeysMissing):
        keys_backup.read(place)
    assert tmp_path.exists()


def test_a_copy_that_is_renewed_keeps_one_line(tmp_path: Path) -> None:
    """Each place and each proof is noted once, with its newest time."""
    path = tmp_path / "x.copies"
    for at_us in (1, 2):
        copies.note(path, Copy(what="keys", path="/media/a", at_us=at_us))
    copies.note(path, Copy(what="keys", path="/media/b", at_us=1))
    proof = Copy(what="proof", path="/media/a", at_us=9, seals=(bytes(32),))
    copies.note(path, proof)
    assert [(copy.path, copy.at_us) for copy in copies.read(path)] == [
        ("/media/a", 2),
        ("/media/b", 1),
        ("/media/a", 9),
    ]
    assert copies.newest_of_keys(path) == Copy(what="keys", path="/media/a", at_us=2)
    assert copies.read(path)[-1] == proof
    with path.open("ab") as file:
        file.write(b"torn")
    assert len(copies.read(path)) == 3
