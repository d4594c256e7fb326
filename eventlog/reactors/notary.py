"""The notary: follows the journal, signs heads, and sends them to their places.

    opening ──ok──▶ following ──▶ signing ──▶ following …
       │ ▲             │ the log is another than what was signed, or damaged
       ▼ │             ▼
     waiting ◀──── trouble: nothing is signed; health is red; it opens again after a while

The rules of signing are those of `evidence/signing.py`, when it is time those of
`signing_pace.py`; at the end, what is left is signed. The checkpoint is `ID.signed` beside the
keys, not a row next to the journal: write access to the log must not be enough to move it.

Each place has a task of its own (`head_posts.py`), so that a slow place delays no other. The
append path never waits for any of this.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import anyio
import anyio.to_thread
from msgspec import structs

from eventlog.errors import (
    BadRecord,
    EventLogError,
    HeadContradicted,
    JournalHole,
    SignerBusy,
)
from eventlog.evidence import daily_walk, outside, proving
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.note import Signature
from eventlog.evidence.outside import Outside
from eventlog.evidence.signed_heads import SignedHead
from eventlog.evidence.signing import HeadSigner
from eventlog.journal.nudge import Nudge
from eventlog.reactors.head_places import Place, WitnessPlace
from eventlog.reactors.head_posts import Post, now_us, path_from
from eventlog.reactors.signing_pace import POLL_S, Pace
from eventlog.reactors.witnessed_teller import AppendFact, WitnessedTeller

T = TypeVar("T")
log = logging.getLogger("eventlog")


AGAIN_S: Final = 30.0
BUSY_S: Final = 5.0
CLOSE_S: Final = 5.0


class Notary:
    """Signs one log's heads while it runs. `known` is what it knows of itself and its places."""

    def __init__(
        self,
        db_path: Path,
        keys: KeysDir,
        places: Sequence[Place] = (),
        *,
        append: AppendFact | None = None,
        nudge: Nudge | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Touch nothing yet.

        Args:
            db_path: The database file.
            keys: The log's files in the folder of keys.
            places: Where heads are sent.
            append: Appends facts about heads; None appends none.
            nudge: Given when the journal has grown; None polls.
            monotonic: A clock in seconds that is never set.
        """
        self._db_path = db_path
        self._keys = keys
        self._teller = WitnessedTeller(append, monotonic)
        self._nudge = nudge or Nudge()
        self._now = monotonic
        self._signer: HeadSigner | None = None
        self._turn = asyncio.Lock()  # one thread at a time has the signer
        self._posts = [Post(self, place) for place in places]
        self._pace = Pace(monotonic)
        self.known = Outside(places=tuple(post.described for post in self._posts))

    # ── following ──────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Follow the journal until this task is cancelled; then sign and hand out what is left."""
        try:
            while True:
                wait_s = await self._follow_once()
                await asyncio.sleep(wait_s)
        finally:
            await self._end()

    async def _follow_once(self) -> float:
        """Open, and follow until an error; return how many seconds to wait before the next try."""
        try:
            await self._open()
            await self._follow()
        except SignerBusy:
            return BUSY_S  # another process is the notary, and says how it is doing
        except EventLogError as error:
            await self._in_trouble(error)
        finally:
            await self._close()
        return AGAIN_S

    async def _follow(self) -> None:
        posts = [asyncio.create_task(post.run()) for post in self._posts]
        try:
            while True:
                failed = next((post.trouble for post in self._posts if post.trouble), None)
                if failed is not None:
                    raise failed
                seen = self._nudge.count
                rest_s = await self._step(seen)
                if rest_s is None:
                    await self._nudge.wait(seen, timeout_s=POLL_S)
                else:
                    await asyncio.sleep(rest_s)
        finally:
            for post in posts:
                post.cancel()
            await asyncio.gather(*posts, return_exceptions=True)

    async def _step(self, seen: int) -> float | None:
        """Read a batch, sign if it is time; return how long to rest, or None at the end.

        `seen` is the count of the nudge before.
        """
        started = self._now()
        limit = self._pace.limit
        read = await self._with_signer(lambda signer: signer.read_on(limit=limit))
        self._pace.read(read.rows, read.kinds)
        if self._pace.is_head_due(first=self.known.signed == 0, asked=self._keys.asked()):
            await self._sign()
        if self._pace.is_walk_due():
            await self._walk()
        if not read.rows:
            return None
        grows = self._nudge.count != seen
        return self._pace.rest_s(self._now() - started, grows=grows)

    async def _sign(self) -> None:
        asked = self._keys.asked()
        await self._with_signer(lambda signer: signer.reread_keys())
        if asked:
            await self._with_signer(lambda signer: signer.read_to_end())
        head = await self._with_signer(lambda signer: signer.sign())
        if asked:
            self._keys.answered()
        self._pace.signed()
        self._offer(head)

    def _offer(self, head: SignedHead) -> None:
        self.tell(structs.replace(self.known, signed=head.size, signed_at_us=now_us()))
        for post in self._posts:
            post.offer(head)

    async def _walk(self) -> None:
        """Once a day: recompute the signed part from the rows alone, and thin the old heads."""
        head = self.signer.last
        if head is not None:
            await anyio.to_thread.run_sync(daily_walk.walk, self._db_path, head, now_us())

    # ── opening and closing ────────────────────────────────────────────────────────────────

    async def _open(self) -> None:
        signer = HeadSigner(self._db_path, self._keys)
        await anyio.to_thread.run_sync(signer.__enter__)
        self._signer = signer
        last = signer.last
        self._pace.opened(was_signed=last is not None)
        before = outside.read(self._db_path)
        if before is None or before.name != signer.name:
            before = Outside(name=signer.name)  # heads of another era say nothing of this one
        for post in self._posts:
            post.begin(before)
        signed = 0 if last is None else last.size
        same = last is not None and before.signed == signed
        at_us = before.signed_at_us if same else None
        self.known = structs.replace(
            self.known, name=signer.name, signed=signed, signed_at_us=at_us
        )
        await self._ask_places()
        places = tuple(post.described for post in self._posts)
        self.tell(structs.replace(self.known, trouble=None, places=places))
        if last is not None:
            for post in self._posts:
                post.offer(last)

    async def _ask_places(self) -> None:
        """Compare the log with the heads known outside; a place that can't be asked is skipped."""
        signer = self.signer
        asked = (post.ask(signer.name, signer.is_genuine) for post in self._posts)
        for head in await asyncio.gather(*asked):
            if head is not None:
                await self._with_signer(partial(_hold, db_path=self._db_path, head=head))

    async def _end(self) -> None:
        """Sign what is left, and give each place a moment to take it."""
        with anyio.move_on_after(CLOSE_S, shield=True) as scope:
            try:
                await self._open()
                await self._with_signer(lambda signer: signer.read_to_end())
                head = await self._with_signer(lambda signer: signer.sign())
                self._offer(head)
                await asyncio.gather(*(post.once() for post in self._posts))
            except EventLogError as error:
                if not isinstance(error, SignerBusy):
                    await self._in_trouble(error)
            finally:
                await self._close()
        if scope.cancelled_caught:
            log.warning("a place did not take the last head within %g s", CLOSE_S)

    async def _close(self) -> None:
        signer, self._signer = self._signer, None
        if signer is not None:
            async with self._turn:
                await anyio.to_thread.run_sync(signer.close)

    async def _in_trouble(self, error: EventLogError) -> None:
        grave = isinstance(error, HeadContradicted | BadRecord | JournalHole)
        log.log(logging.CRITICAL if grave else logging.WARNING, "no head is signed: %s", error)
        self.tell(structs.replace(self.known, trouble=str(error)))

    # ── for the posts ──────────────────────────────────────────────────────────────────────

    @property
    def signer(self) -> HeadSigner:
        """The open signer. Raises SignerBusy if there is none."""
        if self._signer is None:
            raise SignerBusy
        return self._signer

    async def _with_signer(self, function: Callable[[HeadSigner], T]) -> T:
        async with self._turn:
            return await anyio.to_thread.run_sync(function, self.signer)

    async def prove_from(self, head: SignedHead, old: int) -> list[bytes]:
        """The proof that a head continues the first `old` records."""
        return await self._with_signer(
            lambda signer: list(path_from(signer, self._db_path, head)(old))
        )

    async def cosigned(self, head: SignedHead, place: Place, lines: Sequence[Signature]) -> None:
        """Store what a witness answered, and record it in the journal from time to time."""
        note = head.note.signed_also(lines)
        await self._with_signer(lambda signer: signer.add_signatures(note))
        if isinstance(place, WitnessPlace):
            await self._teller.tell(head, note, place.key)

    def tell(self, known: Outside) -> None:
        """Write what is known now, for other processes."""
        self.known = known
        try:
            outside.write(self._db_path, known)
        except OSError as error:
            log.warning("status won't know of the heads: %s", error.strerror)

    def tell_place(self, described: outside.Place) -> None:
        """Write what is known of one place, for other processes."""
        places = tuple(
            described if place.name == described.name else place for place in self.known.places
        )
        self.tell(structs.replace(self.known, places=places))


def _hold(signer: HeadSigner, *, db_path: Path, head: SignedHead) -> None:
    proving.hold(signer.connection, db_path, head)
