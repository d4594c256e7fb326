"""The checkpoints of views and reactors, and the records that a view could not apply.

Owns the tables `checkpoints` and `parked`. A checkpoint moves in one function only, by
compare-and-set, inside the transaction that fills the view. Knows views by name. A reactor's
row has the name `reactor:NAME`, so that no view can be confused with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from eventlog.errors import CheckpointMoved

REACTOR: Final = "reactor:"
READ: Final = "SELECT view, version, position FROM checkpoints WHERE view NOT GLOB 'reactor:*'"
READ_REACTORS: Final = "SELECT view, version, position FROM checkpoints WHERE view GLOB 'reactor:*'"
READ_REACTOR: Final = "SELECT version, position FROM checkpoints WHERE view = ?"
MOVE: Final = (
    "UPDATE checkpoints SET position = :to WHERE view = :view AND version = :version"
    " AND position = :from"
)
RESET: Final = (
    "INSERT INTO checkpoints (view, version, position) VALUES (?, ?, ?)"
    " ON CONFLICT (view) DO UPDATE SET version = excluded.version, position = excluded.position"
)
PARK: Final = "INSERT INTO parked (view, position, reason) VALUES (?, ?, ?)"
UNPARK: Final = "DELETE FROM parked WHERE view = ?"
PARKED: Final = "SELECT view, position, reason FROM parked ORDER BY position, view LIMIT ?"
PARKED_OF_VIEW: Final = "SELECT position, reason FROM parked WHERE view = ? ORDER BY position"
PARKED_COUNTS: Final = "SELECT view, count(*) FROM parked GROUP BY view"

REASON_LENGTH_MAX: Final = 500


class Checkpoint(Struct, frozen=True):
    """How far a view has come.

    Args:
        version: The version of the view that applied the records.
        position: The last position that it has applied.
    """

    version: int
    position: int


class Parked(Struct, frozen=True):
    """A record that a view could not apply."""

    view: str
    position: int
    reason: str


VersionState: TypeAlias = Literal["missing", "older", "same", "newer"]


def version_state(at: Mapping[str, Checkpoint], view: str, version: int) -> VersionState:
    """Compare the version of a view that filled its tables with this program's version of it.

    Args:
        at: The log's checkpoints, as `read` answers them.
        view: The view's name.
        version: This program's version of it.

    Returns:
        "same" where the tables can be read and carried on; "older" or "newer" by the version that
        filled them; "missing" where the view has no checkpoint.
    """
    checkpoint = at.get(view)
    if checkpoint is None:
        return "missing"
    if checkpoint.version == version:
        return "same"
    return "older" if checkpoint.version < version else "newer"


def read(connection: sqlite3.Connection) -> dict[str, Checkpoint]:
    """Each view's checkpoint."""
    return {
        view: Checkpoint(version, position) for view, version, position in connection.execute(READ)
    }


def read_reactor(connection: sqlite3.Connection, name: str) -> Checkpoint | None:
    """A reactor's checkpoint; None if it has never run."""
    row = connection.execute(READ_REACTOR, (REACTOR + name,)).fetchone()
    return None if row is None else Checkpoint(*row)


def read_reactors(connection: sqlite3.Connection) -> dict[str, Checkpoint]:
    """Each reactor's checkpoint, by the reactor's name."""
    return {
        name.removeprefix(REACTOR): Checkpoint(version, position)
        for name, version, position in connection.execute(READ_REACTORS)
    }


def reset(connection: sqlite3.Connection, view: str, version: int, position: int = 0) -> None:
    """Set a view's checkpoint to a position and delete what was parked for it."""
    connection.execute(RESET, (view, version, position))
    connection.execute(UNPARK, (view,))


def move(connection: sqlite3.Connection, view: str, at: Checkpoint, to: int) -> None:
    """Move a view's checkpoint on. Raises CheckpointMoved unless it is where it was read."""
    moved = connection.execute(
        MOVE, {"view": view, "version": at.version, "from": at.position, "to": to}
    ).rowcount
    if moved != 1:
        raise CheckpointMoved(f"the checkpoint of {view} is no longer at {at.position}")


def park(connection: sqlite3.Connection, view: str, records: Iterable[tuple[int, str]]) -> None:
    """Park records, each with the reason."""
    connection.executemany(
        PARK, [(view, position, reason[:REASON_LENGTH_MAX]) for position, reason in records]
    )


def parked(connection: sqlite3.Connection, *, limit: int = 1000) -> list[Parked]:
    """What is parked, by position."""
    return [Parked(*row) for row in connection.execute(PARKED, (limit,))]


def parked_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """How many records are parked for each view."""
    return dict(connection.execute(PARKED_COUNTS).fetchall())
