"""Group commit: the appends that wait go into the journal together, each with its own answer.

Appends gather on the event loop; one job on the writer's thread takes all that wait, gives them
their places and commits them at once. An append is acknowledged only after its commit came
back. What fails on its own (a known key, an unknown event) fails alone; when the commit fails,
nobody of the batch is acknowledged, and what became of it `journal.find_append` tells by key.

Knows no views; `on_commit` is told how far the journal reaches now.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from eventlog import clock, journal, wal
from eventlog.appends import ID_MAX, Append, place, same_facts
from eventlog.database import transaction, wal_path
from eventlog.errors import (
    DatabaseError,
    DiskFull,
    EventLogError,
    KeyConflict,
    StoreClosed,
    UnknownEvent,
)
from eventlog.head import HeadFile, HeadMark
from eventlog.record import EventId, Head, Position, Receipt
from eventlog.reserve import Reserve
from eventlog.writer import Writer

log = logging.getLogger("eventlog")

Answer: TypeAlias = Receipt | BaseException
# A full queue slows its callers down instead of dropping what they bring.
WAITING_MAX: Final = 4096
# One commit takes no more than so many facts, so that the first of them is not kept waiting.
FACTS_PER_COMMIT: Final = 2_000


class _Waiting(NamedTuple):
    append: Append
    future: asyncio.Future[Receipt]


class Appender:
    """Puts appends into the journal. Belongs to the loop it was made on."""

    def __init__(
        self,
        writer: Writer,
        head_file: HeadFile,
        reserve: Reserve,
        on_commit: Callable[[int], None],
    ) -> None:
        self._reserve = reserve
        self._writer = writer
        self._head_file = head_file
        self._on_commit = on_commit
        self._waiting: deque[_Waiting] = deque()
        self._room = asyncio.Semaphore(WAITING_MAX)
        self._loop = asyncio.get_running_loop()
        self._scheduled = False
        self._settled = asyncio.Event()
        self._closed = False
        self._place = _Place()

    async def append(self, append: Append) -> Receipt:
        """The receipt of an append, once it is in the journal.

        A cancelled caller leaves its append to be written. Raises UnknownEvent, KeyConflict,
        StoreClosed, and DatabaseError when the commit failed.
        """
        await self._room.acquire()
        if self._closed:
            self._room.release()
            raise StoreClosed
        future: asyncio.Future[Receipt] = self._loop.create_future()
        self._waiting.append(_Waiting(append, future))
        if not self._scheduled:
            self._scheduled = True
            self._settled.clear()
            # After the other tasks that are ready now, so that they share the commit.
            self._loop.call_soon(self._writer.post, self._commit_waiting)
        return await future

    async def close(self) -> None:
        """Take no more appends, and return when those that wait have their answers."""
        self._closed = True
        if self._scheduled:
            await self._settled.wait()

    def _settle(self, answers: list[tuple[_Waiting, Answer]], last: int) -> None:
        for waiting, answer in answers:
            self._room.release()
            if waiting.future.done():  # cancelled
                continue
            if isinstance(answer, BaseException):
                waiting.future.set_exception(answer)
            else:
                waiting.future.set_result(answer)
        if self._waiting:
            self._loop.call_soon(self._writer.post, self._commit_waiting)
        else:
            self._scheduled = False
            self._settled.set()
        self._on_commit(last)

    # ── on the writer's thread ─────────────────────────────────────────────────────────────

    def _commit_waiting(self) -> None:
        batch = self._take()
        answers: list[Answer]
        try:
            answers = self._locked(self._admitted(batch))
        except DiskFull as error:
            # What the bolt waits for is written into the room that was kept for it.
            answers = [error] * len(batch)
            if any(waiting.append.unlocks for waiting in batch) and self._reserve.give_up():
                answers = self._locked_or_error(self._admitted(batch))
        except BaseException as error:  # noqa: BLE001 - every waiting caller gets it
            answers = [error] * len(batch)
        settled = list(zip(batch, answers, strict=True))
        self._writer.worker.answer(self._settle, settled, self._place.head.position)

    def _admitted(self, batch: list[_Waiting]) -> list[_Waiting | DiskFull]:
        """The batch, with an error in the place of what the reserve is not there for."""
        if self._reserve.restored():
            return list(batch)
        return [
            waiting if waiting.append.unlocks else DiskFull("only unlock records are accepted")
            for waiting in batch
        ]

    def _locked_or_error(self, batch: list[_Waiting | DiskFull]) -> list[Answer]:
        try:
            return self._locked(batch)
        except BaseException as error:  # noqa: BLE001 - every waiting caller gets it
            return [error] * len(batch)

    def _locked(self, batch: list[_Waiting | DiskFull]) -> list[Answer]:
        """Each one's answer. Raises what the whole commit failed with, as ours."""
        wanted = [waiting for waiting in batch if isinstance(waiting, _Waiting)]
        if not wanted:
            written: list[Answer] = []
        else:
            try:
                written = self._writer.locked(
                    self._writer.worker.connection,
                    lambda connection: self._commit(connection, wanted),
                )
            except BaseException as error:
                self._place.forget()
                raise self._writer.worker.translate(error) from error
        answers = iter(written)
        return [next(answers) if isinstance(one, _Waiting) else one for one in batch]

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        facts = 0
        while self._waiting and facts < FACTS_PER_COMMIT:
            batch.append(self._waiting.popleft())
            facts += len(batch[-1].append.facts)
        return batch

    def _commit(self, connection: sqlite3.Connection, batch: list[_Waiting]) -> list[Answer]:
        place_ = self._place
        appends = [waiting.append for waiting in batch]
        place_.refresh(connection)
        answers, rows = place_.all(connection, appends)
        durable = any(append.durable for append in appends)
        if not rows:
            # What is known already may have been relaxed, and is now asked for durably.
            if durable:
                wal.sync(wal_path(self._writer.path))
            return answers
        self._writer.set_durable(connection, durable=durable)
        try:
            write_rows(connection, rows)
        except sqlite3.IntegrityError:
            # Another process has appended: the guard refuses a place behind the head.
            place_.forget()
            place_.refresh(connection)
            answers, rows = place_.all(connection, appends)
            write_rows(connection, rows)
        place_.commit(durable=durable)
        try:
            self._head_file.write(place_.mark)
        except OSError:
            log.exception("the head file of %s could not be written", self._writer.path)
        return answers


