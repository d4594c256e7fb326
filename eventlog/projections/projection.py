"""The type of a view: its tables as SQL, and a pure function that fills them.

A view is a value, not a subclass. It knows no database: what runs the statements, and beside
which tables (the live ones, or a replay's), is the projector's concern. In all SQL of a view
`{p}` is the prefix of its own tables and indexes and of those that its tables reference;
`str.format(p=...)` fills it in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from msgspec import Struct

from eventlog.record import Record


class Statement(NamedTuple):
    """SQL with the rows of parameters that it is to be run with, one after the other.

    Where `changes_each` is true, each row of parameters must change exactly one row of the
    table; where one does not, the record behind it can't be applied. `joinable` says that the SQL
    ends in plain VALUES (?, …), so that many rows may be run as one statement.
    """

    sql: str
    rows: list[tuple[Any, ...]]
    changes_each: bool
    joinable: bool = False


Row = tuple[Any, ...]

_PLACEHOLDER: Final = re.compile(r"\?(\d*)")


@cache
def positional(sql: str) -> tuple[str, Callable[[Row], Row] | None]:
    """SQL with `?` in place of `?1`, and what puts a row of parameters into that order.

    The views number the parameters that they use twice. Early releases of Python 3.12 warn where
    numbered placeholders are given a sequence, so what runs a statement runs it in this form.

    Args:
        sql: The SQL of a statement; its texts hold no question mark.

    Returns:
        The SQL, and the function that orders a row. None: the row is in order already.
    """
    order: list[int] = []
    for number in _PLACEHOLDER.findall(sql):
        # As SQLite counts: one without a number is the next after the largest before it.
        order.append(int(number) - 1 if number else max(order, default=-1) + 1)
    if order == list(range(len(order))):
        return _PLACEHOLDER.sub("?", sql), None
    return _PLACEHOLDER.sub("?", sql), lambda row: tuple(row[index] for index in order)


class Projection(Struct, frozen=True):
    """A read table and the pure rule that fills it.

    `apply` gets records in the order of their positions, only of the types in `handles`, and
    folds them in memory: what this batch begins is inserted complete, what an earlier one began
    is merged by one statement that needs no look at the table first. How records are cut into
    batches leaves no trace in the tables. It raises ValueError for a record that has no place
    in them.
    """

    name: str  # also the name of its main table
    version: int
    schema: str  # statements, separated by ';\n'
    handles: frozenset[type]  # the types of fact that it looks at
    apply: Callable[[Sequence[Record]], list[Statement]]

    @property
    def tables(self) -> tuple[str, ...]:
        """Its tables, the main one first."""
        return _names_after("CREATE TABLE", self.schema)

    @property
    def indexes(self) -> tuple[str, ...]:
        """Its indexes."""
        return _names_after("CREATE INDEX", self.schema)

    @property
    def parents(self) -> tuple[str, ...]:
        """The views whose tables its own reference."""
        referenced = _names_after("REFERENCES", self.schema)
        return tuple(name for name in referenced if name not in self.tables)


@cache
def _names_after(words: str, schema: str) -> tuple[str, ...]:
    """The names after these words in a schema, each once."""
    return tuple(dict.fromkeys(re.findall(rf"\b{words} \{{p\}}(\w+)", schema)))


def columns_of(schema: str) -> tuple[str, ...]:
    """The columns of a schema's first table, which has one line for each."""
    first, _, _ = schema.partition("\n)")
    return tuple(re.findall(r"^ {4}([a-z]\w*) ", first, re.MULTILINE))


def shown_columns(schema: str) -> tuple[str, ...]:
    """The columns that a reader is shown: all but the seals."""
    return tuple(name for name in columns_of(schema) if not name.endswith("sealed"))


def insert_into(table: str, columns: Sequence[str]) -> str:
    """The statement that inserts one row of these columns."""
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {{p}}{table} ({names}) VALUES ({marks})"


def latest_of(table: str, columns: Sequence[str], keys: Sequence[str]) -> str:
    """The statement that keeps one row for each value of the keys: the latest by `at_us`, `id`."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    return (
        f"{insert_into(table, columns)} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}"
        " WHERE (excluded.at_us, excluded.id) > (at_us, id)"
    )


def statements(*candidates: Statement) -> list[Statement]:
    """Those that have rows to run with."""
    return [statement for statement in candidates if statement.rows]
