"""Decides when the notary signs, and how long it pauses.

A head is due at once after an unlock action, else when the oldest unsigned record is 60 s old,
when somebody asks, and for the first record of all; at most one a second, or one in five seconds
while the notary is behind: then a head lacks the newest records anyway, and each syncs the disk
that the appends wait for.

While appends go on, the notary takes a small share of the processor, in pieces that are shorter
than the time after which Python hands its lock to another thread. Knows no log and no task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

OLDEST_S: Final = 60.0
BETWEEN_HEADS_S: Final = 1.0
BETWEEN_BEHIND_S: Final = 5.0
POLL_S: Final = 0.5
WALK_EVERY_S: Final = 24 * 3600.0
BATCH: Final = 1000
BATCH_AMONG_APPENDS: Final = 100  # about half a millisecond of work
REST_FOR_WORK: Final = 20
REST_CATCHING_UP: Final = 1
# Facts about heads alone need no head: two doors that witness each other would never rest.
ABOUT_HEADS: Final = frozenset({"head_witnessed", "head_seen"})
AT_ONCE: Final = "unlock_action"


class Pace:
    """Decides from what was read and signed what is due. `now` is a clock that is never set."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Nothing was read or signed yet; the first walk is due in a day."""
        self._now = now
        self._oldest: float | None = None  # when the oldest unsigned record was read
        self._urgent = False
        self._patient = False  # appends go on, and nothing unsigned is old
        self._behind = False
        self._signed_at = -BETWEEN_HEADS_S
        self._walked_at = now()

    def opened(self, *, was_signed: bool) -> None:
        """The log was opened: one that was never signed has a head due."""
        self._oldest = None if was_signed else self._now()

    @property
    def limit(self) -> int:
        """How many records to read at once."""
        return BATCH_AMONG_APPENDS if self._patient else BATCH

    def read(self, rows: int, kinds: frozenset[str]) -> None:
        """So many records of these kinds were read, `limit` at most."""
        self._behind = rows >= self.limit
        if not rows:
            return
        if self._oldest is None and not kinds <= ABOUT_HEADS:
            self._oldest = self._now()
        self._urgent = self._urgent or AT_ONCE in kinds

    def signed(self) -> None:
        """A head was signed over all that was read."""
        self._signed_at, self._oldest, self._urgent = self._now(), None, False

    def is_head_due(self, *, first: bool, asked: bool) -> bool:
        """Whether a head is to be signed now. `first`: there is none yet."""
        if self._until_next_s(asked=asked) > 0:
            return False
        waiting = self._oldest is not None and (first or self._is_old())
        return self._urgent or waiting or asked

    def is_walk_due(self) -> bool:
        """Whether the rows below the last head are to be read again; asked, it counts as done."""
        if self._now() - self._walked_at <= WALK_EVERY_S:
            return False
        self._walked_at = self._now()
        return True

    def rest_s(self, work_s: float, *, grows: bool) -> float:
        """How many seconds to rest after work: while appends go on, for long."""
        self._patient = grows and not self._is_old()
        rest_s = work_s * (REST_FOR_WORK if self._patient else REST_CATCHING_UP)
        if self._behind:
            return rest_s
        # What comes meanwhile is in the same head.
        return self._until_next_s() if self._urgent else min(work_s * REST_FOR_WORK, POLL_S)

    def _until_next_s(self, *, asked: bool = False) -> float:
        """How many seconds are left before another head may be signed."""
        is_late = self._behind and self._patient and not asked
        between_s = BETWEEN_BEHIND_S if is_late else BETWEEN_HEADS_S
        return max(0.0, between_s - (self._now() - self._signed_at))

    def _is_old(self) -> bool:
        return self._oldest is not None and self._now() - self._oldest >= OLDEST_S
