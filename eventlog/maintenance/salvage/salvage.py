"""Copies the undamaged records of a damaged log into a new one, and lists what is missing.

Reads the database file and its WAL page by page, without SQL: one overwritten page can hide
thousands of rows from SQL that are still there. The damaged log is only read. It is locked
meanwhile, so other writers wait and get LockTimeout if it takes too long.

Do not call it in a process that has the log open: opening the file here would drop SQLite's
locks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventlog.errors import DatabaseMissing, NotADatabase, ReadOnly
from eventlog.journal import chain
from eventlog.journal.head_file import HeadMark, read_mark
from eventlog.journal.progress import Progress, tell
from eventlog.maintenance.new_log import new_log, publish, spare_file
from eventlog.maintenance.salvage import cells, grading
from eventlog.maintenance.salvage.files import Files
from eventlog.maintenance.salvage.grading import Whole
from eventlog.maintenance.salvage.pages import MAGIC
from eventlog.maintenance.salvage.staging import CURRENT, STALE, STRAY, Staging
from eventlog.maintenance.salvage.writing import Written, write
from eventlog.storage.connections import APPLICATION_ID
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path, wal_path

_NEW_LOG_ID: Final = 16  # bytes


class Range(Struct, frozen=True):
    """Positions, both ends included."""

    first: int
    last: int


class SalvageReport(Struct, frozen=True):
    """What was copied, and what is missing. Positions are those of the old log.

    `proved` records are what was written. `repaired` ones are too, except that their own hash was
    damaged and is known from the record after. `unproved` records follow a missing one; no record
    contradicts them. `missing` positions could not be copied. `end` is where the old log ended;
    `end_known` says that the head file confirms it: without a head file a lost tail can't be seen.
    `cut_appends` lost some of their records. `lost_keys` are keys that two records had. `page_size`
    was read from the file, or found by trial if `header_damaged`. `unreadable_pages` could not be
    read from the disk.
    """

    old_log_id: str | None
    new_log_id: str
    carried: int
    proved: int
    repaired: int
    unproved: tuple[Range, ...]
    missing: tuple[Range, ...]
    end: int
    end_known: bool
    cut_appends: int
    lost_keys: int
    page_size: int
    header_damaged: bool
    wal_damaged: bool
    unreadable_pages: int

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.missing


def salvage(db_path: Path, target: Path, *, progress: Progress | None = None) -> SalvageReport:
    """Copy the undamaged records of the log at `db_path` into a new log at `target`.

    Args:
        db_path: The damaged log. It is only read.
        target: A path where no file is yet.
        progress: Called with how many pages are read, and of how many. None: not called.

    Raises:
        DatabaseMissing: There is no file at `db_path`.
        NotADatabase: No row of a journal was found in it.
        BadArgument: There is a file at `target`.
        LockTimeout: Another process writes the log.
        DatabaseError: The disk refused.
    """
    if not db_path.exists():
        raise DatabaseMissing(f"there is no database {db_path}")
    with spare_file(target) as spare, _held(db_path):
        mark, _ = read_mark(db_path)
        with translated(db_path), Files.open(db_path, wal_path(db_path)) as files:
            return _carry(files, mark, spare, target, progress)


def _carry(
    files: Files, mark: HeadMark | None, spare: Path, target: Path, progress: Progress | None
) -> SalvageReport:
    with Staging(spare.with_name("staged")) as staging:
        log_ids = _gather(files, staging, progress)
        old_log_id, sure = _log_id(staging, log_ids, mark)
        if mark is not None and mark.log_id != old_log_id:
            mark = None  # another log's head file says nothing of this one
        tally = _Tally()
        new_log_id = os.urandom(_NEW_LOG_ID)
        whole = grading.grade(
            staging.by_position(),
            log_id=old_log_id if sure else None,
            mark=mark,
            reached=max(staging.last_of_two(), 0 if mark is None else mark.position),
        )
        with new_log(spare, new_log_id) as connection:
            written = write(connection, tally.count(whole), old_log_id)
        if written.records == 0 and mark is None and not log_ids:
            raise NotADatabase(f"{files.path} holds nothing that looks like a log")
        publish(spare, target)
    return tally.report(written, old_log_id, new_log_id, mark, files)


def _gather(files: Files, staging: Staging, progress: Progress | None) -> set[bytes]:
    """Stage every row that can be found; answers what may be the log's id."""
    log_ids: set[bytes] = set()
    total = files.pages + len(files.frames.others)
    for done, number in enumerate(range(1, files.pages + 1), start=1):
        page = files.read(number)
        if page is not None:
            found = cells.rows(page, number, files.read)
            staging.put((row, CURRENT if in_line else STRAY) for row, in_line in found)
            log_ids.update(cells.log_ids(page, number))
        tell(progress, done, total)
    for done, frame in enumerate(files.frames.others, start=files.pages + 1):
        page = files.read_frame(frame)
        if page is not None:
            found = cells.rows(page, frame.page, files.read_stale)
            staging.put((row, STALE) for row, _ in found)
            log_ids.update(cells.log_ids(page, frame.page))
        tell(progress, done, total)
    return log_ids


