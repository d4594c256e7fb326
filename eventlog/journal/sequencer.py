"""Assigns the next positions and event ids, and finds appends by their idempotency key.

The head is kept in memory instead of being read at each commit. If another process has appended, a
trigger of the journal refuses the position, and the head is read again. Keys and events
are looked up in the journal, inside the lock that the writer holds.

Runs on the writer's thread; writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from eventlog.errors import DatabaseError, EventLogError, KeyConflict, UnknownEvent
from eventlog.journal import append as appends
from eventlog.journal import clock
from eventlog.journal import table as journal
from eventlog.journal.append import Append, same_facts
from eventlog.journal.clock import MACHINE, Machine
from eventlog.journal.head_file import HeadMark, known_mark
from eventlog.journal.sealing import Sealer
from eventlog.record import Author, EventId, Head, Position, Receipt

Answer: TypeAlias = Receipt | BaseException


class Sequencer:
    """Where the next record goes, as far as this process knows."""

    def __init__(
        self, path: Path, machine: Machine = MACHINE, sealer: Sealer | None = None
    ) -> None:
        self._path = path
        self._sealer = sealer
        self._machine = machine
        self.head = Head(Position(0), b"")
        self._log_id = b""
        self._durable_position = 0
        self._last_event = 0
        self._found = False
        self._next = (self.head, 0)

    @property
    def mark(self) -> HeadMark:
        """The head for the head file."""
        return HeadMark(self._log_id, self.head.position, self._durable_position, self.head.hash)

    def forget(self) -> None:
        """Forget the head, after a failed commit."""
        self._found = False

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Read the head if it is not known."""
        if self._found and self.head.position:  # an empty log may still change its id
            return
        self._log_id = journal.log_id(connection)
        self.head = journal.head(connection)
        self._last_event = journal.last_event(connection)
        mark = known_mark(self._path, self._log_id)
        if mark is not None:  # another process may have synced further than this one
            self._durable_position = max(self._durable_position, mark.durable_position)
        if self._sealer is not None:
            self._sealer.look(connection, anew=True)
        self._found = True

    def place(
        self, connection: sqlite3.Connection, some: Iterable[Append]
    ) -> tuple[list[Answer], list[tuple[Any, ...]]]:
        """Each append's answer, and the rows of those that are to be written."""
        head, last_event = self.head, self._last_event
        at_us, clock_ns = self._machine.now_us(), self._machine.boot_clock_ns()
        metas: dict[Author, bytes] = {}  # few authors share a commit
        answers: list[Answer] = []
        rows: list[tuple[Any, ...]] = []
        keys: dict[str, tuple[Append, Receipt]] = {}
        if self._sealer is not None:
            self._sealer.look(connection)
        for append in some:
            as_given = append
            try:
                known = self._known(connection, append, keys, last_event)
                if known is None and self._sealer is not None:
                    append = self._sealer.sealed(append)  # noqa: PLW2901 - the same with seals
            except EventLogError as error:
                known = error  # it fails alone
            if known is not None:
                answers.append(known)
                continue
            event_id = append.event_id
            if append.opens:
                event_id = event_id or last_event + 1
                last_event = max(last_event, event_id)
            meta = metas.get(append.author)
            if meta is None:
                meta = clock.meta_now(clock_ns, append.author, self._machine)
                metas[append.author] = meta
            placed, head = appends.place(append, head, event_id=event_id, at_us=at_us, meta=meta)
            rows += placed
            receipt = Receipt(
                tuple([row[0] for row in placed]), None if event_id is None else EventId(event_id)
            )
            answers.append(receipt)
            if append.key is not None:
                keys[append.key] = as_given, receipt
        self._next = head, last_event
        return answers, rows

    def commit(self, *, durable: bool) -> None:
        """Note that what `place` placed last was committed."""
        self.head, self._last_event = self._next
        if durable:
            self._durable_position = self.head.position

    def _known(
        self,
        connection: sqlite3.Connection,
        append: Append,
        keys: dict[str, tuple[Append, Receipt]],
        last_event: int,
    ) -> Answer | None:
        """The answer to an append that is not to be written. Raises BadRecord, DatabaseError."""
        if append.key is not None:
            if append.key in keys:
                first, receipt = keys[append.key]
                stored = [(fact.kind, fact.version, fact.body) for fact in first.facts]
                return _answer_again(append, receipt, stored)
            found = journal.find_append(connection, append.key)
            if found is not None:
                stored = journal.facts_of(connection, found)
                if self._sealer is not None:
                    stored = self._sealer.as_ours(append, stored)
                return _answer_again(append, found, stored)
        if append.opens and append.event_id is None and last_event >= journal.EVENT_ID_MAX:
            raise DatabaseError("no event id is left: a record names the highest there is")
        if append.event_id is None or append.opens:
            return None
        if self._last_event < append.event_id <= last_event:
            return None  # opened in this very batch
        if journal.has_event(connection, append.event_id):
            return None
        return UnknownEvent(append.event_id)


def _answer_again(append: Append, receipt: Receipt, stored: list[tuple[str, int, bytes]]) -> Answer:
    if same_facts(append, stored, receipt.event_id):
        return receipt
    return KeyConflict(append.key or "", receipt)
