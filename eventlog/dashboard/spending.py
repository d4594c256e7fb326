"""Limits what each token may send: requests a minute, and bytes a day.

The rate is kept in memory. The bytes go into the accounts file every few seconds, or megabytes, not
at each request, which would wear the disk: a crash forgets those of the last. Knows no fact.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Final

from eventlog.dashboard.accounts import tokens
from eventlog.dashboard.accounts.database import Accounts, forget_saved
from eventlog.dashboard.accounts.tokens import Token
from eventlog.dashboard.refused import Refused

PER_MINUTE: Final = 1_200  # requests that write, of one token
MINUTE_S: Final = 60.0
SAVED_EVERY: Final = 4 * 1024 * 1024  # bytes of one token


class Spending:
    """What the tokens of one dashboard have brought lately."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._times: dict[int, deque[float]] = {}
        self._used: dict[int, tuple[int, int]] = {}  # token → (day, bytes)
        self._unsaved: dict[int, int] = {}

    async def spend(self, token: Token, size_bytes: int, now_s: int) -> None:
        """Count a request that writes. Raises Refused, 429 with the time to wait."""
        self._count(token)
        day = now_s // tokens.DAY_S
        if self._used.get(token.id, (-1, 0))[0] != day:
            used = await self._accounts.run(lambda c: tokens.used_on(c, token.id, day))
            self._used[token.id] = day, used
        used = self._used[token.id][1] + size_bytes
        if used > tokens.QUOTA_BYTES:
            rest_s = tokens.DAY_S - now_s % tokens.DAY_S
            raise Refused(
                429, "QuotaUsed", "This token has brought its bytes for today.", wait_s=rest_s
            )
        self._used[token.id] = day, used
        self._unsaved[token.id] = self._unsaved.get(token.id, 0) + size_bytes
        if self._unsaved[token.id] >= SAVED_EVERY:
            await self.save()

    async def save(self) -> None:
        """Write what was counted to the accounts file; where that fails, later."""
        unsaved = {**self._unsaved}
        counted = [(token_id, *self._used[token_id]) for token_id in unsaved]
        if counted and await self._accounts.written(lambda c: tokens.set_used(c, counted)):
            forget_saved(self._unsaved, unsaved)

    def _count(self, token: Token) -> None:
        now = time.monotonic()
        times = self._times.setdefault(token.id, deque())
        while times and times[0] <= now - MINUTE_S:
            times.popleft()
        if len(times) >= PER_MINUTE:
            wait_s = times[0] + MINUTE_S - now
            raise Refused(429, "TooMany", "This token asks too often.", wait_s=wait_s)
        times.append(now)
