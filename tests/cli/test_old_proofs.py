"""Heads and proofs that were made before an erasure: every one of them verifies after it."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import anyio
import msgspec
import pytest

from eventlog.evidence import note as notes
from eventlog.evidence import proofs
from eventlog.evidence.ed25519 import SeedSigner
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.note import COSIGNS, PublicKey
from eventlog.evidence.signed_heads import head_of
from eventlog.journal import chain
from eventlog.journal import table as journal
from eventlog.record import StoredRecord
from eventlog.storage.connections import connect_reader
from tests.cli.command_line import CommandLine
from tests.cli.test_forget import NAME, OTHER, fill, found_in
from tests.evidence.signed_logs import log_id_of, public_key, stranger

SEEN_AT = 1_772_015_400
PROVED = (1, 5, 9)  # a name to show, a face of the person, one of the other


class Kept(NamedTuple):
    """What others have of the log: its key, a witness's, proofs, a head that is cosigned."""

    folder: Path
    key: PublicKey
    witness: PublicKey
    line: str

    @property
    def proofs(self) -> list[Path]:
        """The proof files."""
        return sorted(self.folder.glob("*.tlog-proof"))

    @property
    def heads(self) -> Path:
        """The file of heads."""
        return self.folder / "kept.heads"


@pytest.fixture
def door(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """A log of two persons with sealed names, which signs heads."""
    for folder in ("log", "stick", "work", "outside"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    path = tmp_path / "log" / "events.db"
    anyio.run(fill, path, tmp_path / "keys")
    door = CommandLine(capsys, path, keys_dir=tmp_path / "keys")
    assert door("keys", "init", tmp_path / "keys").code == 0
    assert door("keys", "backup", tmp_path / "stick" / "door.keys").code == 0
    return door


@pytest.fixture
def kept(door: CommandLine, tmp_path: Path) -> Kept:
    """Proofs under a cosigned head, one of them with the person's name, from before the erasure."""
    folder = tmp_path / "outside"
    for position in PROVED:
        assert door("prove", position, "--into", folder).code == 0
    key = public_key(KeysDir(tmp_path / "keys", log_id_of(door.db)))
    signer = SeedSigner(bytes(range(32)))
    witness = PublicKey("witness.example/w", COSIGNS, signer.public_key)
    heads = set()
    for path in folder.glob("*.tlog-proof"):
        proof = proofs.parse(path.read_bytes())
        text = proof.head.note.text
        line = notes.cosign(text, witness.name, signer, SEEN_AT)
        cosigned = head_of(proof.head.note.signed_also([line]))
        path.write_bytes(proofs.encode(msgspec.structs.replace(proof, head=cosigned)))
        heads.add(cosigned.note.encode())
    (folder / "kept.heads").write_bytes(b"".join(sorted(heads)))
    return Kept(folder, key, witness, door("head", "--line").out.strip())


def everything_holds(door: CommandLine, kept: Kept) -> None:
    """Our verify and the stranger's program agree that all that was kept is true."""
    (kept.folder / "door.key").write_text(kept.key.encode() + "\n")
    said = door(
        *("verify", "--key", kept.folder / "door.key"),
        *("--heads", kept.heads, "--head-line", kept.line),
    )
    assert said.code == 0, said
    assert "are in an outside head" in said.out
    what_was_kept_is_true(kept)
    answer = stranger("log", "--key", kept.key.encode(), "--db", door.db, kept.heads)
    assert answer.returncode == 0, answer.stderr


def what_was_kept_is_true(kept: Kept) -> None:
    """By the stranger's program, without the log."""
    key = kept.key.encode()
    assert len(kept.proofs) == len(PROVED)
    answer = stranger("proof", "--key", key, "--witness", kept.witness.encode(), *kept.proofs)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("witness.example/w saw it at 2026-02-25 10:30:00") == len(PROVED)
    for path in kept.proofs:
        assert proofs.is_proved(proofs.parse(path.read_bytes()), kept.key)
    answer = stranger("heads", "--key", key, "--witness", kept.witness.encode(), kept.heads)
    assert answer.returncode == 0, answer.stderr


def continues(door: CommandLine, kept: Kept) -> None:
    """A head that is signed now continues the one from before the erasure."""
    assert door("head", "--now").code == 0
    new = kept.folder / "new.head"
    note = KeysDir(Path(str(door.keys_dir)), log_id_of(door.db)).signed()
    assert note is not None
    new.write_bytes(note.encode())
    between = kept.folder / "between"
    between.mkdir()
    said = door("prove", "--between", kept.heads, new, "--into", between)
    assert said.code == 0, said
    (path,) = between.iterdir()
    both = kept.folder / "both.heads"
    both.write_bytes(kept.heads.read_bytes() + new.read_bytes())
    answer = stranger("heads", "--key", kept.key.encode(), "--between", path, both)
    assert answer.returncode == 0, answer.stderr


def test_what_was_proved_before_an_erasure_is_proved_after_it(
    door: CommandLine, kept: Kept, tmp_path: Path
) -> None:
    """Heads, a line, proofs of the person's records; the next head continues the old one."""
    everything_holds(door, kept)
    assert door("forget", NAME, "--yes").code == 0
    assert found_in(tmp_path) == []
    everything_holds(door, kept)
    continues(door, kept)


def test_a_revealed_name_stays_proved_though_it_is_forgotten(
    door: CommandLine, kept: Kept, tmp_path: Path
) -> None:
    """The file opens the name for its owner; both seals of the person are erased here."""
    shown = tmp_path / "stick" / "shown"
    shown.mkdir()
    assert door("prove", 5, "--reveal", "name", "--into", shown).code == 0
    assert door("forget", "--export", NAME, "--into", tmp_path / "stick" / "ada.zip").code == 0
    assert door("forget", NAME, "--yes").code == 0
    everything_holds(door, kept)
    (file,) = shown.iterdir()
    answer = stranger("proof", "--key", kept.key.encode(), file)
    assert (answer.returncode, NAME in answer.stdout) == (0, True), answer.stderr
    again = door("prove", 5, "--reveal", "name", "--into", tmp_path / "work")
    assert (again.code, "was erased" in again.err) == (2, True)
    assert found_in(tmp_path / "log") == found_in(tmp_path / "keys") == []


def test_a_backup_of_after_the_erasure_proves_the_same(
    door: CommandLine, kept: Kept, tmp_path: Path
) -> None:
    """Put in the place of the log, with its keys; the next head continues the old one."""
    assert door("forget", NAME, "--yes").code == 0
    backup = tmp_path / "stick" / "backup.db"
    assert door("backup", backup).code == 0
    shutil.rmtree(tmp_path / "log")
    (tmp_path / "log").mkdir()
    shutil.copytree(tmp_path / "keys", tmp_path / "stick" / "keys")
    shutil.copy(backup, door.db)
    assert door("replay").code == 0
    what_was_kept_is_true(kept)
    said = door("verify", "--no-pictures", "--heads", kept.heads)
    assert said.code == 0, said
    continues(door, kept)


def test_a_backup_of_before_the_erasure_brings_no_name_back(
    door: CommandLine, kept: Kept, tmp_path: Path
) -> None:
    """Its records and the old proofs agree; the seals are erased for good."""
    backup = tmp_path / "stick" / "backup.db"
    assert door("backup", backup).code == 0
    assert door("forget", NAME, "--yes").code == 0
    shutil.rmtree(tmp_path / "log")
    (tmp_path / "log").mkdir()
    shutil.copy(backup, door.db)
    assert door("replay").code == 0
    what_was_kept_is_true(kept)
    assert door("verify", "--no-pictures", "--heads", kept.heads).code == 0
    answer = stranger("log", "--key", kept.key.encode(), "--db", door.db, kept.heads)
    assert answer.returncode == 0, answer.stderr
    events = door("events").out
    assert (NAME in events, OTHER in events, "erased person" in events) == (False, True, True)
    assert found_in(tmp_path) == []


def test_an_imported_log_is_the_one_of_the_proofs(
    door: CommandLine, kept: Kept, tmp_path: Path
) -> None:
    """Exported after the erasure: the same id, records and tree."""
    assert door("forget", NAME, "--yes").code == 0
    assert door("export", tmp_path / "stick" / "log.jsonl").code == 0
    into = tmp_path / "work" / "imported.db"
    assert door("import", tmp_path / "stick" / "log.jsonl", "--db", into).code == 0
    said = door("verify", "--no-pictures", "--heads", kept.heads, "--db", into)
    assert said.code == 0, said
    answer = stranger("log", "--key", kept.key.encode(), "--db", into, kept.heads)
    assert answer.returncode == 0, answer.stderr


def test_a_salvaged_record_is_that_of_the_old_proof(
    door: CommandLine, kept: Kept, tmp_path: Path
) -> None:
    """Another log, which says of each record which digest it had, and none over a name in clear."""
    assert door("forget", NAME, "--yes").code == 0
    (tmp_path / "new").mkdir()
    new = tmp_path / "new" / "events.db"
    assert door("salvage", new).code == 0
    what_was_kept_is_true(kept)
    with closing(connect_reader(new)) as connection:
        metas = [msgspec.msgpack.decode(row.meta or b"") for row in journal.read_all(connection)]
    origins = {meta["origin"]["position"]: meta["origin"].get("digest") for meta in metas}
    for path in kept.proofs:
        proof = proofs.parse(path.read_bytes())
        row = StoredRecord._make((*proof.columns, b""))
        assert origins[proof.position] == chain.digest(row)
    assert found_in(tmp_path / "new") == []
