"""The notary: follows the journal, signs heads, and sends them to their places.

    opening ──ok──▶ following ──▶ signing ──▶ following …
       │ ▲             │ the log is another than what was signed, or damaged
       ▼ │             ▼
     waiting ◀──── trouble: nothing is signed; health is red; it opens again after a while

The rules of signing are those of `evidence/signing.py`. A head is signed at once after an unlock
action, else when the oldest unsigned record is 60 s old, when somebody asks, and at the end; at
most one a second. Its checkpoint is `ID.signed` beside the keys, not a row beside the journal:
who may write the log must not be able to move it.

Each place has a task of its own that holds the newest head only, so that a slow place keeps
nobody. The append path never waits for any of this.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

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
from eventlog.evidence import heads_file, log_tree, outside, proving, tree
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.note import COSIGNS, Signature
from eventlog.evidence.outside import Outside
from eventlog.evidence.signed_heads import SignedHead
from eventlog.evidence.signing import HeadSigner
from eventlog.evidence.tree_file import read_blocks
from eventlog.facts import Fact, HeadWitnessed
from eventlog.journal import table as journal
from eventlog.journal.nudge import Nudge
from eventlog.reactors.head_places import (
    TIMEOUT_S,
    Place,
    PlaceFailed,
    WitnessPlace,
    parse_places,
)
from eventlog.storage.paths import heads_path

T = TypeVar("T")
log = logging.getLogger("eventlog")


class AppendFact(Protocol):
    """Appends a fact under an idempotency key: `EventStore.append`, or what is like it."""

    def __call__(self, fact: Fact, /, *, key: str) -> Awaitable[object]:
        """Append."""


BATCH: Final = 1000
OLDEST_S: Final = 60.0
BETWEEN_HEADS_S: Final = 1.0
POLL_S: Final = 0.5
# The notary takes a small share of the processor, a larger one while it catches up.
REST_FOR_WORK: Final = 20
REST_CATCHING_UP: Final = 1
AGAIN_S: Final = 30.0
BUSY_S: Final = 5.0
RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 60.0
WITNESSED_EVERY_S: Final = 600.0
WALK_EVERY_S: Final = 24 * 3600.0
CLOSE_S: Final = 5.0
# Facts about heads alone need no head: two doors that witness each other would never rest.
ABOUT_HEADS: Final = frozenset({"head_witnessed", "head_seen"})
AT_ONCE: Final = "unlock_action"


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
            db_path: the log.
            keys: its files in the folder of keys.
            places: where heads go.
            append: appends facts about heads; None leaves them out.
            nudge: given when the journal grew; None looks at a pace.
            monotonic: a clock of seconds that nobody sets.
        """
        self._db_path = db_path
        self._keys = keys
        self._append = append
        self._nudge = nudge or Nudge()
        self._now = monotonic
        self._signer: HeadSigner | None = None
        self._turn = asyncio.Lock()  # one thread at a time has the signer
        self._posts = [_Post(self, place) for place in places]
        self.known = Outside(places=tuple(post.described for post in self._posts))
        self._oldest: float | None = None  # when the oldest unsigned record was read
        self._urgent = False
        self._signed_at = -BETWEEN_HEADS_S
        self._walked_at = self._now()
        self._witnessed_at = -WITNESSED_EVERY_S

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
        """Open, and follow until trouble; answers how many seconds to wait before the next try."""
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
        """Read a batch, sign where it is time; answers the rest after work, None at the end.

        `seen` is how often the journal was known to grow before.
        """
        started = self._now()
        read = await self._with_signer(lambda signer: signer.read_on(limit=BATCH))
        if read.rows:
            if self._oldest is None and not read.kinds <= ABOUT_HEADS:
                self._oldest = started
            self._urgent = self._urgent or AT_ONCE in read.kinds
        if self._is_time():
            await self._sign()
        if self._now() - self._walked_at > WALK_EVERY_S:
            await self._walk()
        if not read.rows:
            return None
        return self._rest(self._now() - started, read.rows, grows=self._nudge.count != seen)

    def _rest(self, work_s: float, rows: int, *, grows: bool) -> float:
        """How long to rest after work: while appends go on, the notary takes a twentieth."""
        if rows < BATCH:
            return 0.0 if self._urgent else min(work_s * REST_FOR_WORK, POLL_S)
        old = self._oldest is not None and self._now() - self._oldest >= OLDEST_S
        return work_s * (REST_FOR_WORK if grows and not old else REST_CATCHING_UP)

    def _is_time(self) -> bool:
        now = self._now()
        if now - self._signed_at < BETWEEN_HEADS_S:
            return False
        old = self._oldest is not None and now - self._oldest >= OLDEST_S
        first = self._oldest is not None and self.known.signed == 0
        return self._urgent or old or first or self._keys.asked()

    async def _sign(self) -> None:
        asked = self._keys.asked()
        await self._with_signer(lambda signer: signer.reread_keys())
        if asked:
            await self._with_signer(lambda signer: signer.read_to_end())
        head = await self._with_signer(lambda signer: signer.sign())
        if asked:
            self._keys.answered()
        self._signed_at, self._oldest, self._urgent = self._now(), None, False
        self.tell(structs.replace(self.known, signed=head.size, signed_at_us=_now_us()))
        for post in self._posts:
            post.offer(head)

    async def _walk(self) -> None:
        """Once a day: recompute the signed part from the rows alone, and thin the old heads."""
        self._walked_at = self._now()
        head = self.signer.last
        if head is not None:
            await anyio.to_thread.run_sync(self._walk_rows, head)

    def _walk_rows(self, head: SignedHead) -> None:
        with log_tree.reading(self._db_path) as connection:
            secret = proving.require_secret(connection)
            root = log_tree.walked_root(connection, secret, head.size)
            if root != head.root:
                raise HeadContradicted(
                    f"a record below {head.size} is another than what was signed: verify finds it"
                )
            heads = heads_path(self._db_path)
            heads_file.thin(heads, _now_us(), lambda size: _appended_at(connection, size))

    # ── opening and closing ────────────────────────────────────────────────────────────────

    async def _open(self) -> None:
        signer = HeadSigner(self._db_path, self._keys)
        await anyio.to_thread.run_sync(signer.__enter__)
        self._signer = signer
        last = signer.last
        self._oldest = self._now() if last is None else None
        places = tuple(post.described for post in self._posts)
        signed = 0 if last is None else last.size
        self.tell(structs.replace(self.known, signed=signed, places=places))
        await self._ask_places()
        self.tell(structs.replace(self.known, trouble=None))
        if last is not None:
            for post in self._posts:
                post.offer(last)

    async def _ask_places(self) -> None:
        """Hold the log against what is known outside; a place that can't be asked says nothing."""
        name = self.signer.name
        answers = await asyncio.gather(*(post.newest(name) for post in self._posts))
        for post, head in zip(self._posts, answers, strict=True):
            if head is not None:
                await self._with_signer(partial(_hold, head=head, db_path=self._db_path))
                post.has(head)

    async def _end(self) -> None:
        """Sign what is left, and give each place a moment to take it."""
        with anyio.move_on_after(CLOSE_S, shield=True) as scope:
            try:
                await self._open()
                await self._with_signer(lambda signer: signer.read_to_end())
                head = await self._with_signer(lambda signer: signer.sign())
                self.tell(structs.replace(self.known, signed=head.size, signed_at_us=_now_us()))
                for post in self._posts:
                    post.offer(head)
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
        """The open signer. Raises SignerBusy where there is none."""
        if self._signer is None:
            raise SignerBusy
        return self._signer

    async def _with_signer(self, function: Callable[[HeadSigner], T]) -> T:
        async with self._turn:
            return await anyio.to_thread.run_sync(function, self.signer)

    async def prove_from(self, head: SignedHead, old: int) -> list[bytes]:
        """The proof that a head continues the first `old` records."""
        return await self._with_signer(lambda signer: _path(signer, self._db_path, head, old))

    async def cosigned(self, head: SignedHead, place: Place, lines: Sequence[Signature]) -> None:
        """Keep what a witness answered, and put it into the journal now and then."""
        note = head.note.signed_also(lines)
        await self._with_signer(lambda signer: signer.add_signatures(note))
        if self._append is None or self._now() - self._witnessed_at < WITNESSED_EVERY_S:
            return
        if not isinstance(place, WitnessPlace) or place.key.type != COSIGNS:
            return
        seconds = place.key.cosigned_at(note)
        if seconds is None:
            return
        self._witnessed_at = self._now()
        fact = HeadWitnessed(
            size=head.size,
            root=head.root,
            witness=place.key.name,
            time=datetime.fromtimestamp(seconds, UTC),
        )
        await self._append(fact, key=f"head_witnessed:{head.size}:{place.key.key_id.hex()}")

    def tell(self, known: Outside) -> None:
        """Leave for others what is known now."""
        self.known = known
        try:
            outside.write(self._db_path, known)
        except OSError as error:
            log.warning("status won't know of the heads: %s", error.strerror)

    def tell_place(self, described: outside.Place) -> None:
        """Leave for others what is known of one place."""
        places = tuple(
            described if place.name == described.name else place for place in self.known.places
        )
        self.tell(structs.replace(self.known, places=places))


