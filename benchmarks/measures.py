"""What is measured and how: rounds that alternate, medians, spread, and ratios inside one run.

A machine that does something else meanwhile does it to all contenders alike, because they take
turns round by round; so a ratio is taken inside each round first, and then the median of those.
Knows no contender.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from typing import Any, Final, Literal

from msgspec import Struct

Measure = Callable[[], Awaitable["Sample"]]
Sense = Literal["at least", "at most"]

_SIGNS: Final = {"at least": ">=", "at most": "<="}


class Sample(Struct, frozen=True):
    """One round of one contender: `value` in the unit of its series, and each call's time."""

    value: float
    calls_s: Sequence[float] = ()


class Series(Struct, frozen=True):
    """What one contender showed in all rounds."""

    name: str
    unit: str
    values: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)


class Figure(Struct, frozen=True, kw_only=True):
    """A figure with a target: the median of its rounds, and between which values they lay."""

    what: str
    value: float
    low: float
    high: float
    unit: str
    sense: Sense
    target: float

    @property
    def reached(self) -> bool:
        """Whether the median is on the right side of the target."""
        if self.sense == "at least":
            return self.value >= self.target
        return self.value <= self.target

    @property
    def target_text(self) -> str:
        """The target as one reads it."""
        return f"{_SIGNS[self.sense]} {self.target:g}"


class Row(Struct, frozen=True, kw_only=True):
    """One row of the table: its figures, and the series that they come from."""

    name: str
    figures: list[Figure]
    series: list[Series] = []
    notes: list[str] = []
    took_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values, for --json."""
        return {
            "name": self.name,
            "took_s": round(self.took_s, 2),
            "figures": [
                {
                    "what": one.what,
                    "value": one.value,
                    "low": one.low,
                    "high": one.high,
                    "unit": one.unit,
                    "target": one.target_text,
                    "reached": one.reached,
                }
                for one in self.figures
            ],
            "series": [
                {"name": one.name, "unit": one.unit, "median": one.median, "values": one.values}
                for one in self.series
            ],
            "notes": self.notes,
        }


# ── taking turns ───────────────────────────────────────────────────────────────────────────


async def interleave(
    rounds: int, contenders: Mapping[str, Measure], *, warm_up: bool = True
) -> dict[str, list[Sample]]:
    """Each contender once a round, in an order that turns, after one round that warms up."""
    names = list(contenders)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(0 if warm_up else 1, rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            sample = await contenders[name]()
            if number > 0:
                samples[name].append(sample)
    return samples


async def timed(work: Awaitable[object]) -> float:
    """How long a piece of work takes, in seconds."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


def per_second(count: int, took_s: float, calls_s: Sequence[float] = ()) -> Sample:
    """So many in so long."""
    return Sample(count / took_s, calls_s)


# ── figures ────────────────────────────────────────────────────────────────────────────────


def ratio(
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """Ours over theirs, round by round."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return figure(what, ratios, "x", at_least=at_least, at_most=at_most)


def figure(
    what: str,
    values: Sequence[float],
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """The median of some values against one bound."""
    sense: Sense = "at most" if at_least is None else "at least"
    target = at_most if at_least is None else at_least
    if target is None:
        raise ValueError(f"{what} has no target")
    return Figure(
        what=what,
        value=median(values),
        low=min(values),
        high=max(values),
        unit=unit,
        sense=sense,
        target=target,
    )


def values(samples: Sequence[Sample]) -> list[float]:
    """Each round's value."""
    return [sample.value for sample in samples]


def quantiles(samples: Sequence[Sample], part: float) -> list[float]:
    """Each round's quantile of the calls' times, in seconds."""
    return [quantile(sample.calls_s, part) for sample in samples]


def quantile(times_s: Sequence[float], part: float) -> float:
    """The time that this part of all stays under."""
    ordered = sorted(times_s)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def series(samples: Mapping[str, Sequence[Sample]], unit: str) -> list[Series]:
    """All contenders' rounds under their names."""
    return [Series(name, unit, values(some)) for name, some in samples.items()]
