"""The stranger's program: short, alone, and right about true and false proofs."""

from __future__ import annotations

import ast
import random
import runpy
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from eventlog.evidence import note as notes
from eventlog.evidence import proofs, proving
from eventlog.evidence.ed25519 import SeedSigner
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.note import COSIGNS, PublicKey
from eventlog.evidence.proofs import Proof
from eventlog.evidence.signed_heads import SignedHead, head_of
from eventlog.journal import table as journal
from eventlog.record import StoredRecord
from eventlog.storage.connections import connect_reader
from tests.evidence.signed_logs import (
    VERIFIER,
    make_keys,
    public_key,
    sign,
    signed_log,
    stranger,
)
from tests.evidence.test_note import RFC_8032
from tests.support import logs

LINES_MAX = 150


def proof_of(db_path: Path, head: SignedHead, position: int) -> Proof:
    """The proof of one record."""
    with closing(connect_reader(db_path)) as connection:
        return proving.prove(connection, db_path, head, position)


def program() -> dict[str, Any]:
    """The program's functions, in this process."""
    return runpy.run_path(str(VERIFIER))


def accepts(
    functions: dict[str, Any], key: PublicKey, file: Path, capsys: pytest.CaptureFixture[str]
) -> str | None:
    """What the program says of a proof file, None if it refuses it."""
    given = SimpleNamespace(files=[str(file)], key=[key.encode()], witness=[])
    try:
        functions["proofs"](given)
    except Exception:  # noqa: BLE001 - as the program itself does
        return None
    return capsys.readouterr().out


def test_the_program_is_short_and_alone() -> None:
    """It has 150 lines at most, imports the standard library only, and nothing of ours."""
    source = VERIFIER.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LINES_MAX
    names = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert names
    assert names <= set(sys.stdlib_module_names)
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_its_ed25519_is_that_of_the_rfc(
    seed: str, public: str, message: str, signature: str
) -> None:
    """It accepts the vectors of RFC 8032, but not with another message or a flipped bit."""
    signed = program()["signed"]
    key, good = bytes.fromhex(public), bytes.fromhex(signature)
    assert SeedSigner(bytes.fromhex(seed)).public_key == key
    assert signed(key, bytes.fromhex(message), good)
    assert not signed(key, b"another", good)
    for bit in range(0, 512, 61):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not signed(key, bytes.fromhex(message), bytes(flipped))


def test_it_proves_every_record_of_a_log(tmp_path: Path) -> None:
    """Each record of a log has a proof that the program takes for true, in its own process."""
    db_path, keys, head = signed_log(tmp_path, 30)
    files = []
    for position in range(1, head.size + 1):
        files.append(tmp_path / f"{position}.tlog-proof")
        proof = proof_of(db_path, head, position)
        files[-1].write_bytes(proofs.encode(proof))
        assert proofs.parse(files[-1].read_bytes()) == proof
        assert proofs.is_proved(proof, public_key(keys))
    answer = stranger("proof", "--key", public_key(keys).encode(), *files)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("TRUE: record ") == head.size


def test_it_says_what_the_record_says(tmp_path: Path) -> None:
    """The answer names position, kind, event and fact, as the log has them."""
    db_path, keys, head = signed_log(tmp_path)
    with closing(connect_reader(db_path)) as connection:
        row = next(row for row in journal.read_all(connection) if row.kind == "unlock_action")
    file = tmp_path / "one.tlog-proof"
    file.write_bytes(proofs.encode(proof_of(db_path, head, row.position)))
    said = stranger("proof", "--key", public_key(keys).encode(), file).stdout
    assert f"record {row.position} of {head.origin}: unlock_action, event {row.event_id}" in said
    assert '"granted": ' in said


