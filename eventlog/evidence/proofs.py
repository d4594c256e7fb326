r"""Proof files for one record, which anybody can check: C2SP's tlog-proof.

    c2sp.org/tlog-proof@v1
    extra <base64 of JSON {"record": [position … body], "blind": base64, "names": {}}>
    index <position - 1>
    <base64 hash, the leaf's sibling first> …

    <signed head, verbatim>

`record` is the row's columns before the hash, blobs as ["<base64>"]. The file shows no other
record. It contains the record's key and meta, because the digest covers them. A consistency
proof is base64 hashes, one a line. Knows no log: what a proof is made of comes in as arguments.

https://c2sp.org/tlog-proof
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from eventlog import codecs
from eventlog.errors import BadNote, BadRecord
from eventlog.evidence import note as notes
from eventlog.evidence import seals, tree
from eventlog.evidence.note import PublicKey
from eventlog.evidence.signed_heads import SignedHead, parse_head
from eventlog.facts import Sealed
from eventlog.journal import chain
from eventlog.record import StoredRecord

MAGIC: Final = "c2sp.org/tlog-proof@v1"
PROOF_MAX: Final = 4 * 1024 * 1024
PATH_MAX: Final = 63

_COLUMNS: Final = 11
_TYPES: Final[tuple[tuple[type, ...], ...]] = (
    (int,),
    (int, type(None)),
    (str,),
    *((int,),) * 5,
    (str, type(None)),
    (bytes, type(None)),
    (bytes,),
)


class Proof(Struct, frozen=True):
    """A proof file's content. `columns` are the record's, position to body."""

    columns: tuple[Any, ...]
    blind: bytes
    path: tuple[bytes, ...]
    head: SignedHead
    names: dict[str, tuple[str, str]] = {}

    @property
    def position(self) -> int:
        """The record's place in its journal."""
        return int(self.columns[0])

    @property
    def kind(self) -> str:
        """The kind of the record's fact."""
        return str(self.columns[2])


def make(row: StoredRecord, blind: bytes, path: Sequence[bytes], head: SignedHead) -> Proof:
    """The proof of a row, from its path in the tree of a head."""
    return Proof(tuple(row[:_COLUMNS]), blind, tuple(path), head)


def sealed_in(proof: Proof, field: str) -> bytes | None:
    """The seal in a field of the record's fact; None if there is none."""
    try:
        fact = codecs.decode(proof.kind, proof.columns[3], proof.columns[10])
    except BadRecord:
        return None
    value = getattr(fact, field, None)
    return value.sealed if isinstance(value, Sealed) else None


def revealed(proof: Proof, field: str, opening: bytes, name: str) -> Proof:
    """The proof with a name in it that its record holds sealed."""
    return structs.replace(proof, names={**proof.names, field: (opening.hex(), name)})


def encode(proof: Proof) -> bytes:
    """The proof as a file."""
    record = [
        [b64encode(value).decode()] if isinstance(value, bytes) else value
        for value in proof.columns
    ]
    extra = msgspec.json.encode(
        {"record": record, "blind": b64encode(proof.blind).decode(), "names": proof.names}
    )
    return b"".join(
        [
            f"{MAGIC}\nextra {b64encode(extra).decode()}\nindex {proof.position - 1}\n".encode(),
            encode_path(proof.path),
            b"\n",
            proof.head.note.encode(),
        ]
    )


def parse(data: bytes) -> Proof:
    """The proof that a file holds. Raises BadNote."""
    if len(data) > PROOF_MAX:
        raise BadNote(f"a proof has {PROOF_MAX} bytes at most")
    above, blank, below = data.partition(b"\n\n")
    if not blank:
        raise BadNote("a proof ends with a signed head")
    try:
        magic, extra, index, *hashes = above.decode("ascii").split("\n")
    except ValueError as error:
        raise BadNote(
            "a proof begins with three lines: what it is, its record, its index"
        ) from error
    if magic != MAGIC:
        raise BadNote(f"a proof begins with {MAGIC}")
    columns, blind, names = _record(_after("extra ", extra))
    if _after("index ", index) != str(columns[0] - 1):
        raise BadNote("the proof's index is not its record's")
    return Proof(columns, blind, _path(hashes), parse_head(below), names)


def is_proved(proof: Proof, key: PublicKey) -> bool:
    """Whether the proof shows that its record is in a log whose heads the key signs."""
    try:
        digest = chain.digest(proof.columns)
    except ValueError:
        return False
    leaf = tree.leaf_hash(tree.leaf_data(proof.blind, digest))
    head = proof.head
    root = tree.root_from_inclusion(leaf, proof.position - 1, head.size, proof.path)
    true = root == head.root and head.origin == key.name and key.signs(head.note)
    return true and all(_fits(proof, field, *name) for field, name in proof.names.items())


def _fits(proof: Proof, field: str, opening: str, name: str) -> bool:
    try:
        return seals.commitment(bytes.fromhex(opening), name) == sealed_in(proof, field)
    except ValueError:
        return False


def encode_path(path: Iterable[bytes]) -> bytes:
    """Hashes, one a line."""
    return b"".join(b64encode(hash_) + b"\n" for hash_ in path)


def parse_path(data: bytes) -> tuple[bytes, ...]:
    """Hashes, one a line, each line ended. Raises BadNote."""
    if data and not data.endswith(b"\n"):
        raise BadNote("the line of the last hash is not complete")
    try:
        lines = data.decode("ascii").split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise BadNote("hashes are base64") from error
    return _path(lines)


def _path(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > PATH_MAX:
        raise BadNote(f"a path has {PATH_MAX} hashes at most")
    path = tuple(map(notes.from_base64, lines))
    if any(len(hash_) != tree.HASH_SIZE for hash_ in path):
        raise BadNote("a hash has 32 bytes")
    return path


def _after(begin: str, line: str) -> str:
    if not line.startswith(begin):
        raise BadNote(f"a proof's line does not begin with {begin.strip()!r}")
    return line.removeprefix(begin)


class _Extra(Struct):
    record: list[Any]
    blind: str
    names: dict[str, tuple[str, str]] = {}


def _record(encoded: str) -> tuple[tuple[Any, ...], bytes, dict[str, tuple[str, str]]]:
    try:
        extra = msgspec.json.decode(notes.from_base64(encoded), type=_Extra)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadNote("the proof's extra line does not hold a record") from error
    columns = tuple(
        notes.from_base64(value[0])
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)
        else value
        for value in extra.record
    )
    if len(columns) != _COLUMNS or any(
        type(value) not in types for value, types in zip(columns, _TYPES, strict=True)
    ):
        raise BadNote("the proof's record has not the columns of one")
    blind = notes.from_base64(extra.blind)
    if len(blind) != tree.HASH_SIZE:
        raise BadNote("a blind has 32 bytes")
    return columns, blind, extra.names
