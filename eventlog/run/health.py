"""The state of each part of `eventlog run`, for the dashboard's page and API.

Kept in memory, for the living process only; what must outlive it is a fact in the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

from eventlog.sources.feed import Tally

PartState: TypeAlias = Literal["starting", "running", "waiting", "stopped"]
# More reasons than these are counted under one name: a hostile sender makes a new one each time.
REASONS_MAX: Final = 50
OTHER: Final = "other reasons"


class PartHealth(Struct):
    """A part of the process. Times are seconds since 1970; None means not yet.

    `behind` is how many records it has yet to read, None where it does not read the journal.
    """

    name: str
    state: PartState = "starting"
    since: float = 0.0
    restarts: int = 0
    error: str | None = None
    behind: int | None = None


class SourceHealth(Struct):
    """A source. `connected` and `available` are None if the source has no such sign."""

    name: str
    connected: bool | None = None
    available: bool | None = None
    silent: bool = False
    last_message_at: float | None = None
    last_sign_at: float | None = None
    signs: int = 0
    connects: int = 0
    messages: int = 0
    events: int = 0
    facts: int = 0
    known: int = 0
    reconciled: int = 0
    late: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


class Health(Struct):
    """The state of the process at one moment."""

    parts: list[PartHealth]
    sources: list[SourceHealth]


class Board:
    """Collects what parts and sources say. Every name is made when it is first heard of."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._parts: dict[str, PartHealth] = {}
        self._sources: dict[str, SourceHealth] = {}

    def look(self) -> Health:
        """Everything, by name."""
        return Health(
            parts=[self._parts[name] for name in sorted(self._parts)],
            sources=[self._sources[name] for name in sorted(self._sources)],
        )

    # ── parts ──────────────────────────────────────────────────────────────────────────────

    def part(self, name: str, state: PartState, *, error: str | None = None) -> None:
        """A part has come to a state; `error` is its class and code."""
        part = self._parts.setdefault(name, PartHealth(name))
        if state == "stopped":
            part.restarts += 1
        if state != part.state or not part.since:
            part.since = self._wall()
        part.state = state
        part.error = error if state == "stopped" else part.error

    def forget_part(self, name: str) -> None:
        """A part is no longer in the config."""
        self._parts.pop(name, None)

    def part_restarts(self, name: str) -> int:
        """How often a part has stopped since this process began."""
        return self._parts[name].restarts if name in self._parts else 0

    # ── sources: the protocol `Report` ─────────────────────────────────────────────────────

    def source(self, name: str) -> SourceHealth:
        """A source, made where it was not heard of."""
        return self._sources.setdefault(name, SourceHealth(name))

    def connected(self, source: str, *, up: bool) -> None:
        """See `Report`."""
        one = self.source(source)
        one.connects += up and one.connected is not True
        one.connected = up

    def sign(self, source: str) -> None:
        """See `Report`."""
        one = self.source(source)
        one.last_sign_at = self._wall()
        one.signs += 1

    def available(self, source: str, *, up: bool) -> None:
        """See `Report`."""
        self.source(source).available = up

    def taken(self, source: str, tally: Tally) -> None:
        """See `Report`."""
        one = self.source(source)
        one.last_message_at = self._wall()
        one.messages += 1
        self._count(one, tally)

    def _count(self, one: SourceHealth, tally: Tally) -> None:
        one.events += tally.events
        one.facts += tally.facts
        one.known += tally.known
        for counts, new in ((one.skipped, tally.skipped), (one.refused, tally.refused)):
            for reason, count in new.items():
                kept = reason if reason in counts or len(counts) < REASONS_MAX else OTHER
                counts[kept] = counts.get(kept, 0) + count

    def reconciled(self, source: str, tally: Tally, *, late: int) -> None:
        """See `Report`."""
        one = self.source(source)
        one.reconciled += tally.facts
        one.late += late
        self._count(one, tally)
