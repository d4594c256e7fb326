"""Plans the visits of a simulated day from a seed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from eventlog.sources.simulator.visits import (
    COMMON,
    DAILY,
    DAY,
    NIGHTLY,
    RARE,
    Kind,
    SampleVisit,
    hours_of,
    make,
)


def sample_day(day: date, *, seed: int = 7, visits: int = 24) -> list[SampleVisit]:
    """The visits of a day, in the order in which they were; times in UTC.

    There are at least as many as there are kinds of visit, so that each comes once.
    """
    random = Random(seed)  # noqa: S311 - an example needs no secrecy
    kinds = [*RARE, *random.choices(COMMON, k=max(0, visits - len(RARE)))]
    drawn: list[tuple[datetime, Kind]] = []
    for kind in kinds:
        hour = random.choices(range(24), hours_of(kind))[0]
        within = timedelta(microseconds=random.randrange(3_600_000_000))
        drawn.append((datetime.combine(day, time(hour), UTC) + within, kind))
    drawn.sort(key=lambda pair: pair[0])
    return [make(at, kind, random) for at, kind in drawn]


def sample_visit(at: datetime, random: Random) -> SampleVisit:
    """A visit that begins at a moment, of a kind that fits its hour."""
    return make(at, random.choice(DAILY if at.hour in DAY else NIGHTLY), random)
