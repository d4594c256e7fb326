"""The values of alerts: an alert for one channel, an intent to send, and what to send next.

A *telling* is one alert for one channel. A *send* is one message: a telling, or several as a
digest. Knows no record but by its position.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from eventlog.reactors.alerts.rules import SEVERAL, When

Why = Literal["", "away", "quiet", "storm"]


class Telling(Struct):
    """One alert for one channel. `position` is the record that caused it."""

    rule: str
    channel: str
    position: int
    event_id: int | None
    at: datetime
    door: str
    when: When
    said: str | None = None  # a person, a device's state: never recorded
    intent: int | None = None
    revision: int = 0
    settled: bool = False
    named_late: bool = False
    ready_at: datetime | None = None

    def begin_revision(self) -> None:
        """Have it sent again, with what has become known since."""
        self.revision = 1
        self.settled = False

    def waits(self, channel: str, now: datetime) -> bool:
        """Whether it may be sent over a channel now, as far as it alone decides."""
        return (
            self.channel == channel
            and not self.settled
            and (self.intent is None or self.revision > 0)
            and (self.ready_at is None or self.ready_at <= now)
        )


class Intent(Struct):
    """An `alert_intended` without an outcome. `ours` says that this process made it."""

    position: int
    at: datetime
    key: str
    tellings: list[Telling]
    revision: int
    why: Why = ""
    ours: bool = False


class Send(Struct, frozen=True):
    """What to do next on a channel: send, or finish what was intended."""

    tellings: Sequence[Telling]
    revision: int = 0
    why: Why = ""
    intent: Intent | None = None

    @property
    def rule(self) -> str:
        """The rule of all that it covers, or a word for several."""
        rules = {telling.rule for telling in self.tellings}
        return rules.pop() if len(rules) == 1 else SEVERAL

    @property
    def event_id(self) -> int | None:
        """The event that it belongs to; None for a digest and for what has no visit."""
        return self.tellings[0].event_id if len(self.tellings) == 1 else None

    @property
    def covers(self) -> tuple[int, ...]:
        """The records that it is about."""
        return tuple(telling.position for telling in self.tellings)

    @property
    def key(self) -> str:
        """What makes it the same alert, in every process and after every crash."""
        first = self.tellings[0]
        what = f"p{first.position}" if self.event_id is None else str(self.event_id)
        if len(self.tellings) > 1 or self.why:
            what = f"d{first.position}-{self.tellings[-1].position}"
        return f"alert:{what}:{self.rule}:{first.channel}:{self.revision}"
