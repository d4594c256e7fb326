"""Writes a log with sealed names from one that has them in plain text.

Names in clear are in bodies that the chain covers, so the log is written again: the same positions,
events, keys, times and kinds, a new id and a new chain. Each record's meta says under `origin`
which record of the old log it was, without its digest: a name in clear could be guessed from that.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadRecord, DatabaseError, KeysMissing
from eventlog.evidence import unfinished
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seals_file import SealsFile
from eventlog.journal import chain, sealing
from eventlog.journal import table as journal
from eventlog.journal.append import Append, EncodedFact
from eventlog.journal.progress import Progress, tell
from eventlog.maintenance.new_log import new_log
from eventlog.maintenance.salvage.writing import without_digests
from eventlog.maintenance.verify.log import verify
from eventlog.record import StoredRecord
from eventlog.storage.durable_files import overwrite
from eventlog.store.compat.plain_rows import COLUMNS
from eventlog.store.seals import LogSeals

_ID_SIZE: Final = 16
_DOMAIN: Final = b"eventlog/sealed-log/1\0"
_LEGACY: Final = (
    "SELECT name, sql FROM sqlite_schema"
    " WHERE type = 'table' AND name LIKE 'legacy\\_%' ESCAPE '\\'"
)
_LEGACY_META: Final = "CREATE TABLE legacy_meta (position INTEGER, name TEXT, value)"


class Resealed(Struct, frozen=True):
    """What was done: ids of the logs, records, and how many of them hold a name.

    `unread` records could not be decoded, so that a name in them would stand in clear.
    """

    old_log_id: bytes
    new_log_id: bytes
    records: int
    sealed: int
    unread: int


def copy_sealed(
    source: sqlite3.Connection,
    spare: Path,
    keys_dir: Path,
    path: Path,
    progress: Progress | None,
) -> Resealed:
    """Write a log with sealed names into a spare file, and check it.

    Args:
        source: The log with names in clear.
        spare: The new file.
        keys_dir: The folder of keys, which gets a new seals file; it has none where this fails.
        path: Where the log lies.
        progress: Called with the position reached and the last one; None for no calls.

    Raises DatabaseError, SQLite's errors.
    """
    old_id = journal.log_id(source)
    # A run that was killed may have copied its keys: the next one goes on under the same id.
    new_id = sha256(_DOMAIN + old_id + journal.head(source).hash).digest()[:_ID_SIZE]
    keys = KeysDir(keys_dir, new_id)
    keys.make(path)
    unfinished.sweep(keys_dir, path, but=keys)
    unfinished.begin(keys, path)
    file = _seals(keys)
    try:
        with closing(LogSeals(new_id, file, None)) as seals, new_log(spare, new_id) as connection:
            sealing.make_table(connection)
            counts = _write(source, connection, seals, old_id, progress)
            _copy_legacy(source, connection)
        _require_sound(spare)
    except BaseException:
        keys.file("seals").unlink()
        raise
    return Resealed(old_id, new_id, *counts)


def _require_sound(spare: Path) -> None:
    report = verify(spare)
    if not report.ok:
        raise DatabaseError(f"the sealed log is not sound: {report.findings[0].what}")


def _seals(keys: KeysDir) -> SealsFile:
    """The new log's seals; those of a run that was killed are used again: a copy may hold them."""
    file = keys.file("seals")
    if file.exists():
        try:
            return SealsFile(file, keys.log_id)
        except KeysMissing:
            overwrite(file)
    return SealsFile.create(file, keys.log_id)


def _write(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    seals: LogSeals,
    old_id: bytes,
    progress: Progress | None,
) -> tuple[int, int, int]:
    previous, end = journal.genesis(target), journal.last_position(source)
    sealed = unread = position = 0
    seals.look(target)
    for row in journal.read_all(source):
        position = row.position
        body = row
        try:
            (fact,) = seals.sealed(_alone(row)).facts
        except BadRecord:
            unread += 1
        else:
            if fact.body != row.body:
                sealed += 1
                body = row._replace(version=fact.version, body=fact.body)
                if seals.begins:
                    seals.begin(target, position)
                    seals.look(target)
        new = body._replace(meta=_meta(row, old_id, target))
        previous = chain.link(previous, chain.digest(new))
        journal.insert(target, [new._replace(hash=previous)])
        tell(progress, position, end)
    return position, sealed, unread


def _alone(row: StoredRecord) -> Append:
    """A record's fact as an append of its own, for what seals appends."""
    return Append((EncodedFact(row.kind, row.version, row.body),), opens=False)


def _meta(row: StoredRecord, old_id: bytes, target: sqlite3.Connection) -> bytes:
    """The record's meta with its origin, and without what may be a name."""
    try:
        known = codecs.decode_meta(row.meta)
    except ValueError:
        known = {}
    origin: dict[str, Any] = {"log_id": old_id, "position": row.position}
    if isinstance(known.get("origin"), dict):
        origin["origin"] = without_digests(known["origin"])
    legacy = known.get("legacy")
    if isinstance(legacy, dict):
        known = {**known, "legacy": _known_values(legacy, row.position, target)}
    return codecs.encode_meta({**known, "origin": origin})


def _known_values(
    legacy: dict[str, Any], position: int, target: sqlite3.Connection
) -> dict[str, Any]:
    """An adoption's entry without columns that the contract does not know: they go aside."""
    columns = COLUMNS["events"] | COLUMNS["persons"]
    aside: list[tuple[str, object]] = []

    def kept(values: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
        aside.extend((name, value) for name, value in values.items() if name not in known)
        return {name: value for name, value in values.items() if name in known}

    found = dict(legacy)
    if isinstance(found.get("values"), dict):
        found["values"] = kept(found["values"], columns)
    if isinstance(found.get("detection_values"), list):
        found["detection_values"] = [
            kept(values, COLUMNS["detections"]) for values in found["detection_values"]
        ]
    if aside:
        target.execute(_LEGACY_META.replace("TABLE", "TABLE IF NOT EXISTS"))
        rows = [(position, name, value) for name, value in aside]
        target.executemany("INSERT INTO legacy_meta VALUES (?, ?, ?)", rows)
    return {name: value for name, value in found.items() if value}


def _copy_legacy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """What an adoption kept next to the journal."""
    for name, sql in source.execute(_LEGACY).fetchall():
        target.execute(sql)
        quoted = name.replace('"', '""')
        rows = source.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - quoted
        marks = ", ".join("?" * len(rows.description))
        target.executemany(f'INSERT INTO "{quoted}" VALUES ({marks})', rows)  # noqa: S608 - quoted


# ── old files ──────────────────────────────────────────────────────────────────────────────
