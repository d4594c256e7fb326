"""The state of a log: its end, the lag of its views, the sizes of its files.

Reads a few rows and the sizes of files, however long the log is. Whether the log is undamaged is
the question of `verify`.
"""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventlog.evidence import copies, outside
from eventlog.evidence.keys import KeysDir
from eventlog.followers import checkpoints
from eventlog.followers.opening import NOT_KEPT
from eventlog.journal import sealing
from eventlog.journal import table as journal
from eventlog.journal.head_file import HeadState, hash_at, judge, read_mark
from eventlog.maintenance.room import Room, room
from eventlog.storage import wal_file as wal
from eventlog.storage.connections import has_table
from eventlog.storage.error_translation import translated
from eventlog.storage.paths import wal_path
from eventlog.storage.read_only import opened, read_only
from eventlog.storage.sqlite_version import has_wal_fault

_PARKED_SHOWN: Final = 1000
BACKUP_OLD_S: Final = 7 * 86_400.0


class ViewStatus(Struct, frozen=True):
    """How far a view has come; `lag` is how many records it has to go."""

    view: str
    version: int
    position: int
    lag: int
    parked: int


class ParkedReason(Struct, frozen=True):
    """Why a view could not apply some records, how many of those looked at, and the first."""

    view: str
    reason: str
    records: int
    first_position: int


class SqliteStatus(Struct, frozen=True):
    """The SQLite library in use. `wal_fault` says that it has the fault of 3.7.0 to 3.51.2.

    The lock next to the database separates commits from WAL checkpoints, so that the fault does
    no harm as long as every writer holds it.
    """

    version: str
    wal_fault: bool


class Status(Struct, frozen=True):
    """A log at a glance. Sizes are in bytes, `appended_at_us` in microseconds since 1970, UTC.

    `records` is the newest position, `last_event` the highest event id. `wal_bytes` is what the
    WAL holds, `wal_file_bytes` how long its file is. `opened_how` says what had to be done to
    read the log, None for nothing. `durable` is the newest position that no power cut takes back.
    """

    path: str
    log_id: str
    records: int
    head_hash: str
    last_event: int
    appended_at_us: int | None
    head_file: HeadState
    head_file_says: str
    views: tuple[ViewStatus, ...]
    parked: tuple[ParkedReason, ...]
    database_bytes: int
    wal_bytes: int
    wal_file_bytes: int
    schema_version: int
    sqlite: SqliteStatus
    read_only: bool
    opened_how: str | None
    durable: int
    heads: HeadsStatus | None
    names: NamesStatus
    room: Room


class NamesStatus(Struct, frozen=True):
    """Whether names are sealed, and how old the newest backup of what opens them is, in seconds.

    `sealed` is None if no folder of keys is set. `copied_to` is where the backup lies. `lost` says
    that the log is sealed and what opens its names is not in the folder of keys, `not_kept` that an
    unlock was recorded while its name could not be kept.
    """

    sealed: bool | None = None
    lost: bool = False
    not_kept: bool = False
    backup_age_s: float | None = None
    copied_to: str | None = None

    @property
    def backup_is_old(self) -> bool:
        """Whether a disk that dies now could take names with it."""
        too_old = self.backup_age_s is None or self.backup_age_s > BACKUP_OLD_S
        return bool(self.sealed) and too_old


class HeadsStatus(Struct, frozen=True):
    """How far heads are signed, kept outside and witnessed, by position; None: never signed.

    `outside_age_s` is the age of the newest outside head in seconds. `fault` says what is wrong.
    """

    signed: int
    kept: int
    witnessed: int
    outside_age_s: float | None
    places: tuple[outside.Place, ...]
    fault: str | None


