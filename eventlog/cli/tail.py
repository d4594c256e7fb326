"""`eventlog tail`: the journal's last records, and those that come."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from eventlog.cli.context import Context
from eventlog.cli.options import LIMIT, POSITION, AsJson, AtDesk
from eventlog.cli.record_json import record_as_json
from eventlog.cli.safe_text import safe
from eventlog.errors import BadRecord
from eventlog.journal import table as journal
from eventlog.projections import story
from eventlog.record import Record, instant
from eventlog.store.reader import Reader

Follow = Annotated[bool, Parameter(alias="-f", help="Go on with what comes, until Ctrl-C.")]
After = Annotated[int | None, Parameter(validator=POSITION, help="All after this position.")]
Limit = Annotated[
    int, Parameter(alias="-n", validator=LIMIT, help="So many of the last ones. [10]")
]


def tail(
    *,
    follow: Follow = False,
    after: After = None,
    limit: Limit = 10,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Show the journal's last records."""
    with context.reading() as connection:
        end = journal.last_position(connection)
        position = max(0, end - limit) if after is None else after
        for stored in journal.read_all(connection, after=position):
            position = stored.position
            _print(context, story.read(stored), as_json=as_json)
    if follow:
        context.out.file.flush()
        asyncio.run(_follow(context, position, as_json=as_json))
    return 0


async def _follow(context: Context, position: int, *, as_json: bool) -> None:
    """Print what comes after a position, for ever."""
    async with await Reader.open(context.db_path) as reader:
        while True:
            try:
                async for record in reader.subscribe(after=position):
                    position = record.position
                    _print(context, record, as_json=as_json)
                    context.out.file.flush()
            except BadRecord as error:
                stored = await reader.run(lambda c, at=error.position: journal.read_one(c, at))  # type: ignore[misc]  # mypy can't infer a lambda with a default
                if stored is None:
                    raise
                position = stored.position
                _print(context, story.read(stored), as_json=as_json)
                context.out.file.flush()


def _print(context: Context, record: Record | story.Unread, *, as_json: bool) -> None:
    if as_json:
        context.json(record_as_json(record))
        return
    line = story.line(record)
    event = "" if record.event_id is None else f"event {record.event_id}"
    context.out.print(
        Text.assemble(
            (f"{line.position:>6}  ", "dim"),
            f"{_when(context, record.appended_at_us)}  ",
            (f"{event:<10}  ", "dim"),
            safe(line.text),
        ),
        soft_wrap=True,
    )


def _when(context: Context, microseconds: int) -> str:
    appended: datetime = context.local(instant(microseconds))
    return appended.strftime("%Y-%m-%d %H:%M:%S")
