"""Commits a batch of appends to the journal, with one answer for each append.

An append that is refused (a known key, an unknown event) fails alone. When the commit itself fails,
no append of the batch is acknowledged, and `table.find_append` says by key what became of it. When
the disk is full, only unlock records are accepted, in the room that is kept for them.

Runs on the thread that uses the writer's connection. Knows no caller, and no view.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from itertools import compress
from typing import Any

from eventlog.errors import DiskFull, LockTimeout
from eventlog.journal import table as journal
from eventlog.journal.append import Append
from eventlog.journal.clock import MACHINE, Machine
from eventlog.journal.head_file import HeadFile
from eventlog.journal.sealing import Sealer
from eventlog.journal.sequencer import Answer, Sequencer
from eventlog.storage.connections import transaction
from eventlog.storage.reserve import Reserve
from eventlog.storage.writer import Writer

log = logging.getLogger("eventlog")


class Commit:
    """Puts batches of appends into the journal."""

    def __init__(
        self,
        writer: Writer,
        head_file: HeadFile,
        reserve: Reserve,
        *,
        machine: Machine = MACHINE,
        sealer: Sealer | None = None,
    ) -> None:
        self.reached = 0  # the last position that was committed here
        self._writer = writer
        self._head_file = head_file
        self._reserve = reserve
        self._sealer = sealer
        self._sequencer = Sequencer(writer.path, machine, sealer)

    def commit(self, groups: Sequence[Sequence[Append]], *, since: float) -> list[Answer]:
        """The answer of each append, in order. What the commit fails with is everybody's.

        Args:
            groups: The appends as their callers brought them. A group of several is bulk.
            since: When the wait for the lock began, see `FileLock.acquire`.
        """
        appends = [append for group in groups for append in group]
        # The lock waits for these: they may use the room that is kept for them.
        urgent = [
            len(group) == 1 and append.may_use_reserve for group in groups for append in group
        ]
        try:
            return self._admit_and_commit(appends, urgent, since)
        except DiskFull as error:
            if not (any(urgent) and self._reserve.give_up()):
                return [error] * len(appends)
        except BaseException as error:  # noqa: BLE001 - every waiting caller gets it
            return [error] * len(appends)
        try:
            return self._admit_and_commit(appends, urgent, since)
        except BaseException as error:  # noqa: BLE001 - likewise
            return [error] * len(appends)

    def _admit_and_commit(
        self, appends: Sequence[Append], urgent: Sequence[bool], since: float
    ) -> list[Answer]:
        """While the reserve is given up, only what it is there for is committed."""
        if self._reserve.restored():
            return self._locked(appends, since)
        admitted = list(compress(appends, urgent))
        answers = iter(self._locked(admitted, since) if admitted else [])
        refused = DiskFull("only single unlock records of this machine are accepted")
        return [next(answers) if admit else refused for admit in urgent]

    def _locked(self, appends: Sequence[Append], since: float) -> list[Answer]:
        """The answer of each append. Raises the error that the commit failed with, translated."""
        worker = self._writer.worker
        try:
            return self._writer.locked(
                worker.connection, lambda connection: self._commit(connection, appends), since=since
            )
        except LockTimeout:
            raise  # nothing was tried, so the sequencer still knows the journal's end
        except BaseException as error:
            self._sequencer.forget()
            raise worker.translate(error) from error

    def _commit(self, connection: sqlite3.Connection, appends: Sequence[Append]) -> list[Answer]:
        tail = self._sequencer
        tail.refresh(connection)
        answers, rows = tail.place(connection, appends)
        durable = any(append.durable for append in appends)
        if not rows:
            # The first append with this key may have been relaxed; this one asks for durable.
            if durable:
                self._writer.sync()
            return answers
        self._writer.set_durable(connection, durable=durable)
        try:
            self._write(connection, rows)
        except sqlite3.IntegrityError:
            # Another process has appended: the guard refuses a place behind the head.
            tail.forget()
            tail.refresh(connection)
            answers, rows = tail.place(connection, appends)
            self._write(connection, rows)
        tail.commit(durable=durable)
        self.reached = tail.head.position
        try:
            self._head_file.write(tail.mark)
        except OSError:
            log.exception("the head file of %s could not be written", self._writer.path)
        return answers

    def _write(self, connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
        """Insert rows as one write: a single statement commits by itself."""
        begins = self._sealer is not None and self._sealer.begins
        if len(rows) <= journal.ROWS_PER_STATEMENT and not begins:
            journal.insert(connection, rows)
            return
        with transaction(connection):
            if self._sealer is not None and begins:
                self._sealer.begin(connection, rows[0][0])
            journal.insert(connection, rows)