def status(
    db_path: Path, keys_dir: Path | None = None, thumbnails_dir: Path = Path("thumbnails")
) -> Status:
    """The status of a log.

    Args:
        db_path: The log.
        thumbnails_dir: The pictures.
        keys_dir: The folder of keys. None: none is set.

    Raises DatabaseMissing, NotADatabase, ForeignDatabase, NewerDatabase, DiskFailure.
    """
    now_us = time.time_ns() // 1000
    mark, damage = read_mark(db_path)  # first: the journal may grow meanwhile
    with opened(db_path) as log, translated(db_path):
        connection = log.connection
        connection.execute("BEGIN")  # one snapshot for all answers
        head = journal.head(connection)
        log_id = journal.log_id(connection)
        judgement = judge(
            mark,
            log_id=log_id,
            end=head.position,
            hash_at=hash_at(connection, mark),
            damage=damage,
        )
        last = journal.read_one(connection, head.position)
        (schema_version,) = connection.execute("PRAGMA user_version").fetchone()
        return Status(
            path=str(db_path),
            log_id=log_id.hex(),
            records=head.position,
            head_hash=head.hash.hex(),
            last_event=journal.last_event(connection),
            appended_at_us=None if last is None else last.appended_at,
            head_file=judgement.state,
            head_file_says=judgement.what,
            views=_views(connection, head.position),
            parked=_parked(connection),
            database_bytes=db_path.stat().st_size,
            wal_bytes=wal.bytes_in_use(wal_path(db_path)),
            wal_file_bytes=wal.size(wal_path(db_path)),
            schema_version=schema_version,
            sqlite=SqliteStatus(sqlite3.sqlite_version, has_wal_fault(sqlite3.sqlite_version)),
            read_only=read_only(db_path),
            opened_how=log.how,
            durable=0 if mark is None else min(mark.durable_position, head.position),
            heads=_heads(db_path),
            names=names_status(connection, keys_dir, log_id, now_us),
            room=room(connection, db_path, thumbnails_dir, now_us),
        )


def names_status(
    connection: sqlite3.Connection, keys_dir: Path | None, log_id: bytes, now_us: int
) -> NamesStatus:
    """Whether a log's names are sealed, and the age of the newest backup of the keys."""
    is_sealed = sealing.read(connection) is not None
    not_kept = _has_lost_names(connection)
    if keys_dir is None:
        return NamesStatus(lost=is_sealed, not_kept=not_kept)
    keys = KeysDir(keys_dir, log_id)
    newest = copies.newest_of_keys(keys.file("copies"))
    return NamesStatus(
        sealed=is_sealed or keys.file("seals").exists(),
        lost=is_sealed and not keys.file("seals").exists(),
        not_kept=not_kept,
        backup_age_s=None if newest is None else max(0.0, (now_us - newest.at_us) / 1e6),
        copied_to=None if newest is None else newest.path,
    )


def _has_lost_names(connection: sqlite3.Connection) -> bool:
    """Whether a view has the seal that is used for names that could not be stored."""
    if not has_table(connection, "event_names"):
        return False  # the views are of an older program
    found = connection.execute("SELECT 1 FROM event_names WHERE sealed = ?", (NOT_KEPT,))
    return found.fetchone() is not None


def _heads(db_path: Path) -> HeadsStatus | None:
    known = outside.read(db_path)
    if known is None:
        return None
    now_us = time.time_ns() // 1000
    return HeadsStatus(
        signed=known.signed,
        kept=known.kept,
        witnessed=known.witnessed,
        outside_age_s=known.age_s(now_us),
        places=known.places,
        fault=known.fault(now_us),
    )


def _views(connection: sqlite3.Connection, end: int) -> tuple[ViewStatus, ...]:
    counts = checkpoints.parked_counts(connection)
    return tuple(
        ViewStatus(view, at.version, at.position, end - at.position, counts.get(view, 0))
        for view, at in sorted(checkpoints.read(connection).items())
    )


def _parked(connection: sqlite3.Connection) -> tuple[ParkedReason, ...]:
    reasons: dict[tuple[str, str], list[int]] = {}
    for parked in checkpoints.parked(connection, limit=_PARKED_SHOWN):
        # A reason names its own record; without that, like ones are counted together.
        reason = re.sub(rf"\brecord {parked.position}\b", "the record", parked.reason)
        reasons.setdefault((parked.view, reason), []).append(parked.position)
    return tuple(
        ParkedReason(view, reason, len(positions), positions[0])
        for (view, reason), positions in reasons.items()
    )
