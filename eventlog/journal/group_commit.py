"""Group commit: all waiting appends share one commit, and each gets its own answer.

Appends gather on the event loop. A job on the writer's thread takes all that wait and commits them
together. A few relaxed appends, which need no sync, are committed on the loop itself when the
thread is idle. An append is acknowledged only after its commit returned.

    idle ──append──▶ scheduled ──_flush, few relaxed appends──▶ on the loop ──committed──▶ idle
                        │  ▲                                         │
        _flush, others  │  │ _settle_and_go_on: more came meanwhile  │ another process writes
                        ▼  │                                         │
                  on the writer's thread  ◀──────────────────────────┘
                        │
                        └── _settle_and_go_on: nothing waits ──▶ idle

`_scheduled` is True in all states but idle, so that there is never more than one flush or job. A
commit on the loop that took longer than SLOW_S sends the next ones to the thread for AWAY_S.

Knows who waits, and not what is written. `on_commit` is called with the last position.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from eventlog.errors import LockTimeout, StoreClosed
from eventlog.journal import table as journal
from eventlog.journal.append import Append
from eventlog.journal.clock import MACHINE, Machine
from eventlog.journal.commit import Commit
from eventlog.journal.head_file import HeadFile
from eventlog.journal.nudge import Nudge
from eventlog.journal.sealing import Sealer
from eventlog.journal.sequencer import Answer
from eventlog.record import Receipt
from eventlog.storage.lock import AT_ONCE
from eventlog.storage.reserve import Reserve
from eventlog.storage.writer import Writer

# A full queue slows its callers down instead of dropping what they bring.
WAITING_MAX: Final = 4096
POLL_S: Final = 1.0
# One commit takes no more than so many facts, so that the first of them is not kept waiting.
FACTS_PER_COMMIT: Final = 2_000
# Up to this many relaxed appends commit faster on the event loop than by way of the thread.
LIGHT_CALLERS: Final = 8
# A commit slower than SLOW_S means a slow disk; commit on the thread for the next AWAY_S.
SLOW_S: Final = 0.005
AWAY_S: Final = 10.0


class _Waiting(NamedTuple):
    """Appends that one caller waits for."""

    appends: Sequence[Append]
    future: asyncio.Future[list[Answer]]
    since: float


_Answers: TypeAlias = list[tuple[_Waiting, list[Answer]]]


class GroupCommit:
    """Puts appends into the journal. Belongs to the loop it was made on."""

    def __init__(
        self,
        writer: Writer,
        head_file: HeadFile,
        reserve: Reserve,
        on_commit: Callable[[int], None],
        *,
        machine: Machine = MACHINE,
        sealer: Sealer | None = None,
    ) -> None:
        self._writer = writer
        self._commit = Commit(writer, head_file, reserve, machine=machine, sealer=sealer)
        self._on_commit = on_commit
        self._waiting: deque[_Waiting] = deque()
        self._room = asyncio.Semaphore(WAITING_MAX)
        self._loop = asyncio.get_running_loop()
        self._scheduled = False
        self._came = 0
        self._answered = 0
        self._progress = Nudge()
        self._closed = False
        self._not_here_until = -math.inf

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
        if not appends:
            return []
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
            self._loop.call_soon(self._flush)
        return await future

    async def close(self) -> None:
        """Take no more appends, and return when those that wait have their answers."""
        self._closed = True
        await self.settled()

    def close_from_outside(self) -> None:
        """Take no more appends, and have the thread write those that wait; from any thread.

        For the time when the loop that they came on runs no more: no caller waits for the answers.
        """
        self._closed = True
        if self._waiting:
            self._writer.post(self._commit_rest)

    async def settled(self) -> None:
        """Return when every append that waits now has its answer."""
        came = self._came
        while self._answered < came:
            await self._progress.wait(self._progress.count, timeout_s=POLL_S)

    # ── on the loop ────────────────────────────────────────────────────────────────────────

    def _flush(self) -> None:
        """Commit what waits: on the loop where that needs no waiting, else on the thread."""
        try:
            if self._is_light():
                started = time.monotonic()
                self._writer.worker.here(self._commit_here)
                ended = time.monotonic()
                if ended - started > SLOW_S:
                    self._not_here_until = ended + AWAY_S
        finally:
            if self._waiting:
                self._writer.post(self._commit_waiting)
            else:
                self._scheduled = False

    def _is_light(self) -> bool:
        """Whether what waits is one small statement without a sync."""
        if len(self._waiting) > LIGHT_CALLERS or time.monotonic() < self._not_here_until:
            return False
        facts = 0
        for append in itertools.chain.from_iterable(one.appends for one in self._waiting):
            facts += len(append.facts)
            if append.durable or facts > journal.ROWS_PER_STATEMENT:
                return False
        return not self._writer.in_doubt

    def _commit_here(self) -> None:
        batch = self._take()
        answers = self._commit.commit(_groups(batch), since=AT_ONCE)
        if isinstance(answers[0], LockTimeout):  # another process writes: the thread can wait
            self._waiting.extendleft(reversed(batch))
        else:
            self._settle(_shared_out(batch, answers))

    def _settle(self, answers: _Answers) -> None:
        for waiting, answer in answers:
            self._room.release()
            if not waiting.future.done():  # or it was cancelled
                waiting.future.set_result(answer)
        self._answered += len(answers)
        self._progress.give()
        self._on_commit(self._commit.reached)

    def _settle_and_go_on(self, answers: _Answers) -> None:
        self._settle(answers)
        if self._waiting:
            self._loop.call_soon(self._flush)
        else:
            self._scheduled = False

    # ── on the writer's thread ─────────────────────────────────────────────────────────────

    def _commit_waiting(self) -> None:
        batch = self._take()
        answers = self._commit.commit(_groups(batch), since=batch[0].since)
        self._writer.worker.answer(self._settle_and_go_on, _shared_out(batch, answers))

    def _commit_rest(self) -> None:
        while self._waiting:
            self._commit_waiting()

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        facts = 0
        while self._waiting and facts < FACTS_PER_COMMIT:
            batch.append(self._waiting.popleft())
            facts += sum(len(append.facts) for append in batch[-1].appends)
        return batch


def _groups(batch: list[_Waiting]) -> list[Sequence[Append]]:
    return [waiting.appends for waiting in batch]


def _shared_out(batch: list[_Waiting], answers: list[Answer]) -> _Answers:
    """Each caller's part of the answers, which come in the order of their appends."""
    rest = iter(answers)
    return [(waiting, [next(rest) for _ in waiting.appends]) for waiting in batch]