def _log_id(
    staging: Staging, found: set[bytes], mark: HeadMark | None
) -> tuple[bytes | None, bool]:
    """The old log's id, and whether a record proves it; None if it is not known.

    The first record is chained to it, and the head file is the log's if its hash is a record's.
    """
    likely = sorted(found) if mark is None else [mark.log_id, *sorted(found)]
    first = next(staging.by_position(), None)
    if first is not None and first[0] == 1:
        for log_id in likely:
            genesis = chain.genesis(log_id)
            if any(chain.link(genesis, c.digest) == c.row.hash for c in first[1]):
                return log_id, True
    if mark is not None and staging.holds(mark.position, mark.hash):
        return mark.log_id, True
    if len(found) == 1 or (mark is not None and not found):
        return likely[-1], False
    return None, False


@contextmanager
def _held(db_path: Path) -> Iterator[None]:
    """Hold the writers' lock, where there can be writers and a lock."""
    with ExitStack() as stack:
        lock = None
        if lock_path(db_path).exists() or _may_be_written(db_path):
            with suppress(ReadOnly):  # where the lock can't be taken, no process can write
                lock = FileLock(lock_path(db_path))
        if lock is not None:
            stack.callback(lock.close)
            stack.enter_context(lock)
        yield


def _may_be_written(db_path: Path) -> bool:
    """Whether its header is a log's. A store opens no other file, so none other is written to."""
    try:
        with db_path.open("rb") as file:
            header = file.read(100)
    except OSError:  # what can't be read is opened by no store either
        return False
    return header.startswith(MAGIC) and header[68:72] == APPLICATION_ID.to_bytes(4, "big")


class _Tally:
    """What has been copied, as ranges of old positions."""

    def __init__(self) -> None:
        self._end = 0
        self._grades: dict[grading.Grade, int] = dict.fromkeys(
            ("proved", "repaired", "followed", "unproved"), 0
        )
        self._unproved: list[Range] = []
        self._missing: list[Range] = []

    def count(self, records: Iterable[Whole]) -> Iterator[Whole]:
        """The same records, counted on their way."""
        for record in records:
            position = record.row.position
            if position > self._end + 1:
                self._missing.append(Range(self._end + 1, position - 1))
            self._end = position
            self._grades[record.grade] += 1
            if record.grade in grading.UNPROVED:
                self._extend_unproved(position)
            yield record

    def _extend_unproved(self, position: int) -> None:
        if self._unproved and self._unproved[-1].last == position - 1:
            self._unproved[-1] = Range(self._unproved[-1].first, position)
        else:
            self._unproved.append(Range(position, position))

    def report(
        self,
        written: Written,
        old_log_id: bytes | None,
        new_log_id: bytes,
        mark: HeadMark | None,
        files: Files,
    ) -> SalvageReport:
        """The report, once all is written."""
        if mark is not None and mark.position > self._end:
            self._missing.append(Range(self._end + 1, mark.position))
            self._end = mark.position
        return SalvageReport(
            old_log_id=None if old_log_id is None else old_log_id.hex(),
            new_log_id=new_log_id.hex(),
            carried=written.records,
            proved=self._grades["proved"],
            repaired=self._grades["repaired"],
            unproved=tuple(self._unproved),
            missing=tuple(self._missing),
            end=self._end,
            end_known=mark is not None,
            cut_appends=written.cut_appends,
            lost_keys=written.lost_keys,
            page_size=files.page_size,
            header_damaged=files.header_damaged,
            wal_damaged=files.frames.damaged,
            unreadable_pages=files.unreadable,
        )
