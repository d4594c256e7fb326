"""Erases a person: deletes the texts behind their seals; records and hashes stay.

    person_erased, durable ──▶ seals overwritten ──▶ views past the fact ──▶ left-over tables and
    free pages overwritten ──▶ WAL emptied

Each step can be repeated, and `erase` with the same seals does what is left of an earlier one. A
crash loses nothing: the journal says what is erased, and each start overwrites its seals.

Knows no picture and no folder of faces.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

import anyio
from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadRecord, KeysMissing, ReplayRunning
from eventlog.evidence.seals import Slot, State, What
from eventlog.evidence.seals_file import SealsFile
from eventlog.facts import IdentityLinked, PersonErased, Sealed
from eventlog.followers.replay import Replay
from eventlog.journal import sealing
from eventlog.storage.connections import transaction
from eventlog.store.event_store import EventStore, engine_of

Reason: TypeAlias = Literal["asked", "consent_withdrawn", "retention", "mistake"]

_SEALS_OF_A_FACT: Final = 64
_RETRY_S: Final = 0.1
_ZEROS: Final = "replay_zeros"  # a table of a replay that died is dropped by the next one
_ZERO: Final = "INSERT INTO replay_zeros VALUES (zeroblob(?))"
_PAGES_OF_A_ROW: Final = 1_000
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LINKS: Final = (
    "SELECT version, body, position FROM journal WHERE kind = 'identity_linked' ORDER BY position"
)


class Person(Struct, frozen=True):
    """Whom an erasure is about.

    Args:
        name: The name.
        seal: The seal of the name.
        seals: Every seal that goes: of the name, of display names and references, and of linked
            names.
        also: The other texts that go with the name.
    """

    name: str
    seal: bytes
    seals: tuple[bytes, ...]
    also: tuple[str, ...] = ()


class Erased(Struct, frozen=True):
    """What an erasure did.

    Args:
        positions: The records that say so; those of an earlier erasure of the same seals are not
            repeated.
        overwritten: How many seals were overwritten now.
        finished: Whether nothing is left of the texts in the log's own files.
        why: What keeps it from being finished, as a sentence; empty if it is.
    """

    positions: tuple[int, ...]
    overwritten: int
    finished: bool
    why: str = ""


async def find_person(store: EventStore, name: str, *, only: bool = False) -> Person | None:
    """Find everything that belongs to a name.

    Args:
        store: An open store with the folder of keys.
        name: The name, as in records.
        only: True leaves out names and references that are linked to it. The default takes them.

    Returns:
        The person; None if no seal of that name can be opened.

    Raises:
        KeysMissing: The store has no seals.
        DatabaseError: The log or the seals can't be read.
    """
    file = _seals(store)
    slots = [slot for slot in file.slots() if slot.text == name and _is_name(slot)]
    slots.sort(key=lambda slot: slot.what is What.NAME)
    seals = [slot.sealed for slot in slots]
    if not seals:
        return None
    links = [] if only else await store.reader.run(latest_links)
    found = together(file, links, seals)
    known = [slot for seal in found if (slot := file.opened(seal)) is not None]
    going = [slot for slot in known if slot.state is not State.ERASED]
    also = dict.fromkeys(slot.text for slot in going if slot.text != name)
    return Person(name, seals[-1], tuple(slot.sealed for slot in going), tuple(also))


def _is_name(slot: Slot) -> bool:
    """Whether the text is a name, or what a lock or a plate calls somebody who has no other."""
    alone = slot.what is not What.DISPLAY_NAME and slot.person == slot.sealed
    return slot.state in {State.LIVE, State.RETIRED} and (slot.what is What.NAME or alone)


def together(
    file: SealsFile, links: Iterable[IdentityLinked], seals: Iterable[bytes]
) -> list[bytes]:
    """These seals, and all that belong to the same persons by their slots and by links."""
    pairs = [pair for fact in links if fact.linked and (pair := sealed_pair(fact)) is not None]
    found = dict.fromkeys(seals)
    before = 0
    while len(found) != before:
        before = len(found)
        for seal in list(found):
            found |= dict.fromkeys(file.of_person(seal))
        for one, other in pairs:
            if one in found or other in found:
                found |= {one: None, other: None}
    return list(found)


async def erase(
    store: EventStore,
    seals: Sequence[bytes],
    *,
    reason: Reason,
    requested_at: datetime,
    timeout_s: float = 60.0,
) -> Erased:
    """Erase the texts behind seals, in the journal's words, the seals file, the views and the WAL.

    Args:
        store: An open store with the folder of keys.
        seals: Every seal of the person, see `find_person`.
        reason: Why.
        requested_at: When it was asked for, an aware datetime.
        timeout_s: How long to wait for readers that hold old pages, in seconds; 60 by default.

    Returns:
        What was done, and whether anything is left.

    Raises:
        KeysMissing: The store has no seals.
        DatabaseError: The disk failed; a later call, or the next start, does what is left.
    """
    file = _seals(store)
    engine = engine_of(store)
    known = await store.reader.run(_erased)
    new = [seal for seal in dict.fromkeys(seals) if seal not in known]
    # From the fact on any process that has the log open may overwrite them.
    held = sum(slot is not None and bool(slot.text) for slot in map(file.opened, seals))
    positions: list[int] = []
    for start in range(0, len(new), _SEALS_OF_A_FACT):
        some = tuple(new[start : start + _SEALS_OF_A_FACT])
        fact = PersonErased(sealed=some, reason=reason, requested_at=requested_at)
        positions += (await store.append(fact)).positions
    overwritten = max(held, await anyio.to_thread.run_sync(file.erase, list(seals)))
    await engine.caught_up(engine.written)
    why = await _scrub(store, timeout_s)
    return Erased(tuple(positions), overwritten, not why, why)


async def _scrub(store: EventStore, timeout_s: float) -> str:
    """Overwrite what deletions have left. Answers what keeps it from being finished."""
    writer = engine_of(store).writer
    give_up = time.monotonic() + timeout_s
    while True:
        try:
            await Replay(writer, []).clear()
            break
        except ReplayRunning:
            if time.monotonic() >= give_up:
                return "a replay is running and has tables with the name"
        await anyio.sleep(_RETRY_S)
    await writer.run(_overwrite_free_pages)
    while not await writer.run(_empty_wal):
        if time.monotonic() >= give_up:
            return "a reader still uses old pages, so the WAL keeps them"
        await anyio.sleep(_RETRY_S)
    return ""


def _seals(store: EventStore) -> SealsFile:
    file = engine_of(store).seals.file
    if file is None:
        raise KeysMissing("no person can be erased without the seals: open the store with KEYS_DIR")
    return file


def _erased(connection: sqlite3.Connection) -> set[bytes]:
    return {seal for _, fact in sealing.erased_after(connection, 0) for seal in fact.sealed}


def sealed_pair(fact: IdentityLinked) -> tuple[bytes, bytes] | None:
    """The two seals of a link, the person's first; None where one of the two is not sealed."""
    one, other = fact.person, fact.same_as if fact.identity is None else fact.identity
    if isinstance(one, Sealed) and isinstance(other, Sealed):
        return one.sealed, other.sealed
    return None


