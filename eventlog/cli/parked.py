"""`eventlog parked`: the records that the views could not apply."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from eventlog.cli.options import LIMIT, AsJson, AtDesk
from eventlog.cli.safe_text import safe
from eventlog.followers import checkpoints

Limit = Annotated[int, Parameter(alias="-n", validator=LIMIT, help="How many at most. [1000]")]


def parked(*, limit: Limit = 1000, as_json: AsJson = False, context: AtDesk) -> int:
    """List the records that a view could not apply, by position. Each is a finding.

    A replay tries each of them again, for example after an upgrade of the program.
    """
    with context.reading() as connection:
        found = checkpoints.parked(connection, limit=limit)
        counts = checkpoints.parked_counts(connection)
    if as_json:
        for record in found:
            context.json(record)
    elif not counts:
        context.say("Nothing is parked.", "green")
    else:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("RECORD", justify="right")
        table.add_column("VIEW", no_wrap=True)
        table.add_column("REASON", overflow="fold")
        for record in found:
            table.add_row(str(record.position), record.view, safe(record.reason))
        context.draw(table)
        left_out = sum(counts.values()) - len(found)
        if left_out:
            context.note(f"{left_out} more are parked: see --limit")
    return int(bool(counts))
