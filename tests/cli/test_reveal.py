"""`eventlog prove --reveal`: a sealed name in a proof, what that costs, and forged names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from eventlog import EventStore
from eventlog.evidence import copies, proofs
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.proofs import Proof
from eventlog.evidence.seals import State
from eventlog.evidence.seals_file import SealsFile
from eventlog.facts import Ding, FaceResult, Fact, PersonErased
from tests.cli.command_line import CommandLine
from tests.evidence.signed_logs import log_id_of, public_key, stranger
from tests.support import logs

VISIT: list[Fact] = [
    Ding(camera_id="front_door", recorded_at=logs.T0),
    FaceResult(name="wilma", distance=0.3),
]


@pytest.fixture
def door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """A log with keys, in which the name wilma is sealed in records 5 and 7."""
    for folder in ("log", "stick"):
        (tmp_path / folder).mkdir()
    path = logs.build_log(tmp_path / "log" / "events.db", [])
    door = CommandLine(capsys, path, keys_dir=tmp_path / "keys")
    made = door("keys", "init", tmp_path / "keys", "--copy", tmp_path / "stick" / "door.keys")
    assert made.code == 0, made.err
    append(door, VISIT)
    append(door, VISIT)
    return door


def append(door: CommandLine, facts: list[Fact]) -> None:
    """Append with the keys at hand."""

    async def run() -> None:
        path, keys = str(door.db), str(door.keys_dir)
        async with EventStore(path, str(door.thumbnails), keys_dir=keys) as store:
            await store.append(*facts)

    asyncio.run(run())


def keys_of(door: CommandLine) -> KeysDir:
    """The log's files among the keys."""
    return KeysDir(Path(str(door.keys_dir)), log_id_of(door.db))


def positions(door: CommandLine) -> list[int]:
    """Where faces are."""
    return [row[0] for row in logs.rows(door.db) if row[2] == "face_result"]


def proved(door: CommandLine, folder: Path, *more: object) -> Path:
    """The proof file of the first face."""
    position = positions(door)[0]
    said = door("prove", position, "--into", folder, *more)
    assert said.code == 0, said.err
    return folder / f"record-{position}.tlog-proof"


def test_a_name_is_in_a_proof_only_when_it_is_asked_for(door: CommandLine, tmp_path: Path) -> None:
    """Without --reveal the stranger sees a seal; with it the name, and it is checked."""
    key = public_key(keys_of(door)).encode()
    plain = stranger("proof", "--key", key, proved(door, tmp_path))
    assert (plain.returncode, "wilma" in plain.stdout, "sealed" in plain.stdout) == (0, False, True)
    shown = stranger("proof", "--key", key, proved(door, tmp_path, "--reveal", "name"))
    assert (shown.returncode, '"name": "wilma"' in shown.stdout) == (0, True), shown.stderr


@pytest.mark.parametrize("forged", ["name", "opening", "field"])
def test_another_name_than_the_sealed_one_is_false(
    door: CommandLine, tmp_path: Path, forged: str
) -> None:
    """Neither another name, nor another opening, nor a field that was not sealed is TRUE."""
    path = proved(door, tmp_path, "--reveal", "name")
    proof = proofs.parse(path.read_bytes())
    opening, name = proof.names["name"]
    names = {
        "name": {"name": (opening, "eve")},
        "opening": {"name": ("00" * 32, name)},
        "field": {"model": (opening, name)},
    }[forged]
    false = msgspec.structs.replace(proof, names=names)
    path.write_bytes(proofs.encode(false))
    key = public_key(keys_of(door))
    assert stranger("proof", "--key", key.encode(), path).returncode == 1
    assert proofs.is_proved(proof, key)
    assert not proofs.is_proved(false, key)


def test_a_revealed_name_is_noted_and_its_seal_is_not_used_again(
    door: CommandLine, tmp_path: Path
) -> None:
    """`forget` has to name the file; the next record of the person has another seal."""
    said = door("prove", positions(door)[0], "--reveal", "name", "--into", tmp_path)
    assert "everybody who has the file knows it in 2 records" in said.err
    keys = keys_of(door)
    (noted,) = (one for one in copies.read(keys.file("copies")) if one.what == "proof")
    assert noted.path.endswith(".tlog-proof")
    with SealsFile(keys.file("seals"), keys.log_id) as file:
        slot = file.opened(noted.seals[0])
        assert slot is not None
        assert slot.state is State.RETIRED
    append(door, VISIT)
    seals = {proofs.sealed_in(proof, "name") for proof in proofs_of(door)}
    assert len(seals) == 2


def proofs_of(door: CommandLine) -> list[Proof]:
    """A proof of each face, for what its record holds."""
    found = []
    for position in positions(door):
        assert door("prove", position, "--into", door.db.parent).code == 0
        found.append(proofs.parse((door.db.parent / f"record-{position}.tlog-proof").read_bytes()))
    return found


def test_what_is_not_sealed_is_not_revealed(door: CommandLine, tmp_path: Path) -> None:
    """A field without a seal is an error, and no file is written."""
    said = door("prove", positions(door)[0], "--reveal", "model", "--into", tmp_path)
    assert (said.code, "'model'" in said.err) == (2, True)
    assert not list(tmp_path.glob("*.tlog-proof"))


def test_an_erased_name_is_revealed_by_no_old_copy_of_the_seals(
    door: CommandLine, tmp_path: Path
) -> None:
    """The journal's word wins over a seals file that was put back."""
    keys = keys_of(door)
    before = keys.file("seals").read_bytes()
    proof = proofs.parse(proved(door, tmp_path).read_bytes())
    seal = proofs.sealed_in(proof, "name")
    assert seal is not None
    append(door, [PersonErased(sealed=(seal,), reason="asked", requested_at=logs.T0)])
    for content in (keys.file("seals").read_bytes(), before):
        keys.file("seals").write_bytes(content)
        said = door("prove", proof.position, "--reveal", "name", "--into", tmp_path)
        assert (said.code, "was erased" in said.err) == (2, True)
