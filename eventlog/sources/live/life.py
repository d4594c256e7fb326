"""Decides when a source counts as silent, and when as back.

        alive ──(no sign for `silent_after`)──> silent ──(60 s of life)──> alive

Silence is reported at most once an hour, however often a source comes and goes. Times are seconds
of a clock that never jumps.
"""

from __future__ import annotations

from typing import Final, Literal

BACK_AFTER_S: Final = 60.0
TOLD_EVERY_S: Final = 3600.0

Change = Literal["silent", "back"]


class Life:
    """The state of one source. `alive_at` is its last moment of life, `since` its last change."""

    def __init__(
        self, silent_after_s: float, *, periodic: bool, now: float, told_silent: bool = False
    ) -> None:
        """Begin now.

        Args:
            silent_after_s: without a sign for so long it is silent.
            periodic: whether its signs come by themselves all the time; else its connection and
                what it says of itself are all there is.
            now: the time.
            told_silent: whether the journal says already that it is silent.
        """
        self.told_silent = told_silent
        self.alive_at = now
        self.since = now
        self._silent_after_s = silent_after_s
        self._periodic = periodic
        self._signs = 0
        self._sign_at = now
        self._alive_since: float | None = None
        self._told_at: float | None = None

    def look(self, now: float, *, up: bool, signs: int) -> Change | None:
        """What is to be reported now.

        Args:
            now: the time.
            up: whether it is connected, and does not say that it is away.
            signs: how many signs of life came so far.
        """
        if signs != self._signs:
            self._signs, self._sign_at = signs, now
        alive = up and not (self._periodic and now - self._sign_at >= self._silent_after_s)
        if alive:
            self.alive_at = self._sign_at if self._periodic else now
            if self._alive_since is None:
                self._alive_since = now
        else:
            self._alive_since = None
        if self.told_silent:
            return self._back(now)
        if alive or now - self.alive_at < self._silent_after_s:
            return None
        if self._told_at is not None and now - self._told_at < TOLD_EVERY_S:
            return None
        self.told_silent, self._told_at, self.since = True, now, self.alive_at
        return "silent"

    def _back(self, now: float) -> Change | None:
        if self._alive_since is None or now - self._alive_since < BACK_AFTER_S:
            return None
        self.told_silent, self.since = False, self._alive_since
        return "back"
