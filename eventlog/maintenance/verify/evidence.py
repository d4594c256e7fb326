"""Checks that the records are those that were signed: every head against the rows.

The chain finds accidents, but a program that may write the file can compute it again. A head that
was kept where the log's machine can't change it reveals that too, up to the last such head. This
check says which records are protected in this way, and by which head.

Reads the rows once more, in batches. Knows heads, and not where they came from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventlog.errors import BadNote, BadRecord, DatabaseError, JournalHole
from eventlog.evidence import heads_file, tree_secret
from eventlog.evidence.log_tree import BATCH, row_leaves
from eventlog.evidence.note import PublicKey
from eventlog.evidence.signed_heads import HeadLine, SignedHead, parse_name
from eventlog.evidence.tree import BLOCK, Frontier
from eventlog.evidence.tree_file import read_blocks
from eventlog.journal import table as journal
from eventlog.maintenance.verify.findings import Findings
from eventlog.record import instant, is_instant
from eventlog.storage.paths import heads_path, tree_path

# A clock may be this far off before it is worth a note.
SLACK_S: Final = 60


class KeptHead(Struct, frozen=True):
    """A head to check, and where it was kept. `outside`: where the log's machine can't change it.

    `signed` is None for a line from a phone, which has no signature. `genuine` says that a
    key which was given has signed it.
    """

    source: str
    outside: bool
    size: int
    root: bytes
    era: int
    signed: SignedHead | None = None
    genuine: bool = False


class Evidence(Struct, frozen=True):
    """What to hold the log against.

    `heads` and `lines` were kept outside; `keys` check their signatures, and a witness's times.
    `require_s` demands that the newest outside head is so young, in seconds.
    """

    heads: tuple[tuple[str, SignedHead], ...] = ()
    lines: tuple[tuple[str, HeadLine], ...] = ()
    keys: tuple[PublicKey, ...] = ()
    require_s: float | None = None
    now_us: int = 0


def check(
    connection: sqlite3.Connection,
    found: Findings,
    db_path: Path,
    log_id: bytes | None,
    given: Evidence,
) -> None:
    """Check every head that is known. Raises SQLite's errors where they do not speak of damage."""
    if log_id is None:
        return
    kept = list(_heads(found, db_path, log_id, given))
    secret = _secret(connection, found, kept)
    held: list[KeptHead] = []
    if secret is not None and kept:
        most = max(head.size for head in kept) // BLOCK
        roots = _roots(connection, secret, kept, read_blocks(db_path, log_id, most))
        if roots.stale:
            tree_file = f"file {tree_path(db_path).name}"
            found.on(tree_file, "it is stale; the next start writes it again", "note")
        held = _hold(found, kept, roots)
    _say_anchored(connection, found, given, [head for head in held if head.outside])


# ── which heads ────────────────────────────────────────────────────────────────────────────


def _heads(found: Findings, db_path: Path, log_id: bytes, given: Evidence) -> Iterator[KeptHead]:
    local = [(heads_path(db_path).name, False, head) for head in _local(found, db_path)]
    for source, outside, head in [*local, *((name, True, head) for name, head in given.heads)]:
        where = f"file {source}"
        try:
            name = parse_name(head.origin)
        except BadNote:
            found.on(where, f"it holds a head of {head.origin!r}, which is not this log")
            continue
        if name.log_id != log_id:
            found.on(where, f"it holds a head of another log, {name.log_id.hex()}")
            continue
        keys = [key for key in given.keys if key.name == head.origin]
        genuine = any(key.signs(head.note) for key in keys)
        if keys and not genuine:
            found.on(where, f"its head of {head.size} records is not signed by the log's key")
            continue
        yield KeptHead(source, outside, head.size, head.root, name.era, head, genuine)
    for source, line in given.lines:
        if line.is_of(log_id):
            yield KeptHead(source, outside=True, size=line.size, root=line.root, era=line.era)
        else:
            found.on(source, f"it is of another log, {line.log_id_begin}…")


def _local(found: Findings, db_path: Path) -> list[SignedHead]:
    path = heads_path(db_path)
    try:
        return heads_file.read_heads(path)
    except DatabaseError as error:
        found.on(f"file {path.name}", f"it can't be read: {error}")
        return []


def _secret(
    connection: sqlite3.Connection, found: Findings, kept: Sequence[KeptHead]
) -> bytes | None:
    try:
        secret = tree_secret.read(connection)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        found.on("table tree", f"it can't be read: {error}")
        return None
    if secret is None and kept:
        found.on("table tree", "heads are known, and the log has no secret of a tree: it is lost")
    return secret


# ── the rows ───────────────────────────────────────────────────────────────────────────────


