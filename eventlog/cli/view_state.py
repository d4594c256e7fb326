"""Says how far the read tables have come, for commands that read them or make a log.

Where no process projects, the tables may lack the newest records; the commands then say so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from eventlog.cli.context import Context
from eventlog.dashboard import names as look_alikes
from eventlog.dashboard.names import Person
from eventlog.errors import DatabaseError
from eventlog.followers import checkpoints
from eventlog.followers.projector import Projector
from eventlog.journal import table as journal
from eventlog.maintenance.seals_in_use import opening_of
from eventlog.projections import persons
from eventlog.projections.projection import Projection
from eventlog.storage.writer import Writer
from eventlog.store import opening


def require_current(connection: sqlite3.Connection, views: Sequence[Projection]) -> int:
    """How many records these views are behind the journal.

    Raises DatabaseError if one of them is not there, or not of this program's version.
    """
    present = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    at = checkpoints.read(connection)
    for view in views:
        if not present.issuperset(view.tables):
            raise DatabaseError(f"the read table {view.name} is missing: run `eventlog replay`")
        if checkpoints.version_state(at, view.name, view.version) != "same":
            raise DatabaseError(
                f"another version of the program filled {view.name}: run `eventlog replay`"
            )
    return journal.last_position(connection) - min(at[view.name].position for view in views)


def remark(context: Context, connection: sqlite3.Connection, views: Sequence[Projection]) -> None:
    """Say so, in a line, where these views are behind. Raises what `require_current` raises."""
    behind = require_current(connection, views)
    if behind > 0:
        records = "1 record" if behind == 1 else f"{behind} records"
        context.note(
            f"the read tables are {records} behind the journal; the next writer catches up"
        )


def shown_names(connection: sqlite3.Connection) -> dict[str, str]:
    """The names that are shown for those of persons."""
    found = {}
    for row in connection.execute(*persons.listed()):
        person = dict(zip(persons.COLUMNS, row, strict=True))
        found[person["name"]] = person["display_name"] or person["name"]
    return found


def labels(context: Context, shown: Mapping[str, str]) -> dict[str, str]:
    """How each name of `shown_names` is printed: with the recorded one, look-alikes marked."""
    return _labels(context, [Person(name, display) for name, display in shown.items()])


def marked(context: Context, names: Iterable[str]) -> dict[str, str]:
    """How recorded names are printed where no other name is shown for them: look-alikes marked."""
    return _labels(context, [Person(name, None) for name in names])


def _labels(context: Context, persons_shown: Sequence[Person]) -> dict[str, str]:
    if not look_alikes.letters_are_compared():
        spelled = (text for person in persons_shown for text in (person.name, person.shown))
        if not all(map(str.isascii, spelled)):
            context.note("names are not compared for look-alike letters: install the extra `web`")
    return look_alikes.labels([person.name for person in persons_shown], persons_shown)


async def fill(path: Path, keys_dir: Path | None = None) -> None:
    """Apply all records of a log to its views, once. Raises DatabaseError."""
    writer = Writer(path)
    await writer.open(partial(opening.prepare, path=path))
    try:
        with opening_of(path, keys_dir) as names:
            await Projector(writer, _ignore, opening=names).run_to_end()
    finally:
        await writer.close()


def _ignore(_position: int) -> None:
    """Do nothing: nothing waits for it."""
