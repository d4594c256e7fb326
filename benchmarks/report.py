"""A run in words and as JSON. Knows rows and figures only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from benchmarks.measures import Figure, Row


def as_json(machine: Mapping[str, str], rows: Sequence[Row]) -> str:
    """The whole run."""
    return json.dumps({"machine": dict(machine), "rows": [row.as_json() for row in rows]}, indent=2)


def heading(machine: Mapping[str, str]) -> str:
    """The machine, a line each."""
    width = max(map(len, machine))
    return "\n".join(f"{name:<{width}}  {what}" for name, what in machine.items())


def row_text(row: Row) -> str:
    """A row: its figures with their targets, then what they come from."""
    lines = [f"{row.name}  ({row.took_s:.1f} s)"]
    lines += [f"  {_figure(one)}" for one in row.figures]
    for one in row.series:
        spread = ""
        if len(one.values) > 1:
            spread = f"  [{_number(min(one.values))} .. {_number(max(one.values))}]"
        lines.append(f"      {one.name}: {_number(one.median)} {one.unit}{spread}")
    lines += [f"      {note}" for note in row.notes]
    return "\n".join(lines)


def verdict(rows: Sequence[Row]) -> str:
    """How many figures were reached."""
    figures = [one for row in rows for one in row.figures]
    reached = sum(one.reached for one in figures)
    return f"{reached} of {len(figures)} figures reached"


def _figure(one: Figure) -> str:
    mark = "reached    " if one.reached else "NOT REACHED"
    spread = "" if one.low == one.high else f"  [{_number(one.low)} .. {_number(one.high)}]"
    return f"{mark}  {_number(one.value)} {one.unit} ({one.target_text})  {one.what}{spread}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
