"""What the tables of a log hold, row by row, for tests that compare two of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from eventlog.projections import VIEWS

Tables = dict[str, list[tuple[Any, ...]]]


def views_of(path: Path) -> Tables:
    """Every row of every view, in the order of their ids, and the sequences behind the ids."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = [table for view in VIEWS for table in view.tables]
        tables = {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall()
            for name in names
        }
        tables["sqlite_sequence"] = connection.execute(
            "SELECT name, seq FROM sqlite_sequence ORDER BY name"
        ).fetchall()
        return tables


def journal_of(path: Path) -> list[tuple[Any, ...]]:
    """Every row of the journal."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT * FROM journal ORDER BY position").fetchall()


def schema_of(path: Path) -> list[tuple[Any, ...]]:
    """Every table, index and trigger, with its SQL."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
        ).fetchall()


def soundness_of(path: Path) -> list[tuple[str]]:
    """What SQLite itself says of the file: [('ok',)] when it is sound."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall()