def latest_links(connection: sqlite3.Connection) -> list[IdentityLinked]:
    """The latest fact about each pair of sealed names, in the order of the journal."""
    latest: dict[tuple[frozenset[bytes], str | None], IdentityLinked] = {}
    for version, body, position in connection.execute(_LINKS).fetchall():
        try:
            fact = codecs.decode("identity_linked", version, body, position=position)
        except BadRecord:
            continue
        if isinstance(fact, IdentityLinked) and (pair := sealed_pair(fact)) is not None:
            latest.pop(key := (frozenset(pair), fact.source), None)
            latest[key] = fact
    return list(latest.values())


def _overwrite_free_pages(connection: sqlite3.Connection) -> None:
    """Overwrite free pages: a table of zeros takes them, and gives them back."""
    (pages,) = connection.execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    if not pages:
        return
    with transaction(connection):
        connection.execute(f"CREATE TABLE {_ZEROS} (zeros BLOB)")
        for done in range(0, pages, _PAGES_OF_A_ROW):
            some = min(_PAGES_OF_A_ROW, pages - done)
            connection.execute(_ZERO, (some * page_bytes,))
        connection.execute(f"DROP TABLE {_ZEROS}")


def _empty_wal(connection: sqlite3.Connection) -> bool:
    """Copy the WAL into the database and cut it to nothing; whether no reader kept it."""
    (patience_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")  # appends wait for the lock meanwhile
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _BUSY:
            raise
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
    return not busy
