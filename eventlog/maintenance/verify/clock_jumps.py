"""Finds jumps of the wall clock, by comparing the two clocks of each append.

Within one boot the time since the boot grows steadily, however the wall clock is set. If the two
differ by more between two appends, the wall clock was set in between, and the wall times before are
uncertain. Pure: takes the times of rows, knows no table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

from eventlog import codecs
from eventlog.record import StoredRecord, is_instant

# NTP slews smaller differences away without a jump; appends of one commit share their times.
TOLERATED_US: Final = 2_000_000


class ClockJump(Struct, frozen=True):
    """The wall clock was set by `by_us` microseconds between two positions."""

    after: int
    before: int
    by_us: int


class ClockWatch:
    """The clocks of the newest append; memory stays flat."""

    def __init__(self) -> None:
        self._boot: bytes | None = None
        self._position = 0
        self._wall_us = 0
        self._clock_us = 0

    def take(self, position: int, appended_at_us: int, meta: dict[str, Any]) -> ClockJump | None:
        """Take the next record's times. Answers the jump between it and the one before."""
        clock = codecs.clock_of(meta)
        if clock is None:
            return None
        boot, clock_us, jump = clock[0], clock[1] // 1000, None
        if boot == self._boot:
            by_us = (appended_at_us - self._wall_us) - (clock_us - self._clock_us)
            if abs(by_us) > TOLERATED_US:
                jump = ClockJump(self._position, position, by_us)
        self._boot, self._position = boot, position
        self._wall_us, self._clock_us = appended_at_us, clock_us
        return jump


def jumps(rows: Iterable[StoredRecord]) -> Iterator[ClockJump]:
    """The jumps among rows that follow each other; damaged times and meta say nothing."""
    watch = ClockWatch()
    for row in rows:
        try:
            meta = codecs.decode_meta(row.meta)
        except ValueError:
            continue
        if not is_instant(row.appended_at):
            continue
        jump = watch.take(row.position, row.appended_at, meta)
        if jump is not None:
            yield jump