class _Roots(Struct, frozen=True):
    """The roots that the rows have at some sizes; where the rows end, and why they do there."""

    at: dict[int, bytes]
    end: int
    why: str
    stale: bool


def _hold(found: Findings, kept: Sequence[KeptHead], roots: _Roots) -> list[KeptHead]:
    """The heads that the rows confirm; every other one is a finding."""
    # Only a head that a given key has signed proves that an earlier era was ended on purpose: who
    # may write the log can write a head of any era next to it.
    newest_era = max((head.era for head in kept if head.genuine), default=0)
    held = []
    good = 0
    for head in sorted(kept, key=lambda head: head.size):
        if roots.at.get(head.size) == head.root:
            held.append(head)
            good = max(good, head.size)
            continue
        where = f"head of {head.size} records in {head.source}"
        if head.size > roots.end:
            reason = roots.why or f"the journal ends at {roots.end}"
            what = f"records {roots.end + 1} to {head.size} were signed and are missing: {reason}"
        else:
            what = f"records {good + 1} to {head.size} are not those that were signed"
        if head.era < newest_era:
            found.on(where, f"{what}; its era has ended", "note")
        else:
            found.on(where, what)
    return held


def _roots(
    connection: sqlite3.Connection,
    secret: bytes,
    kept: Sequence[KeptHead],
    blocks: Sequence[bytes],
) -> _Roots:
    """Walk the rows once, up to the largest head; the blocks of the tree file are only compared."""
    wanted = sorted({head.size for head in kept}, reverse=True)
    roots: dict[int, bytes] = {}
    frontier, why, stale = Frontier(), "", False
    while wanted:
        if wanted[-1] == frontier.size:
            roots[wanted.pop()] = frontier.root()
            continue
        limit = min(BATCH, wanted[-1] - frontier.size)
        try:
            leaves = row_leaves(connection, secret, frontier.size, limit)
        except (BadRecord, JournalHole, sqlite3.DatabaseError) as error:
            why = str(error)
            break
        if not leaves:
            break
        for leaf in leaves:
            block = frontier.push(leaf)
            number = frontier.size // BLOCK - 1
            if block is not None and number < len(blocks) and blocks[number] != block:
                stale = True
    return _Roots(roots, frontier.size, why, stale)


# ── what is anchored ───────────────────────────────────────────────────────────────────────


def _say_anchored(
    connection: sqlite3.Connection, found: Findings, given: Evidence, held: Sequence[KeptHead]
) -> None:
    end = journal.last_position(connection)
    best = max(held, key=lambda head: head.size, default=None)
    if best is not None:
        at_us = _time_of(connection, best, given.keys)
        at = "" if at_us is None else f" of {instant(at_us):%Y-%m-%d %H:%M:%S} UTC"
        rest = "" if best.size >= end else f"; {best.size + 1} to {end} are in none"
        found.on(
            "evidence",
            f"records 1 to {best.size} are in an outside head{at} ({best.source}){rest}",
            "note",
        )
        for head in held:
            _note_fast_clock(connection, found, head, given.keys)
    if given.require_s is None:
        return
    times = [_time_of(connection, head, given.keys) for head in held]
    newest = max((at for at in times if at is not None), default=None)
    if newest is None:
        found.on("evidence", "there is no outside head that the log agrees with")
    elif given.now_us - newest > given.require_s * 1e6:
        age_s = (given.now_us - newest) // 1_000_000
        found.on("evidence", f"the newest outside head is {age_s} s old")


def _time_of(
    connection: sqlite3.Connection, head: KeptHead, keys: Sequence[PublicKey]
) -> int | None:
    """When a witness signed it, else when its last record came, in microseconds since 1970."""
    cosigned = _cosigned_at(head, keys)
    if cosigned is not None:
        return cosigned * 1_000_000
    row = journal.read_one(connection, head.size)
    return row.appended_at if row is not None and is_instant(row.appended_at) else None


def _cosigned_at(head: KeptHead, keys: Sequence[PublicKey]) -> int | None:
    if head.signed is None:
        return None
    times = [key.cosigned_at(head.signed.note) for key in keys]
    return max((at for at in times if at is not None), default=None)


def _note_fast_clock(
    connection: sqlite3.Connection, found: Findings, head: KeptHead, keys: Sequence[PublicKey]
) -> None:
    """A record that a witness had seen before the record says that it came."""
    cosigned = _cosigned_at(head, keys)
    row = journal.read_one(connection, head.size)
    if cosigned is None or row is None or row.appended_at <= (cosigned + SLACK_S) * 1_000_000:
        return
    seen = datetime.fromtimestamp(cosigned, UTC)
    found.at(
        row.position,
        f"a witness saw it at {seen:%Y-%m-%d %H:%M:%S} UTC, before it says that it came: the"
        " clock ran ahead",
        "note",
    )
