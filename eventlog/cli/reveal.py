"""`eventlog prove --reveal`: names that the records hold sealed, opened in proofs.

Each such file is a copy of a name that nobody can erase afterwards: it is noted next to the keys
before it is written, so that `forget` can name it, and the seal is not used for new records.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import anyio

from eventlog.cli.context import Context, counted
from eventlog.errors import BadArgument, KeysMissing
from eventlog.evidence import copies, proofs
from eventlog.evidence.copies import Copy
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.proofs import Proof
from eventlog.evidence.seals import Slot, State
from eventlog.evidence.seals_file import SealsFile
from eventlog.facts import IdentityLinked
from eventlog.maintenance.forgetting import handing_out
from eventlog.record import Author
from eventlog.store.event_store import EventStore
from eventlog.store.find_seals import find_seals


def reveal(
    context: Context, held: KeysDir, made: Sequence[tuple[Proof, Path]], fields: Sequence[str]
) -> list[tuple[Proof, Path]]:
    """The proofs with these fields opened where their records have them.

    Raises BadArgument for a field that no record has sealed and a name that was erased,
    KeysMissing where nothing here opens a seal, DatabaseError.
    """
    with context.reading() as connection:
        found = find_seals(connection, held.path)
        if found is None:
            raise KeysMissing(f"no seals of this log are in {held.path}: no name can be opened")
        with found as file:
            done = [
                (_opened(context, connection, file, proof, fields), path) for proof, path in made
            ]
            for field in fields:
                if not any(field in proof.names for proof, _ in done):
                    raise BadArgument(f"no record here holds {field!r} as a sealed name")
            again = _hand_out(connection, held, file, done)
    if again:
        anyio.run(_append, context, held, again)
    return done


def _opened(
    context: Context,
    connection: sqlite3.Connection,
    file: SealsFile,
    proof: Proof,
    fields: Sequence[str],
) -> Proof:
    for field in fields:
        seal = proofs.sealed_in(proof, field)
        if seal is None:
            continue
        slot = _slot(connection, file, seal, field)
        (count,) = connection.execute(
            "SELECT count(*) FROM journal WHERE instr(body, ?) > 0", (seal,)
        ).fetchone()
        context.note(
            f"{field} of record {proof.position} is shown: everybody who has the file knows it in"
            f" {counted(count, 'record')}, and it can't be erased there"
        )
        proof = proofs.revealed(proof, field, slot.opening, slot.text)
    return proof


def _slot(connection: sqlite3.Connection, file: SealsFile, seal: bytes, field: str) -> Slot:
    slot = file.opened(seal)
    if slot is None or slot.state is State.LOST:
        raise KeysMissing(f"the seal of {field} is not in {file.path}: keys restore brings it back")
    # The journal's word wins: an old copy of the file restores no name.
    said = connection.execute(
        "SELECT 1 FROM journal WHERE kind = 'person_erased' AND instr(body, ?) > 0", (seal,)
    ).fetchone()
    if slot.state is State.ERASED or said is not None:
        raise BadArgument(f"{field} was erased: nothing opens that name any more")
    return slot


def _hand_out(
    connection: sqlite3.Connection,
    held: KeysDir,
    file: SealsFile,
    made: Sequence[tuple[Proof, Path]],
) -> list[IdentityLinked]:
    """Note the files, and seal with nothing that is in them any more; the links to append again."""
    shown: list[bytes] = []
    now_us = time.time_ns() // 1000
    for proof, path in made:
        seals = tuple(filter(None, (proofs.sealed_in(proof, field) for field in proof.names)))
        if seals:
            copy = Copy(what="proof", path=str(path.absolute()), at_us=now_us, seals=seals)
            copies.note(held.file("copies"), copy)
            shown += seals
    return handing_out.retire(connection, file, shown)


async def _append(context: Context, held: KeysDir, links: Sequence[IdentityLinked]) -> None:
    async with EventStore(
        str(context.db_path),
        str(context.thumbnails_dir),
        writer=Author("command", "prove"),
        keys_dir=str(held.path),
    ) as store:
        for link in links:
            await store.append(link)
