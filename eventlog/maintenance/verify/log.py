"""Checks a log: every record, the chain, the file, its guards, the views, the pictures.

Only reads, in batches, and goes on after damage. Every finding names a position or, if no record is
affected, the table, index or file. It cannot detect a log that was rewritten from some record on,
hashes and head file included, by someone who may write both.

The other files of this folder are the checks; this one has their order and what is read when.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from eventlog import codecs
from eventlog.errors import (
    BadRecord,
    DiskFailure,
    ForeignDatabase,
    KeysMissing,
    LockTimeout,
    NewerDatabase,
    NotADatabase,
)
from eventlog.facts import PictureRemoved, ThumbnailSaved, UncleanStop, kind_of
from eventlog.followers import checkpoints
from eventlog.journal import table as journal
from eventlog.journal.head_file import HeadJudgement, HeadMark, judge, read_mark
from eventlog.journal.progress import Progress, tell
from eventlog.maintenance.verify import evidence, sqlite_file
from eventlog.maintenance.verify.clock_jumps import ClockWatch
from eventlog.maintenance.verify.evidence import Evidence
from eventlog.maintenance.verify.findings import Finding, Findings, Report
from eventlog.maintenance.verify.pictures import CheckPicture, PictureChecks
from eventlog.maintenance.verify.records import RecordChecks
from eventlog.maintenance.verify.walk import ERRORS, Gap, damage, read_any_text, walk
from eventlog.record import StoredRecord
from eventlog.storage.connections import is_ours
from eventlog.storage.paths import wal_path
from eventlog.storage.read_only import opened

__all__ = ["Finding", "Report", "verify"]

CheckViews: TypeAlias = Callable[[], Iterable[str]]

_SPOKEN: Final = frozenset({kind_of(ThumbnailSaved), kind_of(PictureRemoved), kind_of(UncleanStop)})


def verify(
    db_path: Path,
    *,
    thumbnails: CheckPicture | None = None,
    check_views: CheckViews | None = None,
    progress: Progress | None = None,
    heads: Evidence | None = None,
) -> Report:
    """Check the log at `db_path`. Damage is reported, and not raised.

    `thumbnails` says what is wrong with a fact's picture, `check_views` yields what the views
    hold otherwise than a replay would; where they are None, pictures and views are not checked.
    `progress` gets the number of records that are done, and of all. `heads` are signed heads that
    were kept outside; those next to the log are compared with the records in any case.

    Raises DatabaseMissing, NotADatabase and ForeignDatabase if no log is, LockTimeout and the
    like where it can't be read now.
    """
    found = Findings()
    mark, damage = read_mark(db_path)  # first: the journal may grow while it is read
    count = 0
    try:
        with opened(db_path, ours=False) as log:
            if log.how is not None:
                found.on("file", f"the log was {log.how}", "note")
            read_any_text(log.connection)
            _require_a_log(log.connection, db_path)
            if not log.immutable:  # SQLite reads no WAL then, and says so of the mode
                is_copy = mark is None and damage is None and not _has_wal(db_path)
                check = partial(sqlite_file.check_wal_mode, is_copy=is_copy)
                sqlite_file.run(log.connection, found, check, "file header")
            given = _Given(mark, damage, thumbnails, progress, db_path, heads or Evidence())
            count = _check_log(log.connection, found, given)
    except ForeignDatabase:
        raise
    except (NotADatabase, DiskFailure) as error:
        # A head file next to it shows that a log was there.
        if mark is None and damage is None:
            raise
        found.on("file", f"SQLite can't open it: {error}")
    if check_views is not None:
        _check_views(check_views, found)
    return found.report(count)


class _Given(NamedTuple):
    """What the caller gave, and what was read before the journal."""

    mark: HeadMark | None
    damage: str | None
    thumbnails: CheckPicture | None
    progress: Progress | None
    db_path: Path
    heads: Evidence


def _require_a_log(connection: sqlite3.Connection, db_path: Path) -> None:
    """Raise ForeignDatabase if there is no journal and the header does not say that it is a log."""
    try:
        if is_ours(connection):
            return
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    except NewerDatabase:
        return
    except ERRORS as error:
        damage(error)
        return
    if not tables & {"journal", "log", "checkpoints"}:
        raise ForeignDatabase(f"{db_path} is not an event log")


def _check_log(connection: sqlite3.Connection, found: Findings, given: _Given) -> int:
    sqlite_file.run(connection, found, sqlite_file.check_header, "file header")
    sqlite_file.run(connection, found, sqlite_file.check_schema, "table sqlite_schema")
    log_id = _log_id(connection, found)
    ends = _checkpoints(connection, found)
    records = _check_records(connection, found, given, log_id)
    for view, position in ends:
        if not isinstance(position, int) or position > records.end:
            found.on(
                "table checkpoints",
                f"the view {view} is at {position}, and the journal ends at {records.end}",
            )
    judgement = judge(
        given.mark,
        log_id=log_id,
        end=records.end,
        hash_at=records.watched_hash,
        damage=given.damage,
    )
    _found_head(judgement, found)

    def check_heads(connection: sqlite3.Connection, found: Findings) -> None:
        evidence.check(connection, found, given.db_path, log_id, given.heads)

    sqlite_file.run(connection, found, check_heads, "evidence")
    sqlite_file.run(connection, found, sqlite_file.check_integrity, "file")
    sqlite_file.run(connection, found, sqlite_file.check_foreign_keys, "file")
    return records.count


def _check_records(
    connection: sqlite3.Connection, found: Findings, given: _Given, log_id: bytes | None
) -> RecordChecks:
    watched = 0 if given.mark is None else given.mark.position
    records = RecordChecks(log_id, found, watched=watched)
    clocks, pictures = ClockWatch(), PictureChecks(given.thumbnails, found)
    try:
        journal.read_after(connection, 0, 0)  # fails at once where no position can be read
        pictures.read_removals(connection)
        total = max(watched, _last_position(connection))
        for row in walk(connection, at_least=watched):
            if isinstance(row, Gap):
                records.skip(row)
                continue
            meta = records.take(row)
            if meta is None:
                continue
            if meta:
                _note_jump(clocks, row, meta, found)
            if row.kind in _SPOKEN:
                _check_spoken(row, pictures, found)
            tell(given.progress, row.position, max(total, row.position))
    except ERRORS as error:
        found.on("table journal", f"SQLite can't read it: {damage(error)}")
    records.finish()
    return records


def _note_jump(
    clocks: ClockWatch, row: StoredRecord, meta: dict[str, object], found: Findings
) -> None:
    jump = clocks.take(row.position, row.appended_at, meta)
    if jump is not None:
        found.at(
            jump.before,
            f"the wall clock was set by {jump.by_us / 1e6:+.1f} s between records {jump.after}"
            f" and {jump.before}: the times before are uncertain",
            "note",
        )


def _check_spoken(row: StoredRecord, pictures: PictureChecks, found: Findings) -> None:
    """What a fact says of things outside the journal: a picture, records that a power cut took."""
    try:
        fact = codecs.decode(row.kind, row.version, row.body, position=row.position)
    except BadRecord:
        return  # the projectors park it, and status counts it
    if isinstance(fact, ThumbnailSaved):
        pictures.saved(row.position, fact)
    if isinstance(fact, PictureRemoved):
        pictures.removed(row.position, fact)
    if isinstance(fact, UncleanStop) and (fact.head_position or 0) > fact.journal_position:
        found.at(
            row.position,
            f"it says that an unclean stop took records: the journal had reached"
            f" {fact.head_position} and ended at {fact.journal_position} afterwards",
            "note",
        )


def _check_views(check_views: CheckViews, found: Findings) -> None:
    try:
        for difference in check_views():
            found.on("views", difference)
    except LockTimeout:
        raise
    except KeysMissing as error:
        found.on("views", f"they were not compared with a replay: {error}", "note")
    except Exception as error:  # noqa: BLE001 - damage may fail a replay in any way: a finding
        found.on("views", f"they can't be compared with a replay: {type(error).__name__}: {error}")


def _found_head(judgement: HeadJudgement, found: Findings) -> None:
    match judgement.state:
        case "whole":
            return
        case "missing":
            found.on("head file", judgement.what, "note")
        case "relaxed" if judgement.position is not None:
            found.at(judgement.position, judgement.what, "relaxed")
        case _ if judgement.position is not None:
            found.at(judgement.position, judgement.what)
        case _:
            found.on("head file", judgement.what)


def _log_id(connection: sqlite3.Connection, found: Findings) -> bytes | None:
    try:
        stored = connection.execute("SELECT one, log_id FROM log").fetchall()
    except ERRORS as error:
        found.on("table log", f"SQLite can't read it: {damage(error)}")
        return None
    log_id = stored[0][1] if stored else None
    if not isinstance(log_id, bytes) or stored != [(1, log_id)]:
        found.on("table log", "it does not hold one id of a log")
    return log_id if isinstance(log_id, bytes) else None


def _checkpoints(connection: sqlite3.Connection, found: Findings) -> list[tuple[object, object]]:
    try:
        return [(view, at.position) for view, at in checkpoints.read(connection).items()]
    except ERRORS as error:
        found.on("table checkpoints", f"SQLite can't read it: {damage(error)}")
        return []


def _has_wal(db_path: Path) -> bool:
    try:
        return wal_path(db_path).stat().st_size > 0
    except FileNotFoundError:
        return False


def _last_position(connection: sqlite3.Connection) -> int:
    try:
        return journal.last_position(connection)
    except ERRORS as error:
        damage(error)
        return 0