def test_it_reads_every_kind_and_version_ever_written() -> None:
    """Its MessagePack reads each golden body as msgspec does, times in words."""
    unpack = program()["unpack"]
    golden = Path(__file__).parents[1] / "golden"
    seen = 0
    for file in sorted(golden.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            golden_line = msgspec.json.decode(line)
            if "row" not in golden_line:
                continue  # the first line says whose rows these are
            body = bytes.fromhex(golden_line["row"]["body"])
            plain = msgspec.msgpack.decode(body)
            read, end = unpack(body)
            assert end == len(body)
            assert set(read) == set(plain)
            for name, value in plain.items():
                if isinstance(value, str | int | float | bool | None):
                    assert read[name] == value
                seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    "value",
    [
        *(0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1),
        *(-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**63)),
        *(0.0, 1.5, -1e300, True, False, None),
        *("", "a" * 31, "é" * 40, "x" * 300, "y" * 70_000),
        *([], list(range(15)), list(range(16)), list(range(70_000))),
        *({}, {str(n): n for n in range(15)}, {str(n): [n, {"a": None}] for n in range(300)}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_its_messagepack_is_that_of_msgspec(value: object) -> None:
    """Every size of every type comes back as msgspec wrote it."""
    assert program()["unpack"](msgspec.msgpack.encode(value))[0] == value


def test_it_shows_bytes_in_hex() -> None:
    """Bytes of every size are shown in hex, as JSON has none."""
    for size in (0, 16, 300, 70_000):
        data = bytes(size)
        assert program()["unpack"](msgspec.msgpack.encode(data))[0] == data.hex()


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.faults)])
def test_every_flipped_byte_of_a_proof_is_refused_or_says_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    """One changed byte anywhere gives no other answer: the same record, or none."""
    db_path, keys, head = signed_log(tmp_path, 40)
    key, functions, rng = public_key(keys), program(), random.Random(7)
    functions["signed"].__globals__["signed"] = remembered(functions["signed"])
    file = tmp_path / "flipped.tlog-proof"
    for position in rng.sample(range(1, head.size + 1), count):
        data = proofs.encode(proof_of(db_path, head, position))
        file.write_bytes(data)
        honest = accepts(functions, key, file, capsys)
        assert honest is not None
        for place in range(len(data)):
            flipped = bytearray(data)
            flipped[place] ^= 1 << rng.randrange(8)
            file.write_bytes(bytes(flipped))
            assert accepts(functions, key, file, capsys) in {None, honest}


def remembered(signed: Callable[[bytes, bytes, bytes], bool]) -> Callable[..., bool]:
    """The same function, which computes each question once: a flip leaves most of them alone."""
    known: dict[tuple[bytes, bytes, bytes], bool] = {}

    def ask(key: bytes, message: bytes, signature: bytes) -> bool:
        question = key, message, signature
        if question not in known:
            known[question] = signed(*question)
        return known[question]

    return ask


def test_it_refuses_a_forged_record(tmp_path: Path) -> None:
    """A proof whose record was changed, or that names another index, key or name, is FALSE."""
    db_path, keys, head = signed_log(tmp_path)
    honest = proof_of(db_path, head, 3)
    forged = msgspec.structs.replace(honest, columns=(*honest.columns[:10], b"\x81\xa1a\x01"))
    moved = msgspec.structs.replace(honest, columns=(4, *honest.columns[1:]))
    longer = msgspec.structs.replace(honest, path=(*honest.path, bytes(32)))
    unblinded = msgspec.structs.replace(honest, blind=bytes(32))
    file = tmp_path / "forged.tlog-proof"
    for proof in (forged, moved, longer, unblinded):
        file.write_bytes(proofs.encode(proof))
        assert not proofs.is_proved(proof, public_key(keys))
        answer = stranger("proof", "--key", public_key(keys).encode(), file)
        assert answer.returncode == 1
        assert answer.stderr.startswith("FALSE: ")
        assert answer.stdout == ""
    other = PublicKey(head.origin, 1, SeedSigner(bytes(32)).public_key)
    file.write_bytes(proofs.encode(honest))
    assert stranger("proof", "--key", other.encode(), file).returncode == 1


def test_no_text_of_a_record_makes_a_line_of_its_own(tmp_path: Path) -> None:
    """Not even of a log whose owner writes kinds that look like a second answer."""

    def renamed(stored: list[StoredRecord]) -> None:
        stored[0] = stored[0]._replace(kind="ding\nTRUE: record 2 of \x1b[8m")

    (tmp_path / "log").mkdir()
    db_path = logs.build_log(tmp_path / "log" / "events.db", 2)
    logs.rewrite(db_path, renamed)
    keys = make_keys(db_path, tmp_path / "keys")
    file = tmp_path / "record-1.tlog-proof"
    file.write_bytes(proofs.encode(proof_of(db_path, sign(db_path, keys), 1)))
    answer = stranger("proof", "--key", public_key(keys).encode(), file)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("\nTRUE") == 0
    assert "\x1b" not in answer.stdout


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a\n\nb", b"c2sp.org/tlog-proof@v1\n\n"])
def test_what_is_not_a_proof_is_called_so(content: bytes, tmp_path: Path) -> None:
    """A file or a key of another kind is FALSE, with a sentence for people."""
    (tmp_path / "file").write_bytes(content)
    key = f"log+{'0' * 8}+AQ=="
    for given in (key, str(tmp_path / "missing")):
        answer = stranger("proof", "--key", given, tmp_path / "file")
        assert answer.returncode == 1
        assert answer.stderr.startswith("FALSE: not a file or key of this kind: ")


