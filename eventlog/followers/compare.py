"""Compares the live views with a replay of the journal, row by row.

Applies the journal up to the live checkpoints to a temporary database, and compares each table
with its twin in the order of the ids, and the parked records too. The log is read in one snapshot
and not written, appends continue, and memory use stays constant. A view that has not applied an
erasure yet still names the person, and a replay can't: such rows are not compared. Knows the views
by schema only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec import Struct

from eventlog.errors import JournalHole
from eventlog.facts import PersonErased
from eventlog.followers import checkpoints, fold, view_tables
from eventlog.followers.checkpoints import Checkpoint
from eventlog.followers.opening import Opening
from eventlog.journal import sealing
from eventlog.journal import table as journal
from eventlog.journal.progress import Progress
from eventlog.journal.table import SCHEMA
from eventlog.projections import VIEWS
from eventlog.projections.projection import Projection
from eventlog.storage.error_translation import translated
from eventlog.storage.read_only import opened

BATCH: Final = 1000
# How many differences of one table are listed.
KEPT_PER_TABLE: Final = 1000

COLUMNS: Final = "SELECT name FROM pragma_table_info(?) ORDER BY cid"
_Row: TypeAlias = tuple[Any, ...]
_PARKED: Final = "parked"
_SCRATCH: Final = Path("the temporary database")


class Difference(Struct, frozen=True):
    """One place where a live view is not what a replay makes.

    `id` and `column` are None if the difference is in the table itself, or in all of a row. No
    value is repeated here: it may be a name.
    """

    table: str
    id: int | None
    column: str | None
    what: str

    def __str__(self) -> str:
        """The place and the difference, as a sentence."""
        row = "" if self.id is None else f", row {self.id}"
        column = "" if self.column is None else f", column {self.column}"
        return f"{self.table}{row}{column}: {self.what}"


def check(
    db_path: Path,
    *,
    ours: bool = True,
    progress: Progress | None = None,
    names: Opening | None = None,
) -> list[Difference]:
    """Compare the views of a log with what a replay would make.

    Args:
        db_path: The log.
        ours: Whether the file's header must say that it is an event log; a copy made by `.dump`
            does not.
        progress: Called with the position reached and the last one; None for no calls.
        names: What opens sealed names. None: only those of a log in clear can be compared.

    Returns:
        Every difference, in the order of tables and rows.

    Raises:
        DatabaseMissing, NotADatabase, ForeignDatabase, NewerDatabase: There is no log.
        JournalHole: A record is missing.
        KeysMissing: A name is sealed, and nothing opens it.
        DatabaseError: The log can't be read.
    """
    with opened(db_path, ours=ours) as log, translated(db_path), closing(_scratch()) as rebuilt:
        live = log.connection
        live.execute("BEGIN")
        found: list[Difference] = []
        views = _comparable(live, found)
        _rebuild(live, rebuilt, views, progress, names or _opening(live))
        found += _compare(live, rebuilt, views, _erasures(db_path, views, ours=ours))
        return found


def _erasures(
    db_path: Path, views: Sequence[tuple[Projection, Checkpoint]], *, ours: bool
) -> list[tuple[int, PersonErased]]:
    """The erasures that a view has not applied, those of during the comparison too."""
    applied = min((checkpoint.position for _, checkpoint in views), default=0)
    with opened(db_path, ours=ours) as log:
        return list(sealing.erased_after(log.connection, applied))


def _opening(live: sqlite3.Connection) -> Opening:
    """What opens no name, and stops where the log is sealed."""
    return Opening(required=sealing.read(live) is not None)


def _scratch() -> sqlite3.Connection:
    """A log without views in a temporary file, which SQLite deletes when it is closed."""
    connection = sqlite3.connect("", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = MEMORY")
    connection.executescript(SCHEMA)
    return connection


def _comparable(
    live: sqlite3.Connection, found: list[Difference]
) -> list[tuple[Projection, Checkpoint]]:
    """The comparable views, with their checkpoints; why others can't be compared goes into `found`.

    A view is left out with its parents: its rows reference theirs.
    """
    present = {name for (name,) in live.execute("SELECT name FROM sqlite_schema")}
    at = checkpoints.read(live)
    end = journal.last_position(live)
    views: list[tuple[Projection, Checkpoint]] = []
    for view in VIEWS:
        checkpoint = at.get(view.name)
        gone = [table for table in view.tables if table not in present]
        if checkpoint is None:
            what = "the view has no checkpoint"
        elif gone:
            what = f"{', '.join(gone)} is missing"
        elif checkpoints.version_state(at, view.name, view.version) != "same":
            what = f"version {checkpoint.version} of the view filled it, not {view.version}"
        elif checkpoint.position > end:
            what = f"the view is at {checkpoint.position}, and the journal ends at {end}"
        elif not {known.name for known, _ in views}.issuperset(view.parents):
            what = "a view that its rows reference can't be compared"
        else:
            views.append((view, checkpoint))
            continue
        found.append(Difference(view.name, None, None, what))
    return views


def _rebuild(
    live: sqlite3.Connection,
    rebuilt: sqlite3.Connection,
    views: Sequence[tuple[Projection, Checkpoint]],
    progress: Progress | None,
    names: Opening,
) -> None:
    """Fold the journal into the twins, each view as far as its live checkpoint."""
    for view, _ in views:
        view_tables.create_tables(rebuilt, view)
    position = 0
    # The views may be at different positions: no batch goes past one of them.
    ends = sorted({checkpoint.position for _, checkpoint in views})
    for end in ends:
        going = [view for view, checkpoint in views if checkpoint.position >= end]
        while position < end:
            batch = fold.read(live, position, min(BATCH, end - position), names)
            if batch is None:
                raise JournalHole(position + 1, end)
            with translated(_SCRATCH):
                rebuilt.execute("BEGIN")
                for name, parked in fold.apply(
                    rebuilt, dict.fromkeys(going, position), batch
                ).items():
                    checkpoints.park(rebuilt, name, parked)
                rebuilt.execute("COMMIT")
            position = batch.last
            if progress is not None:
                progress(position, ends[-1])


def _compare(
    live: sqlite3.Connection,
    rebuilt: sqlite3.Connection,
    views: Sequence[tuple[Projection, Checkpoint]],
    erasures: Sequence[tuple[int, PersonErased]],
) -> Iterator[Difference]:
    alike = set()
    for table in [*(table for view, _ in views for table in view.tables), _PARKED]:
        stored, made = _objects(live, table), _objects(rebuilt, table)
        # What the owner has added to a read table is not part of the view.
        names = sorted(name for name in made if stored.get(name) != made[name])
        if names:
            yield Difference(table, None, None, f"the schema of {', '.join(names)} is different")
        if stored.get(table) == made[table]:
            alike.add(table)
    walks = [walk for walk in _walks(rebuilt, views, erasures) if walk.table in alike]
    # Damage may have left text that is not UTF-8, so bytes are compared.
    live.text_factory = rebuilt.text_factory = bytes
    for walk in walks:
        differences = _rows(live, rebuilt, walk)
        yield from islice(differences, KEPT_PER_TABLE)
        if next(differences, None) is not None:
            yield Difference(walk.table, None, None, f"and more rows are different{walk.of}")


def _objects(connection: sqlite3.Connection, table: str) -> dict[str, str | None]:
    """A table and its indexes, each as the schema has it."""
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE tbl_name = ?", (table,))
    return dict(rows.fetchall())


class _Walk(NamedTuple):
    """Rows of a table in the order of their ids: the id, then a value for each of the columns."""

    table: str
    columns: Sequence[str]
    sql: str
    parameters: tuple[str, ...] = ()
    of: str = ""
    late: frozenset[bytes] = frozenset()  # seals whose erasure the view has not applied


def _walks(
    rebuilt: sqlite3.Connection,
    views: Sequence[tuple[Projection, Checkpoint]],
    erasures: Sequence[tuple[int, PersonErased]],
) -> Iterator[_Walk]:
    """What is compared: each table of the views, and what is parked for each of them."""
    for view, at in views:
        late = frozenset(s for p, fact in erasures if p > at.position for s in fact.sealed)
        for table in view.tables:
            columns = [name for (name,) in rebuilt.execute(COLUMNS, (table,))]
            sql = f"SELECT id, * FROM {table} ORDER BY id"  # noqa: S608 - of a view
            yield _Walk(table, columns, sql, late=late)
    for view, _ in views:
        of = f" for the view {view.name}"
        yield _Walk(_PARKED, ["reason"], checkpoints.PARKED_OF_VIEW, (view.name,), of)


def _rows(
    live: sqlite3.Connection, rebuilt: sqlite3.Connection, walk: _Walk
) -> Iterator[Difference]:
    """The differences of rows and their twins, walked side by side in the order of the ids."""
    table, columns, of = walk.table, walk.columns, walk.of
    for row, twin in _pairs(live, rebuilt, walk):
        if row == twin or not walk.late.isdisjoint((*(row or ()), *(twin or ()))):
            continue
        if twin is None and row is not None:
            yield Difference(table, row[0], None, f"a replay makes no such row{of}")
        elif row is None and twin is not None:
            yield Difference(table, twin[0], None, f"it is missing, and a replay makes it{of}")
        elif row is not None and twin is not None:
            for column, value, other in zip(columns, row[1:], twin[1:], strict=True):
                if value != other:
                    yield Difference(table, row[0], column, f"a replay makes another value{of}")


def _pairs(
    live: sqlite3.Connection, rebuilt: sqlite3.Connection, walk: _Walk
) -> Iterator[tuple[_Row | None, _Row | None]]:
    """The rows of either side with the same id; None where a side has none."""
    with (
        closing(live.execute(walk.sql, walk.parameters)) as ours,
        closing(rebuilt.execute(walk.sql, walk.parameters)) as theirs,
    ):
        row, twin = next(ours, None), next(theirs, None)
        while row is not None or twin is not None:
            if row is not None and (twin is None or row[0] < twin[0]):
                yield row, None
                row = next(ours, None)
            elif twin is not None and (row is None or twin[0] < row[0]):
                yield None, twin
                twin = next(theirs, None)
            else:
                yield row, twin
                row, twin = next(ours, None), next(theirs, None)
