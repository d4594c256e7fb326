"""Turns the database of a plain store into a log: its rows become facts, its tables are dropped.

A plain store is a database with the contract's three tables and no journal. Both steps run in
one transaction that the caller owns, so that the file is either a plain store or a log. Rows are
streamed: no table has to fit in memory. What no append can hold is kept in a table of its own,
`legacy_events`, `legacy_detections` or `legacy_persons`: detections of events that are gone, rows
with something in a name's column that can't be a name, and columns that the contract does not know,
each with its row's id.

Knows the plain tables' columns by name only; `plain_rows.py` knows what their values mean.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from graphlib import CycleError, TopologicalSorter
from itertools import chain, count, groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias

from msgspec import Struct

from eventlog.errors import ForeignDatabase
from eventlog.journal import table as journal
from eventlog.journal.append import Append, place
from eventlog.journal.table import SCHEMA
from eventlog.projections import VIEWS
from eventlog.record import Head
from eventlog.store.compat.plain_rows import (
    COLUMNS,
    Row,
    RowFacts,
    Table,
    event_of_row,
    person_of_row,
)

log = logging.getLogger("eventlog")

BATCH: Final = 1000
# A higher id would leave no ids for later events.
LAST_ID: Final = journal.EVENT_ID_MAX

# The columns that a plain store's table must have, in addition to `id INTEGER PRIMARY KEY`.
_NEEDED: Final[Mapping[Table, frozenset[str]]] = {
    "events": frozenset({"recorded_at"}),
    "detections": frozenset({"event_id", "label", "confidence"}),
    "persons": frozenset({"name"}),
}
_REFERENCES: Final = (
    'SELECT lower(child.name), lower(fk."table") FROM sqlite_schema AS child,'
    " pragma_foreign_key_list(child.name) AS fk WHERE child.type = 'table'"
)
_PERSONS: Final = "SELECT * FROM persons ORDER BY id"
# Ids that an event can keep come first; the others get the ids after them.
_KEPT_ID: Final = f"BETWEEN 1 AND {LAST_ID}"
_OTHER_ID: Final = f"NOT {_KEPT_ID}"
_OF_EVENT: Final = "of the event"  # no column of theirs has such a name
_EVENTS: Final = "SELECT * FROM events WHERE id {which} ORDER BY id"
_DETECTIONS: Final = (
    'SELECT e.id AS "of the event", d.* FROM events AS e JOIN detections AS d ON d.event_id = e.id'
    " WHERE e.id {which} ORDER BY e.id, d.id"
)
_LAST: Final = "SELECT ifnull(max(id), 0) FROM events WHERE id {which}"
_ORPHANS: Final = (
    "SELECT id FROM detections AS d"
    " WHERE NOT EXISTS (SELECT 1 FROM events AS e WHERE e.id = d.event_id)"
)
_ASIDE: Final = "CREATE TABLE {name} AS SELECT * FROM {table} WHERE false"
_COPY_SOME: Final = "INSERT INTO {name} ({columns}) SELECT {columns} FROM {table} WHERE id = ?"
_COPY: Final = "INSERT INTO {name} SELECT * FROM {table} WHERE id = ?"
# All other tables of the file, with their indexes and triggers.
_OTHERS: Final = (
    "SELECT lower(name) FROM sqlite_schema"
    " WHERE lower(tbl_name) NOT IN ('events', 'detections', 'persons')"
)
# The names that a log takes for itself.
_OURS: Final = frozenset(
    re.findall(r"^CREATE (?:UNIQUE )?(?:TABLE|INDEX) (\w+)", SCHEMA, re.MULTILINE)
).union(*((*view.tables, *view.indexes) for view in VIEWS))


class PlainStore(Struct, frozen=True):
    """A plain store that can be adopted: its tables, children before parents."""

    tables: tuple[Table, ...]


class Adopted(Struct, frozen=True):
    """Where the journal ends after an adoption, and how much of the store is in it.

    `exceptions` counts rows with values that no fact can hold; these values are kept.
    """

    head: Head
    events: int
    persons: int
    exceptions: int


def take(connection: sqlite3.Connection) -> PlainStore:
    """Check that the three tables are a plain store's; nothing is written.

    Raises ForeignDatabase if a table lacks a column that it must have, and if another table
    prevents the adoption: it has a name that a log needs, or it references one of the three, so
    that its rows would be deleted with theirs.
    """
    for (name,) in connection.execute(_OTHERS):
        if name in _OURS:
            raise ForeignDatabase(f"a log needs the name {name}; the database stays untouched")
    children: dict[Table, set[Table]] = {}
    for table, needed in _NEEDED.items():
        _check_columns(connection, table, needed)
        children[table] = set()
    for child, parent in connection.execute(_REFERENCES):
        if parent not in children or child == parent:
            continue
        if child not in children:
            raise ForeignDatabase(
                f"the table {child} references {parent}, which can't be taken over while it does;"
                " the database stays untouched"
            )
        children[parent].add(child)
    try:
        return PlainStore(tuple(TopologicalSorter(children).static_order()))
    except CycleError as error:
        raise ForeignDatabase(
            "the tables events, detections and persons reference each other in a circle;"
            " the database stays untouched"
        ) from error


# Seals the names of an append that takes this position.
Seal: TypeAlias = Callable[[Append, int], Append]


def _in_clear(append: Append, _position: int) -> Append:
    return append


def adopt(
    connection: sqlite3.Connection, plain: PlainStore, now_us: int, seal: Seal = _in_clear
) -> Adopted:
    """Put what a plain store holds into the empty journal, and drop its three tables.

    Persons come first: a person's row is made by the first record that names the person, and that
    has to be the record with the person's own `created_at`. Events follow in the order of their
    ids and keep them; an id that no event can have is replaced by the next one after the highest.
    """
    text_factory = connection.text_factory
    connection.text_factory = _text
    try:
        adopted, aside, further = _write(connection, now_us, seal)
    finally:
        connection.text_factory = text_factory
    for table, ids in aside.items():
        _set_aside(connection, table, ids, further[table])
    for table in plain.tables:
        connection.execute(f"DROP TABLE {table}")
    log.log(
        logging.WARNING if adopted.exceptions else logging.INFO,
        "adopted a plain store of %d events and %d persons; %d of its rows hold something that"
        " no fact can, which is kept in the meta or in a table legacy_…",
        *(adopted.events, adopted.persons, adopted.exceptions),
    )
    return adopted


def _check_columns(connection: sqlite3.Connection, table: Table, needed: frozenset[str]) -> None:
    columns: set[str] = set()
    key: list[tuple[str, str]] = []
    for _, name, kind, _, _, part_of_key in connection.execute(f"PRAGMA table_info({table})"):
        columns.add(name.lower())
        if part_of_key:
            key.append((name.lower(), kind.upper()))
    missing = sorted(needed - columns)
    if key != [("id", "INTEGER")]:
        missing.insert(0, "id INTEGER PRIMARY KEY")
    if missing:
        raise ForeignDatabase(
            f"the table {table} has no {', '.join(missing)}; the database stays untouched"
        )


_Ids: TypeAlias = dict[Table, list[int]]


def _write(connection: sqlite3.Connection, now_us: int, seal: Seal) -> tuple[Adopted, _Ids, _Ids]:
    """Write the journal. Returns also the ids of the rows, and of the columns, to set aside."""
    orphans = [row_id for (row_id,) in connection.execute(_ORPHANS)]
    aside: _Ids = {"events": [], "detections": orphans, "persons": []}
    further: _Ids = {"events": [], "detections": [], "persons": []}
    counts = {"events": 0, "persons": 0}
    exceptions = len(orphans)
    head = journal.head(connection)
    rows: list[tuple[Any, ...]] = []
    for read in chain(_persons(connection, now_us), _events(connection, now_us)):
        counts[read.table] += 1
        exceptions += read.exceptions
        if read.aside:
            aside[read.table].append(read.id)
        for table, row_id in read.further:
            if table != read.table or not read.aside:  # or the row is set aside with all of it
                further[table].append(row_id)
        if read.append is None:
            continue
        event_id = read.append.event_id
        append = seal(read.append, head.position + 1)
        placed, head = place(append, head, event_id=event_id, at_us=now_us, meta=None)
        rows += placed
        if len(rows) >= BATCH:
            journal.insert(connection, rows)
            rows = []
    journal.insert(connection, rows)
    return Adopted(head, counts["events"], counts["persons"], exceptions), aside, further


def _persons(connection: sqlite3.Connection, now_us: int) -> Iterator[RowFacts]:
    for row in _rows(connection, _PERSONS):
        yield person_of_row(row, now_us)


def _events(connection: sqlite3.Connection, now_us: int) -> Iterator[RowFacts]:
    for row, detections in _with_detections(connection, _KEPT_ID):
        yield event_of_row(row, detections, row["id"], now_us)
    (last_kept,) = connection.execute(_LAST.format(which=_KEPT_ID)).fetchone()
    others = _with_detections(connection, _OTHER_ID)
    for event_id, (row, detections) in enumerate(others, last_kept + 1):
        yield event_of_row(row, detections, event_id, now_us)


def _with_detections(connection: sqlite3.Connection, which: str) -> Iterator[tuple[Row, list[Row]]]:
    """Each event's row and those of its detections: two queries in one order, read together."""
    detections = groupby(
        _rows(connection, _DETECTIONS.format(which=which)), key=itemgetter(_OF_EVENT)
    )
    of_event, group = next(detections, (None, iter(())))
    for row in _rows(connection, _EVENTS.format(which=which)):
        mine: list[Row] = []
        if of_event == row["id"]:
            mine = [_without(detection, _OF_EVENT) for detection in group]
            of_event, group = next(detections, (None, iter(())))
        yield row, mine


