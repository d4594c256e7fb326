"""Applies stored rows to views: decodes a batch, gets the statements of each view, runs them.

Synchronous, inside the caller's transaction and on tables of any prefix: the live ones, or those
that a replay fills. A record that can't be read or applied is returned with the reason, and the
others are applied; an error of the disk is raised.

Knows no view's tables, and no checkpoint.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain as flatten
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import BadRecord, JournalHole
from eventlog.facts import Opener
from eventlog.followers.opening import Opening
from eventlog.journal import table as journal
from eventlog.projections.projection import Projection, Statement, positional
from eventlog.record import Record, StoredRecord

# What a view or SQLite raises when a record does not fit, not when the disk fails.
_UNFIT: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


# This many rows in one INSERT are a fifth faster than one by one. The remainder runs singly:
# each number of rows is one more statement to prepare.
ROWS_JOINED: Final = 64


_NO_EVENT: Final = "the event that it belongs to has no row"


class Batch(Struct, frozen=True):
    """Rows that follow each other: the records among them, and those that can't be read.

    The records come in runs, each of which may be folded as one; an undamaged journal has one run.
    An opener whose event was opened already in its run gets its own run. Only a damaged or forged
    journal has such openers; without runs, the result would depend on how records are cut into
    batches.
    """

    first: int
    last: int
    runs: list[list[Record]]
    unread: list[tuple[int, str]]


class _Unapplied(ValueError):
    """A statement that should have changed one row for each record changed another number."""


def read(
    connection: sqlite3.Connection, after: int, limit: int, opening: Opening | None = None
) -> Batch | None:
    """The batch of up to `limit` records after a position, None at the end.

    `opening` opens their names; None is only for what is erased. Raises JournalHole, KeysMissing.
    """
    rows = journal.read_facts_after(connection, after, limit)
    if not rows:
        return None
    batch = _batch(rows, after)
    opening = Opening() if opening is None else opening
    return replace(batch, runs=[opening.opened(connection, run) for run in batch.runs])


def decode(rows: Sequence[StoredRecord], after: int) -> Batch:
    """The batch of rows that come after a position. Raises JournalHole."""
    return _batch([_FACT_COLUMNS(row) for row in rows], after)


_FACT_COLUMNS: Final = attrgetter(
    "position", "event_id", "kind", "version", "appended_at", "key", "meta", "body"
)


def _batch(rows: Sequence[tuple[Any, ...]], after: int) -> Batch:
    records: list[Record] = []
    runs = [records]
    unread: list[tuple[int, str]] = []
    seen: set[int | None] = set()
    expected = after
    for position, event_id, kind, version, appended_at_us, key, meta, body in rows:
        expected += 1
        if position != expected:
            raise JournalHole(expected, position)
        try:
            fact = codecs.decode(kind, version, body, position=position)
            codecs.check_time(position, kind, appended_at_us)
        except BadRecord as error:
            unread.append((position, f"{type(error).__name__}: {error}"))
        else:
            record = Record(position, event_id, appended_at_us, key, fact, b"", meta)
            if event_id in seen and isinstance(fact, Opener):
                records, seen = [], set()
                runs += [record], records
                continue
            records.append(record)
            seen.add(event_id)
    return Batch(after + 1, expected, runs, unread)


def statements(view: Projection, batch: Batch, after: int) -> list[Statement] | None:
    """The statements of a view for the records of a batch that it has not applied.

    None if a record does not fit, or if there are several runs; then `apply` handles each record.
    """
    if len(batch.runs) > 1:
        return None
    try:
        return view.apply(_unseen(view, batch.runs[0], after))
    except _UNFIT:
        return None


def apply(
    connection: sqlite3.Connection,
    views: Mapping[Projection, int],
    batch: Batch,
    *,
    prefix: str = "",
    ready: Mapping[str, list[Statement] | None] = MappingProxyType({}),
) -> dict[str, list[tuple[int, str]]]:
    """Apply a batch to views, parents first, each mapped to the position it has come to.

    Returns, for each view, the records that it could not apply, with reasons. If a record does not
    fit, its run is applied record by record, each to all views, so that the parked records do not
    depend on the batches. `ready` are statements that were computed before.
    """
    parked = {
        view.name: [(position, reason) for position, reason in batch.unread if position > after]
        for view, after in views.items()
    }
    for run in batch.runs:
        # A run of one among others is most likely an opener that does not fit.
        alone = len(run) == 1 < len(batch.runs)
        if alone or not _fits(connection, run, views, prefix, ready):
            for record in run:
                _apply_singly(connection, record, views, parked, prefix)
    return parked


def _fits(
    connection: sqlite3.Connection,
    run: list[Record],
    views: Mapping[Projection, int],
    prefix: str,
    ready: Mapping[str, list[Statement] | None],
) -> bool:
    """Apply a run as one, or nothing of it if a record does not fit."""
    unseen = {view: _unseen(view, run, after) for view, after in views.items()}
    connection.execute("SAVEPOINT run")
    try:
        for view, records in unseen.items():
            if not records:
                continue
            computed = ready.get(view.name)
            _run(connection, view.apply(records) if computed is None else computed, prefix)
    except _UNFIT:
        connection.execute("ROLLBACK TO run")
        connection.execute("RELEASE run")
        return False
    connection.execute("RELEASE run")
    return True


def _unseen(view: Projection, run: list[Record], after: int) -> list[Record]:
    handles = view.handles
    if run and after < run[0].position:
        return [record for record in run if type(record.fact) in handles]
    return [record for record in run if record.position > after and type(record.fact) in handles]


def _apply_singly(
    connection: sqlite3.Connection,
    record: Record,
    views: Mapping[Projection, int],
    parked: dict[str, list[tuple[int, str]]],
    prefix: str,
) -> None:
    for view, after in views.items():
        if record.position <= after or type(record.fact) not in view.handles:
            continue
        connection.execute("SAVEPOINT single")
        try:
            _run(connection, view.apply([record]), prefix)
        except _UNFIT as error:
            connection.execute("ROLLBACK TO single")
            parked[view.name].append((record.position, _reason(error, prefix)))
        connection.execute("RELEASE single")


def _run(connection: sqlite3.Connection, some: Sequence[Statement], prefix: str) -> None:
    for statement in some:
        rows, changed = statement.rows, 0
        if statement.joinable:
            whole = len(rows) - len(rows) % ROWS_JOINED
            for start in range(0, whole, ROWS_JOINED):
                joined = list(flatten.from_iterable(rows[start : start + ROWS_JOINED]))
                changed += connection.execute(_joined_sql(statement.sql, prefix), joined).rowcount
            rows = rows[whole:]
        sql, ordered = positional(_sql(statement.sql, prefix))
        parameters = rows if ordered is None else list(map(ordered, rows))
        changed += connection.executemany(sql, parameters).rowcount
        if statement.changes_each and changed != len(statement.rows):
            raise _Unapplied(_NO_EVENT)


@cache
def _joined_sql(sql: str, prefix: str) -> str:
    one = _sql(sql, prefix)
    return one + f", {one[one.rindex('(') :]}" * (ROWS_JOINED - 1)


@cache
def _sql(sql: str, prefix: str) -> str:
    return sql.format(p=prefix)


def _reason(error: Exception, prefix: str) -> str:
    # SQLite's and Python's sentences name columns and types, and may repeat a value: a name
    # must be in no reason, so only our own sentences are kept in full.
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return f"Unapplied: {_NO_EVENT}"
    if isinstance(error, (_Unapplied, sqlite3.IntegrityError)):
        sentence = str(error).replace(f" {prefix}", " ")  # a replay's names are the live ones soon
        return f"{type(error).__name__.lstrip('_')}: {sentence}"
    return type(error).__name__
