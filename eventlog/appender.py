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
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from eventlog import journal, wal
from eventlog.appends import Append
from eventlog.database import transaction, wal_path
from eventlog.errors import DiskFull, StoreClosed
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
    """Appends that one caller waits for."""

    appends: Sequence[Append]
    future: asyncio.Future[list[Answer]]
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
        (answer,) = await self.append_all((append,))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def append_all(self, appends: Sequence[Append]) -> list[Answer]:
        """Each append's receipt, or the error that it failed with alone; one commit for all.

        Raises StoreClosed.
        """
        await self._room.acquire()
        if self._closed:
            self._room.release()
            raise StoreClosed
        future: asyncio.Future[list[Answer]] = self._loop.create_future()
        self._came += 1
        self._waiting.append(_Waiting(appends, future, time.monotonic()))
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

    def _settle(self, answers: list[tuple[_Waiting, list[Answer]]], last: int) -> None:
        for waiting, answer in answers:
            self._room.release()
            if not waiting.future.done():  # or it was cancelled
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
        appends = [append for waiting in batch for append in waiting.appends]
        answers = iter(self._answers(appends, since=batch[0].since))
        settled = [(waiting, [next(answers) for _ in waiting.appends]) for waiting in batch]
        self._writer.worker.answer(self._settle, settled, self._tail.head.position)

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        facts = 0
        while self._waiting and facts < FACTS_PER_COMMIT:
            batch.append(self._waiting.popleft())
            facts += sum(len(append.facts) for append in batch[-1].appends)
        return batch

    def _answers(self, appends: list[Append], *, since: float) -> list[Answer]:
        """Each append's answer; what the whole commit fails with is everybody's."""
        try:
            return self._admit_and_commit(appends, since=since)
        except DiskFull as error:
            # What the bolt waits for is written into the room that was kept for it.
            if not (any(append.unlocks for append in appends) and self._reserve.give_up()):
                return [error] * len(appends)
        except BaseException as error:  # noqa: BLE001 - every waiting caller gets it
            return [error] * len(appends)
        try:
            return self._admit_and_commit(appends, since=since)
        except BaseException as error:  # noqa: BLE001 - likewise
            return [error] * len(appends)

    def _admit_and_commit(self, appends: list[Append], *, since: float) -> list[Answer]:
        """While the reserve is given up, only what it is there for is committed."""
        if self._reserve.restored():
            return self._locked(appends, since=since)
        admitted = [append for append in appends if append.unlocks]
        answers = iter(self._locked(admitted, since=since) if admitted else [])
        refused = DiskFull("only unlock records are accepted")
        return [next(answers) if append.unlocks else refused for append in appends]

    def _locked(self, appends: list[Append], *, since: float) -> list[Answer]:
        """Each one's answer. Raises what the whole commit failed with, as ours."""
        worker = self._writer.worker
        try:
            return self._writer.locked(
                worker.connection, lambda connection: self._commit(connection, appends), since=since
            )
        except BaseException as error:
            self._tail.forget()
            raise worker.translate(error) from error

    def _commit(self, connection: sqlite3.Connection, appends: list[Append]) -> list[Answer]:
        tail = self._tail
        tail.refresh(connection)
        answers, rows = tail.place(connection, appends)
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