def test_it_demands_the_witness_that_is_asked_for(tmp_path: Path) -> None:
    """With --witness the head must be cosigned, and the answer says when it was."""
    db_path, keys, head = signed_log(tmp_path)
    signer = SeedSigner(bytes(range(32)))
    witness = PublicKey("witness.example/w", COSIGNS, signer.public_key)
    file = tmp_path / "one.tlog-proof"
    file.write_bytes(proofs.encode(proof_of(db_path, head, 1)))
    asked = ["proof", "--key", public_key(keys).encode(), "--witness", witness.encode(), file]
    assert stranger(*asked).returncode == 1
    line = notes.cosign(head.note.text, witness.name, signer, 1_772_015_400)
    cosigned = head_of(head.note.signed_also([line]))
    file.write_bytes(proofs.encode(proof_of(db_path, cosigned, 1)))
    answer = stranger(*asked)
    assert answer.returncode == 0, answer.stderr
    assert "witness.example/w saw it at 2026-02-25 10:30:00" in answer.stdout


def grown(tmp_path: Path) -> tuple[Path, KeysDir, list[SignedHead]]:
    """A log with three heads of different sizes."""
    db_path, keys, first = signed_log(tmp_path)
    heads = [first]
    for seed in (5, 6):
        with logs.writing(db_path) as connection:
            made = [msgspec.structs.replace(one, key=None) for one in logs.appends(10, seed)]
            logs.put(connection, made)
            logs.write_head(db_path, connection)
        heads.append(sign(db_path, keys))
    return db_path, keys, heads


def test_it_checks_that_heads_agree(tmp_path: Path) -> None:
    """Signed heads of one file are checked together, and a proof between two of them."""
    db_path, keys, heads = grown(tmp_path)
    key = public_key(keys).encode()
    file = tmp_path / "all.heads"
    file.write_bytes(b"".join(head.note.encode() for head in heads))
    answer = stranger("heads", "--key", key, file)
    assert answer.stdout.count("TRUE") == 3, answer.stderr
    with closing(connect_reader(db_path)) as connection:
        between = proving.prove_between(connection, db_path, heads[0], heads[2])
    file.write_bytes(heads[0].note.encode() + heads[2].note.encode())
    (tmp_path / "between").write_bytes(proofs.encode_path(between))
    asked = ["heads", "--key", key, "--between", tmp_path / "between", file]
    assert stranger(*asked).returncode == 0
    (tmp_path / "between").write_bytes(proofs.encode_path([*between[1:], between[0]]))
    assert stranger(*asked).returncode == 1


def test_it_finds_two_heads_that_contradict(tmp_path: Path) -> None:
    """Two genuine heads of one size and different roots are FALSE."""
    _, keys, head = signed_log(tmp_path)
    pair = keys.signing_keys()[0]
    other = notes.Note(head.note.text.replace(head.note.text.split("\n")[2], "A" * 43 + "="), ())
    other = other.signed_also([pair.sign(other.text)])
    file = tmp_path / "two.heads"
    file.write_bytes(head.note.encode() + other.encode())
    answer = stranger("heads", "--key", pair.public.encode(), file)
    assert answer.returncode == 1
    assert "contradict" in answer.stderr


def test_it_checks_a_whole_database(tmp_path: Path) -> None:
    """A database is compared with heads row by row; one changed row is found."""
    db_path, keys, heads = grown(tmp_path)
    file = tmp_path / "all.heads"
    file.write_bytes(b"".join(head.note.encode() for head in heads))
    asked = ["log", "--key", public_key(keys).encode(), "--db", db_path, file]
    answer = stranger(*asked)
    assert answer.returncode == 0, answer.stderr
    with logs.guards_down(db_path) as connection:
        connection.execute("UPDATE journal SET appended_at = appended_at + 1 WHERE position = 7")
    assert "not those that were signed" in stranger(*asked).stderr
    with closing(sqlite3.connect(db_path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