def of_log(
    db_path: Path,
    log_id: bytes,
    folder: Path,
    head_to: str,
    *,
    append: AppendFact | None = None,
    nudge: Nudge | None = None,
) -> Notary:
    """The notary of a log, from a deployment's settings.

    Args:
        db_path: the log.
        log_id: its 16 bytes.
        folder: the folder of keys.
        head_to: where heads go, as HEAD_TO has it.
        append: appends facts about heads; None leaves them out.
        nudge: given when the journal grew; None looks at a pace.

    Raises:
        BadArgument: `head_to` names no place.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    keys = KeysDir(folder, log_id, credentials=Path(credentials) if credentials else None)
    return Notary(db_path, keys, parse_places(head_to, db_path), append=append, nudge=nudge)


def hand_out(signer: HeadSigner, db_path: Path, places: Sequence[Place]) -> dict[str, str | None]:
    """Hand the newest head to each place once, from this thread; what went wrong at each, by name.

    For who signs one head and ends. The caller has asked the places before (`hold_against`).
    """
    told: dict[str, str | None] = {}
    known = []
    for place in places:
        head = signer.last
        described = outside.Place(name=place.name, kind=place.kind)
        if head is None:
            continue
        try:
            lines = place.take(head, lambda old, head=head: _path(signer, db_path, head, old))  # type: ignore[misc]  # mypy can't infer a lambda with a default
            if lines:
                signer.add_signatures(head.note.signed_also(lines))
            told[place.name] = None
            described = structs.replace(described, size=head.size, at_us=_now_us())
        except (PlaceFailed, EventLogError) as error:
            told[place.name] = str(error)
            described = structs.replace(described, failing_since_us=_now_us(), error=str(error))
        known.append(described)
    if signer.last is not None:
        signed = signer.last.size
        with suppress(OSError):  # status won't know, and asks the places no less
            outside.write(
                db_path, Outside(signed=signed, signed_at_us=_now_us(), places=tuple(known))
            )
    return told


def hold_against(signer: HeadSigner, db_path: Path, places: Sequence[Place]) -> None:
    """Raise HeadContradicted where a place has a head that is not of this log as it is."""
    for place in places:
        with suppress(PlaceFailed):
            head = place.newest(signer.name)
            if head is not None:
                _hold(signer, head=head, db_path=db_path)


class _Post:
    """Carries the newest head to one place, again and again until it is taken."""

    def __init__(self, notary: Notary, place: Place) -> None:
        self.place = place
        self.trouble: HeadContradicted | None = None
        self.described = outside.Place(name=place.name, kind=place.kind)
        self._notary = notary
        self._head: SignedHead | None = None
        self._taken: SignedHead | None = None
        self._changed = asyncio.Event()

    def offer(self, head: SignedHead) -> None:
        """Carry this head from now on: it is the newest."""
        self._head = head
        self._changed.set()

    def has(self, head: SignedHead) -> None:
        """The place has this head already."""
        self.described = structs.replace(self.described, size=head.size)
        self._notary.tell_place(self.described)

    async def newest(self, name: str) -> SignedHead | None:
        """What the place has; None where it has nothing or can't be asked."""
        with suppress(PlaceFailed):
            return await anyio.to_thread.run_sync(self.place.newest, name, abandon_on_cancel=True)
        return None

    async def run(self) -> None:
        """Carry heads until cancelled, or until the place knows another log."""
        wait_s = RETRY_FIRST_S
        while self.trouble is None:
            await self._changed.wait()
            self._changed.clear()
            if await self.once():
                wait_s = RETRY_FIRST_S
                await asyncio.sleep(self.place.every_s)
            else:
                self._changed.set()
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_MAX_S)

    async def once(self) -> bool:
        """Try to hand over the newest head; whether there is none left to hand over."""
        head = self._head
        if head is None or head == self._taken:
            return True
        try:
            lines = await self._hand_over(head)
            if lines:
                await self._notary.cosigned(head, self.place, lines)
        except HeadContradicted as error:
            self.trouble = error
            self._fail(str(error))
            return False
        except (PlaceFailed, EventLogError, TimeoutError) as error:
            self._fail(str(error) or type(error).__name__)
            return False
        self._taken = head
        self.described = structs.replace(
            self.described, size=head.size, at_us=_now_us(), failing_since_us=None, error=None
        )
        self._notary.tell_place(self.described)
        return True

    async def _hand_over(self, head: SignedHead) -> Sequence[Signature]:
        """What the place answers; proofs are made on the signer's turn, outside of its thread."""
        loop = asyncio.get_running_loop()

        def prove_from(old: int) -> Sequence[bytes]:
            made = asyncio.run_coroutine_threadsafe(self._notary.prove_from(head, old), loop)
            return made.result(TIMEOUT_S)

        return await anyio.to_thread.run_sync(
            self.place.take, head, prove_from, abandon_on_cancel=True
        )

    def _fail(self, why: str) -> None:
        since = self.described.failing_since_us or _now_us()
        if self.described.failing_since_us is None:
            log.warning("the place %s did not take a head: %s", self.place.name, why)
        self.described = structs.replace(self.described, failing_since_us=since, error=why)
        self._notary.tell_place(self.described)


