"""Logs for the tests that read whole files: built quickly, closed, and damaged on purpose.

`build_log` writes rows as the appender would, views and all but without an event loop. The rest
are the ways in which a test spoils such a file: raw SQL without the guards, and flipped bits.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from eventlog import codecs
from eventlog.facts import (
    AlertSent,
    Detection,
    Ding,
    FaceResult,
    Fact,
    Motion,
    PersonNamed,
    UnlockAction,
)
from eventlog.followers import projector
from eventlog.journal import chain
from eventlog.journal import table as journal
from eventlog.journal.append import Append, place, prepare
from eventlog.journal.head_file import HeadFile, HeadMark
from eventlog.maintenance.verify.findings import Report
from eventlog.record import Head, StoredRecord
from eventlog.storage.connections import connect_writer
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path
from eventlog.store import opening

T0 = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
T0_US = 1_772_015_400_000_000
BOOT = bytes(range(16))


def visit(number: int, rng: random.Random | None = None) -> list[Fact]:
    """The facts of one visit; a generator makes them vary in number and length."""
    rng = rng or random.Random(number)
    at = T0 + timedelta(minutes=number)
    recording_id = "r" * rng.randint(1, 40)
    facts: list[Fact] = [
        Motion(camera_id="front_door", recorded_at=at, recording_id=recording_id)
        if rng.random() < 0.5
        else Ding(camera_id="front_door", recorded_at=at, recording_id=recording_id)
    ]
    facts += [
        Detection(label="person", confidence=rng.random(), model="yolo", recorded_at=at)
        for _ in range(rng.randint(0, 3))
    ]
    if rng.random() < 0.5:
        name = rng.choice(["anna", "ben", None])
        facts.append(FaceResult(name=name, distance=rng.random(), tolerance=0.6))
        facts.append(UnlockAction(granted=name is not None, person=name, rule="tolerance"))
    if rng.random() < 0.1:
        facts.append(AlertSent(channel="telegram"))
    return facts


def appends(visits: int, seed: int = 1) -> list[Append]:
    """Appends of so many visits, every third with a key, and a standalone fact now and then."""
    rng = random.Random(seed)
    made = []
    for number in range(1, visits + 1):
        key = f"key:{number}" if number % 3 == 0 else None
        made.append(prepare(visit(number, rng), key=key))
        if number % 10 == 0:
            made.append(prepare([PersonNamed(name="anna", display_name="Anna")]))
    return made


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes as the product's does; its close empties the WAL."""
    lock = FileLock(lock_path(path))
    try:
        connection = connect_writer(path, lock)
        try:
            with lock:
                yield connection
                connection.close()
        finally:
            connection.close()
    finally:
        lock.close()


def put(connection: sqlite3.Connection, appends: Iterable[Append], *, tick_us: int = 1000) -> Head:
    """Append to an open log, each in its place; wall and boot clock tick together."""
    head = journal.head(connection)
    event = journal.last_event(connection)
    rows: list[tuple[Any, ...]] = []
    for append in appends:
        event_id = append.event_id
        if append.opens:
            event += 1
            event_id = event
        at_us = T0_US + head.position * tick_us
        clock_ns = head.position * tick_us * 1000
        meta = codecs.encode_meta({"boot": BOOT, "clock_ns": clock_ns})
        placed, head = place(append, head, event_id=event_id, at_us=at_us, meta=meta)
        rows += placed
    connection.execute("BEGIN IMMEDIATE")
    journal.insert(connection, rows)
    connection.execute("COMMIT")
    return head


def write_head(path: Path, connection: sqlite3.Connection, *, durable: int | None = None) -> None:
    """Write the head file as an appender would."""
    head = journal.head(connection)
    durable = head.position if durable is None else durable
    file = HeadFile(path)
    file.write(HeadMark(journal.log_id(connection), head.position, durable, head.hash))
    file.close()


def build_log(
    path: Path,
    made: Sequence[Append] | int = 20,
    *,
    page_size: int = 4096,
    project: bool = True,
    seed: int = 1,
) -> Path:
    """A closed log of these appends, or of so many visits, with its head file and no WAL."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("PRAGMA journal_mode = WAL")
    with writing(path) as connection:
        opening.prepare(connection, path)
        put(connection, appends(made, seed) if isinstance(made, int) else made)
        while project and not projector.project_batch(connection).at_end:
            pass
        write_head(path, connection)
    return path


def build_log_with_wal(path: Path, visits: int = 60, *, spare: Path) -> Path:
    """A log whose last appends are in the WAL, a commit each, as a kill would leave it."""
    build_log(spare, visits // 3)
    with writing(spare) as connection:
        for append in appends(visits - visits // 3, seed=2):
            put(connection, [msgspec.structs.replace(append, key=None)])
        write_head(spare, connection)
        for suffix in ("", "-wal", ".head"):
            shutil.copy(f"{spare}{suffix}", f"{path}{suffix}")
    return path


@contextmanager
def guards_down(path: Path) -> Iterator[sqlite3.Connection]:
    """Raw SQL on a log whose guards are out of the way, and back in their place afterwards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guards = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in guards:
            connection.execute(sql)


def rows(path: Path) -> list[tuple[Any, ...]]:
    """The journal's rows."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(f"SELECT {journal.COLUMNS} FROM journal").fetchall()


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]] | None:
    """All rows of all tables, and what the header says; None if SQLite can't read it.

    But for SQLite's own counters of ids, which no insert of ours asks.
    """
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        tables = [
            name.decode()
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
                " AND name != 'sqlite_sequence' ORDER BY name"
            )
        ]
        found = {
            table: connection.execute(f'SELECT * FROM "{table}" NOT INDEXED').fetchall()
            for table in tables
        }
        found["schema"] = connection.execute("SELECT * FROM sqlite_schema").fetchall()
        for pragma in ("application_id", "user_version", "encoding", "journal_mode"):
            found[pragma] = connection.execute(f"PRAGMA {pragma}").fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return None
    else:
        return found
    finally:
        connection.close()


def positions(report: Report) -> list[int]:
    """The positions that a report's findings hit."""
    return [finding.position for finding in report.findings if finding.position is not None]


def places(report: Report) -> set[str]:
    """The places of a report's findings."""
    return {finding.where for finding in report.findings}


def flip(data: bytes, bit: int) -> bytes:
    """These bytes with one bit flipped."""
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def seed_for(name: str, say: Callable[[str], None] = print) -> int:
    """A seed from EVENTLOG_SEED, else a new one; said, so that a failure can be brought back."""
    seed = int(os.environ.get("EVENTLOG_SEED") or random.SystemRandom().randrange(2**32))
    say(f"{name}: EVENTLOG_SEED={seed}")
    return seed


def rechained(log_id: bytes, changed: Iterable[Sequence[Any]]) -> list[StoredRecord]:
    """These rows with hashes that follow, as a writer with a fault would have written them."""
    previous = chain.genesis(log_id)
    made = []
    for columns in changed:
        previous = chain.link(previous, chain.digest(tuple(columns)))
        made.append(StoredRecord._make([*columns[:11], previous]))
    return made


def rewrite(path: Path, change: Callable[[list[StoredRecord]], None]) -> None:
    """Put other rows in place of a log's, with hashes that follow, and a head file that agrees."""
    with guards_down(path) as connection:
        stored = [StoredRecord._make(row) for row in journal.read_after(connection, 0, 10**6)]
        change(stored)
        connection.execute("DELETE FROM journal")
        journal.insert(connection, rechained(journal.log_id(connection), stored))
        write_head(path, connection)