def write_rows(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows as one write: a single statement commits by itself."""
    if len(rows) <= journal.ROWS_PER_STATEMENT:
        journal.insert(connection, rows)
    else:
        with transaction(connection):
            journal.insert(connection, rows)


class _Place:
    """Where the next record goes; read again when another connection has written."""

    def __init__(self) -> None:
        self.head = Head(Position(0), b"")
        self._log_id = b""
        self._durable_position = 0
        self._last_event = 0
        self._found = False
        self._next = (self.head, 0)

    @property
    def mark(self) -> HeadMark:
        return HeadMark(self._log_id, self.head.position, self._durable_position, self.head.hash)

    def forget(self) -> None:
        """After a failed commit nothing is known."""
        self._found = False

    def refresh(self, connection: sqlite3.Connection) -> None:
        if not self._found:
            self._log_id = journal.log_id(connection)
            self.head = journal.head(connection)
            self._last_event = journal.last_event(connection)
            self._found = True

    def all(
        self, connection: sqlite3.Connection, appends: Iterable[Append]
    ) -> tuple[list[Answer], list[tuple[Any, ...]]]:
        """Each append's answer, and the rows of those that are to be written."""
        head, last_event = self.head, self._last_event
        at_us, meta = clock.now_us(), clock.meta_now()
        answers: list[Answer] = []
        rows: list[tuple[Any, ...]] = []
        keys: dict[str, tuple[Append, Receipt]] = {}
        for append in appends:
            try:
                known = self._known(connection, append, keys, last_event)
            except EventLogError as error:
                known = error  # it fails alone
            if known is not None:
                answers.append(known)
                continue
            event_id = append.event_id
            if append.opens:
                event_id = event_id or last_event + 1
                last_event = max(last_event, event_id)
            placed, head = place(append, head, event_id=event_id, at_us=at_us, meta=meta)
            rows += placed
            receipt = Receipt(
                tuple([row[0] for row in placed]), None if event_id is None else EventId(event_id)
            )
            answers.append(receipt)
            if append.key is not None:
                keys[append.key] = append, receipt
        self._next = head, last_event
        return answers, rows

    def commit(self, *, durable: bool) -> None:
        """What `all` placed last is in the journal now."""
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
        """The answer of what is not to be written. Raises BadRecord, DatabaseError."""
        if append.key is not None:
            if append.key in keys:
                first, receipt = keys[append.key]
                stored = [(fact.kind, fact.version, fact.body) for fact in first.facts]
                return _answer_again(append, receipt, stored)
            found = journal.find_append(connection, append.key)
            if found is not None:
                return _answer_again(append, found, journal.facts_of(connection, found))
        if append.opens and append.event_id is None and last_event >= ID_MAX:
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
