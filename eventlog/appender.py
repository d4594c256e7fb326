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
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from eventlog import journal, wal
from eventlog.appends import Append
from eventlog.database import transaction, wal_path
from eventlog.errors import DiskFailure, DiskFull, StoreClosed
from eventlog.head import HeadFile
from eventlog.nudge import Nudge
from eventlog.record import Receipt
from eventlog.reserve import Reserve
from eventlog.tail import Answer, Tail
from eventlog.writer import Writer

log = logging.getLogger("eventlog")

# A full queue slows its callers down instead of dropping what they bring.
WAITING_MAX: Final = 4096
POLL_S: Final = 1.0
# One commit takes no more than so many facts, so that the first of them is not kept waiting.
FACTS_PER_COMMIT: Final = 2_000


class _Waiting(NamedTuple):
    append: Append
    future: asyncio.Future[Receipt]
    since: float


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
        self._doubt: DiskFailure | None = None
        self._came = 0
        self._answered = 0
        self._progress = Nudge()
        self._closed = False
        self._tail = Tail(writer.path)

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
        self._came += 1
        self._waiting.append(_Waiting(append, future, time.monotonic()))
        if not self._scheduled:
            self._scheduled = True
            # After the other tasks that are ready now, so that they share the commit.
            self._loop.call_soon(self._writer.post, self._commit_waiting)
        return await future

    async def close(self) -> None:
        """Take no more appends, and return when those that wait have their answers."""
        self._closed = True
        await self.settled()

    async def settled(self) -> None:
        """Return when every append that waits now has its answer."""
        came = self._came
        while self._answered < came:
            await self._progress.wait(self._progress.count, timeout_s=POLL_S)

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
        self._answered += len(answers)
        self._progress.give()
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
        self._writer.worker.answer(self._settle, settled, self._tail.head.position)

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
                    since=wanted[0].since,
                )
            except BaseException as error:
                self._tail.forget()
                ours = self._writer.worker.translate(error)
                if getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_FSYNC":
                    self._doubt = DiskFailure(
                        "the disk failed to sync, and what it says of later syncs may be false:"
                        " close the store and open it again"
                    )
                raise ours from error
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
        tail = self._tail
        appends = [waiting.append for waiting in batch]
        tail.refresh(connection)
        answers, rows = tail.place(connection, appends)
        durable = any(append.durable for append in appends)
        if not rows:
            # What is known already may have been relaxed, and is now asked for durably.
            if durable:
                wal.sync(wal_path(self._writer.path))
            return answers
        if durable and self._doubt is not None:
            # The system tells of a failed write-back once and takes the pages for clean then.
            raise self._doubt
        self._writer.set_durable(connection, durable=durable)
        try:
            write_rows(connection, rows)
        except sqlite3.IntegrityError:
            # Another process has appended: the guard refuses a place behind the head.
            tail.forget()
            tail.refresh(connection)
            answers, rows = tail.place(connection, appends)
            write_rows(connection, rows)
        tail.commit(durable=durable)
        try:
            self._head_file.write(tail.mark)
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