def _rows(connection: sqlite3.Connection, sql: str) -> Iterator[Row]:
    with closing(connection.cursor()) as cursor:
        cursor.row_factory = None
        cursor.execute(sql)
        names = [column[0].lower() for column in cursor.description]
        while some := cursor.fetchmany(BATCH):
            for values in some:
                yield dict(zip(names, values, strict=True))


def _without(row: Row, column: str) -> Row:
    del row[column]
    return row


def _set_aside(
    connection: sqlite3.Connection, table: Table, ids: Iterable[int], further: Iterable[int]
) -> None:
    """Copy rows unchanged to another table, and of other rows the unknown columns.

    The table is made only if there are any.
    """
    whole, in_part = [(row_id,) for row_id in ids], [(row_id,) for row_id in further]
    if not whole and not in_part:
        return
    taken = {name.lower() for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    names = chain([f"legacy_{table}"], (f"legacy_{table}_{number}" for number in count(2)))
    name = next(name for name in names if name not in taken)
    connection.execute(_ASIDE.format(name=name, table=table))
    connection.executemany(_COPY.format(name=name, table=table), whole)
    if in_part:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        kept = ("id", *(column for column in columns if column.lower() not in COLUMNS[table]))
        listed = ", ".join('"' + column.replace('"', '""') + '"' for column in kept)
        connection.executemany(_COPY_SOME.format(name=name, table=table, columns=listed), in_part)


def _text(raw: bytes) -> str | bytes:
    """Text; bytes where a program wrote something else than UTF-8 into a text column."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