def _path(signer: HeadSigner, db_path: Path, head: SignedHead, old: int) -> list[bytes]:
    """The proof that a head continues the first records of this log."""
    connection = signer.connection
    blocks = read_blocks(db_path, journal.log_id(connection))[: head.size // tree.BLOCK]
    node = log_tree.RowNodes(connection, proving.require_secret(connection), blocks)
    return tree.consistency_path(node, old, head.size)


def _hold(signer: HeadSigner, *, head: SignedHead, db_path: Path) -> None:
    """Raise HeadContradicted where a head that is known outside is not of this log as it is."""
    connection = signer.connection
    end = journal.last_position(connection)
    if head.size > end:
        raise HeadContradicted(
            f"{head.size} records are known outside, here are {end}: restored or copied?"
        )
    blocks = read_blocks(db_path, journal.log_id(connection))[: head.size // tree.BLOCK]
    secret = proving.require_secret(connection)
    if head.root not in {
        log_tree.root_at(connection, secret, head.size, known) for known in (blocks, ())
    }:
        raise HeadContradicted(
            f"another log of {head.size} records is known outside under this name"
        )


def _appended_at(connection: sqlite3.Connection, position: int) -> int | None:
    row = journal.read_one(connection, position)
    return None if row is None else row.appended_at


def _now_us() -> int:
    return time.time_ns() // 1000
