"""`eventlog tail`: shows the journal's last records, and follows new ones."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Final

from cyclopts import Parameter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eventlog.cli import view_state as views
from eventlog.cli.context import Context
from eventlog.cli.options import LIMIT, AsJson, AtDesk
from eventlog.cli.record_json import opened_rows, record_as_json
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument, BadRecord, DatabaseError
from eventlog.facts import FaceResult, IdentityLinked, PersonNamed, UnlockAction
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import Cursor
from eventlog.journal import table as journal
from eventlog.projections import story
from eventlog.projections.persons import PERSONS
from eventlog.record import Record, instant
from eventlog.store.reader import Reader

Follow = Annotated[bool, Parameter(alias="-f", help="Continue with new records, until Ctrl-C.")]
After = Annotated[
    str | None,
    Parameter(
        help="All after this position. With position:hash, fail if the log has another record"
        " there.",
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
            printed = _Names(context, connection)
            for stored in journal.read_all(connection, after=position):
                position = stored.position
                (record,) = opened_rows([stored], names, connection)
                _print(context, record, str(cursors.of_row(stored)), printed, as_json=as_json)
    if follow:
        context.out.file.flush()
        asyncio.run(_follow(context, position, printed, as_json=as_json))
    return 0


def _cursor(after: str) -> Cursor:
    try:
        return cursors.parse(after)
    except BadArgument as error:
        raise BadArgument(f"--after: {error}") from error


class _Names:
    """How recorded names are printed, look-alikes marked; a name that comes later joins them."""

    def __init__(self, context: Context, connection: sqlite3.Connection) -> None:
        """Know the persons of the read tables; a log without them is shown all the same."""
        self._context = context
        self._names: list[str] = []
        with suppress(DatabaseError):
            views.require_current(connection, (PERSONS,))
            self._names += views.shown_names(connection)
        self._printed = views.marked(context, self._names)

    def of(self, record: Record | story.Unread) -> Mapping[str, str]:
        """How the names of a record, and all others, are printed."""
        fact = record.fact if isinstance(record, Record) else None
        told = fact.name if isinstance(fact, FaceResult | PersonNamed) else None
        told = fact.person if isinstance(fact, UnlockAction | IdentityLinked) else told
        if isinstance(told, str) and told not in self._printed:
            self._names.append(told)
            self._printed = views.marked(self._context, self._names)
        return self._printed


async def _follow(context: Context, position: int, printed: _Names, *, as_json: bool) -> None:
    """Print what comes after a position, forever."""
    async with await Reader.open(context.db_path, keys_dir=context.keys_dir) as reader:
        while True:
            try:
                async for record in reader.subscribe(after=position):
                    position = record.position
                    _print(context, record, record.cursor, printed, as_json=as_json)
                    context.out.file.flush()
            except BadRecord as error:
                stored = await reader.run(lambda c, at=error.position: journal.read_one(c, at))  # type: ignore[misc]  # mypy can't infer a lambda with a default
                if stored is None:
                    raise
                position = stored.position
                cursor = str(cursors.of_row(stored))
                _print(context, story.read(stored), cursor, printed, as_json=as_json)
                context.out.file.flush()


def _print(
    context: Context,
    record: Record | story.Unread,
    cursor: str,
    printed: _Names,
    *,
    as_json: bool,
) -> None:
    if as_json:
        context.json(record_as_json(record, cursor))
        return
    line = story.line(record, printed.of(record))
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
