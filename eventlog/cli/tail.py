"""`eventlog tail`: shows the journal's last records, and follows new ones."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from cyclopts import Parameter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eventlog.cli.context import Context
from eventlog.cli.options import LIMIT, AsJson, AtDesk
from eventlog.cli.record_json import opened_rows, record_as_json
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument, BadRecord
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import Cursor
from eventlog.journal import table as journal
from eventlog.projections import story
from eventlog.record import Record, StoredRecord, instant
from eventlog.store.reader import Reader

Follow = Annotated[bool, Parameter(alias="-f", help="Continue with new records, until Ctrl-C.")]
After = Annotated[
    str | None,
    Parameter(
        help="All after this position, or position:hash: then it is an error where the log has"
        " another record there.",
    ),
]
Limit = Annotated[
    int, Parameter(alias="-n", validator=LIMIT, help="How many of the last records. [10]")
]

# A terminal that is narrower gets the text of a record below its place.
_ONE_LINE_WIDTH: Final = 100


def tail(
    *,
    follow: Follow = False,
    after: After = None,
    limit: Limit = 10,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Show the journal's last records."""
    cursor = None if after is None else _cursor(after)
    with context.reading() as connection:
        if cursor is None:
            position = max(0, journal.last_position(connection) - limit)
        else:
            cursors.require_known(connection, cursor)
            position = cursor.position
        with context.opening() as names:
            for stored in journal.read_all(connection, after=position):
                position = stored.position
                (record,) = opened_rows([stored], names, connection)
                _print(context, record, str(cursors.of_row(stored)), as_json=as_json)
    if follow:
        context.out.file.flush()
        asyncio.run(_follow(context, position, as_json=as_json))
    return 0


def _cursor(after: str) -> Cursor:
    try:
        return cursors.parse(after)
    except BadArgument as error:
        raise BadArgument(f"--after: {error}") from error


async def _follow(context: Context, position: int, *, as_json: bool) -> None:
    """Print what comes after a position, forever."""
    async with await Reader.open(context.db_path, keys_dir=context.keys_dir) as reader:
        while True:
            try:
                async for record in reader.subscribe(after=position):
                    position = record.position
                    _print(context, record, record.cursor, as_json=as_json)
                    context.out.file.flush()
            except BadRecord as error:
                stored = await reader.run(lambda c, at=error.position: journal.read_one(c, at))  # type: ignore[misc]  # mypy can't infer a lambda with a default
                if stored is None:
                    raise
                position = stored.position
                _print_stored(context, stored, as_json=as_json)
                context.out.file.flush()


def _print_stored(context: Context, stored: StoredRecord, *, as_json: bool) -> None:
    _print(context, story.read(stored), str(cursors.of_row(stored)), as_json=as_json)


def _print(context: Context, record: Record | story.Unread, cursor: str, *, as_json: bool) -> None:
    if as_json:
        context.json(record_as_json(record, cursor))
        return
    line = story.line(record)
    event = "" if record.event_id is None else f"event {record.event_id}"
    place = Text.assemble(
        (f"{line.position:>6}  ", "dim"),
        f"{_when(context, record.appended_at_us)}  ",
        (f"{event:<10}  ", "dim"),
    )
    text = Text(safe(line.text))
    if not context.out.is_terminal:
        context.out.print(place + text, soft_wrap=True)
    elif context.out.width < _ONE_LINE_WIDTH:
        context.out.print(place)
        context.draw(Padding(text, (0, 0, 0, 8)))
    else:
        row = Table.grid()
        row.add_column(width=place.cell_len, no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(place, text)
        context.draw(row)


def _when(context: Context, microseconds: int) -> str:
    return context.time_text(instant(microseconds))
