"""Sends signed heads to their places; each place has a task that keeps only the newest head.

A place that fails is tried again, after 1 s and up to 60 s; a place that knows another log of
this name stops the signing (`trouble`). What is known of a place survives a restart, by what the
place answers and by `DB_PATH.outside`. Knows the notary by protocol only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import anyio
import anyio.to_thread
from msgspec import structs

from eventlog.errors import EventLogError, HeadContradicted
from eventlog.evidence import outside, proving
from eventlog.evidence.note import Signature
from eventlog.evidence.outside import Outside
from eventlog.evidence.signed_heads import SignedHead
from eventlog.evidence.signing import HeadSigner
from eventlog.reactors.head_places import TIMEOUT_S, IsGenuine, Place, PlaceFailed

log = logging.getLogger("eventlog")

RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 60.0

# What of a head a place has: its text, and which keys of the log had signed it.
_Mark: TypeAlias = tuple[str, frozenset[bytes]]


class Sender(Protocol):
    """Whose heads are carried: the notary."""

    def prove_from(self, head: SignedHead, old: int) -> Awaitable[list[bytes]]:
        """The proof that a head continues the first `old` records."""

    def cosigned(
        self, head: SignedHead, place: Place, lines: Sequence[Signature]
    ) -> Awaitable[None]:
        """A witness answered these lines."""

    def tell_place(self, described: outside.Place) -> None:
        """Something is known of a place that was not before."""


class Post:
    """Carries the newest head to one place, again and again until it is taken."""

    def __init__(self, sender: Sender, place: Place) -> None:
        """Nothing is carried yet."""
        self.place = place
        self.trouble: HeadContradicted | None = None
        self.described = outside.Place(name=place.name, kind=place.kind)
        self._sender = sender
        self._head: SignedHead | None = None
        self._taken: _Mark | None = None
        self._changed = asyncio.Event()

    def begin(self, before: Outside | None) -> None:
        """The log was opened again; `before` is what was known of this name's heads."""
        self.trouble = self._head = self._taken = None
        same = (one for one in (() if before is None else before.places) if one.name == self.name)
        self.described = next(same, outside.Place(name=self.name, kind=self.place.kind))

    @property
    def name(self) -> str:
        """The place's name."""
        return self.place.name

    def offer(self, head: SignedHead) -> None:
        """Carry this head from now on: it is the newest."""
        self._head = head
        self._changed.set()

    async def ask(self, origin: str, is_genuine: IsGenuine) -> SignedHead | None:
        """What the place has; None if it has nothing or can't be asked."""
        try:
            head = await anyio.to_thread.run_sync(
                self.place.newest, origin, is_genuine, abandon_on_cancel=True
            )
        except PlaceFailed:
            return None  # what is remembered of it stays
        self._taken = None if head is None else _mark(head)
        size = 0 if head is None else head.size
        at_us = self.described.at_us if size == self.described.size else None
        self.described = structs.replace(self.described, size=size, at_us=at_us)
        return head

    async def run(self) -> None:
        """Carry heads until cancelled, or until the place knows another log."""
        wait_s = RETRY_FIRST_S
        while self.trouble is None:
            await self._changed.wait()
            self._changed.clear()
            if self._is_done():
                continue
            if await self.once():
                wait_s = RETRY_FIRST_S
                await asyncio.sleep(self.place.every_s)
            else:
                self._changed.set()
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_MAX_S)

    async def once(self) -> bool:
        """Try to send the newest head; return whether none is left to send."""
        head = self._head
        if head is None or self._is_done():
            return True
        try:
            lines = await self._hand_over(head)
            if lines:
                await self._sender.cosigned(head, self.place, lines)
        except HeadContradicted as error:
            self.trouble = error
            self._fail(str(error))
            return False
        except (PlaceFailed, EventLogError, TimeoutError) as error:
            self._fail(str(error) or type(error).__name__)
            return False
        self._taken = _mark(head)
        self.described = structs.replace(
            self.described, size=head.size, at_us=now_us(), failing_since_us=None, error=None
        )
        self._sender.tell_place(self.described)
        return True

    def _is_done(self) -> bool:
        return self._head is None or _mark(self._head) == self._taken

    async def _hand_over(self, head: SignedHead) -> Sequence[Signature]:
        """What the place answers; proofs are made on the signer's turn, outside of its thread."""
        loop = asyncio.get_running_loop()

        async def prove(old: int) -> list[bytes]:
            return await self._sender.prove_from(head, old)

        def prove_from(old: int) -> Sequence[bytes]:
            return asyncio.run_coroutine_threadsafe(prove(old), loop).result(TIMEOUT_S)

        return await anyio.to_thread.run_sync(
            self.place.take, head, prove_from, abandon_on_cancel=True
        )

    def _fail(self, why: str) -> None:
        since = self.described.failing_since_us or now_us()
        if self.described.failing_since_us is None:
            log.warning("the place %s did not take a head: %s", self.name, why)
        self.described = structs.replace(self.described, failing_since_us=since, error=why)
        self._sender.tell_place(self.described)


# ── for who signs one head and ends ────────────────────────────────────────────────────────


def hand_out(signer: HeadSigner, db_path: Path, places: Sequence[Place]) -> dict[str, str | None]:
    """Hand the newest head to each place once, from this thread; what went wrong at each, by name.

    The caller has asked the places before (`hold_against`).
    """
    head = signer.last
    if head is None:
        return {}
    told: dict[str, str | None] = {}
    known = []
    prove_from = path_from(signer, db_path, head)
    for place in places:
        described = outside.Place(name=place.name, kind=place.kind)
        try:
            lines = place.take(head, prove_from)
            if lines:
                signer.add_signatures(head.note.signed_also(lines))
            told[place.name] = None
            described = structs.replace(described, size=head.size, at_us=now_us())
        except (PlaceFailed, EventLogError) as error:
            told[place.name] = str(error)
            described = structs.replace(described, failing_since_us=now_us(), error=str(error))
        known.append(described)
    now = Outside(name=head.origin, signed=head.size, signed_at_us=now_us(), places=tuple(known))
    with suppress(OSError):  # status won't know, and asks the places no less
        outside.write(db_path, now)
    return told


def hold_against(signer: HeadSigner, db_path: Path, places: Sequence[Place]) -> None:
    """Raise HeadContradicted where a place has a head that is not of this log as it is."""
    for place in places:
        with suppress(PlaceFailed):
            head = place.newest(signer.name, signer.is_genuine)
            if head is not None:
                proving.hold(signer.connection, db_path, head)


def path_from(
    signer: HeadSigner, db_path: Path, head: SignedHead
) -> Callable[[int], Sequence[bytes]]:
    """What proves that a head continues the first records, on the signer's thread."""

    def prove_from(old: int) -> Sequence[bytes]:
        return proving.path_between(signer.connection, db_path, old, head.size)

    return prove_from


def now_us() -> int:
    """The time in microseconds since 1970."""
    return time.time_ns() // 1000


def _mark(head: SignedHead) -> _Mark:
    own = (one.key_id for one in head.note.signatures if one.name == head.origin)
    return head.note.text, frozenset(own)
