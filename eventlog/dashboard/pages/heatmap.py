"""A heat map of hours by weekdays as SVG: pure, from counts.

A cell's shade is one of five classes, so that the style sheet colours it for light and dark.
Knows no person and no table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup
from msgspec import Struct

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS: Final = 24
CELL: Final = 13  # units of the drawing, the gap included
GAP: Final = 2
LEFT: Final = 30
TOP: Final = 14
SHADES: Final = 4
_LABELLED_HOURS: Final = (0, 6, 12, 18)


class Cell(Struct, frozen=True):
    """One hour of one weekday; `shade` is 0 if nothing was, else 1 to SHADES."""

    weekday: int
    hour: int
    count: int
    shade: int


def cells(counts: Mapping[tuple[int, int], int]) -> list[Cell]:
    """All cells, weekday by weekday."""
    # A handful of visits is not a habit, so that one alone is not in the darkest shade.
    most = max(SHADES, *counts.values(), 0)
    return [
        Cell(weekday, hour, count, _shade(count, most))
        for weekday in range(len(WEEKDAYS))
        for hour in range(HOURS)
        for count in (counts.get((weekday, hour), 0),)
    ]


def summary(counts: Mapping[tuple[int, int], int]) -> str:
    """The map in one sentence, for screen readers."""
    if not counts:
        return "No visits in this time."
    (weekday, hour), count = max(counts.items(), key=lambda item: (item[1], item[0]))
    total = sum(counts.values())
    times = "once" if count == 1 else f"{count} times"
    return f"{total} in this time; most on {WEEKDAYS[weekday]} from {hour:02d}:00, {times}."


def svg(counts: Mapping[tuple[int, int], int], label: str) -> Markup:
    """The drawing; `label` names it to a screen reader."""
    width, height = LEFT + HOURS * CELL, TOP + len(WEEKDAYS) * CELL
    hours = Markup("").join(
        Markup('<text x="{}" y="9">{:02d}</text>').format(LEFT + hour * CELL, hour)
        for hour in _LABELLED_HOURS
    )
    days = Markup("").join(
        Markup('<text x="0" y="{}">{}</text>').format(TOP + day * CELL + 9, name)
        for day, name in enumerate(WEEKDAYS)
    )
    squares = Markup("").join(_square(cell) for cell in cells(counts))
    return Markup(
        '<svg class="heat" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>'
    ).format(width, height, f"{label}: {summary(counts)}", hours, days, squares)


def _square(cell: Cell) -> Markup:
    side = CELL - GAP
    x, y = LEFT + cell.hour * CELL, TOP + cell.weekday * CELL
    title = Markup("")
    if cell.count:
        title = Markup("<title>{} {:02d}:00: {}</title>").format(
            WEEKDAYS[cell.weekday], cell.hour, cell.count
        )
    return Markup('<rect class="s{}" x="{}" y="{}" width="{}" height="{}" rx="2">{}</rect>').format(
        cell.shade, x, y, side, side, title
    )


def _shade(count: int, most: int) -> int:
    return 0 if count == 0 else max(1, -(-count * SHADES // most))
