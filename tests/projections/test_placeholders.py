"""Numbered placeholders in a view's SQL, and the form in which a statement is run."""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import closing
from typing import Any

import pytest

from eventlog.projections.projection import positional


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("SELECT ?, ?, ?", (1, 2, 3)),
        ("SELECT ?2, ?1, ?2", (1, 2)),
        ("SELECT ?1", (7,)),
        ("SELECT ?, ?, ?1", (1, 2)),
        ("SELECT ?, coalesce(?3, ?2), ?1", (1, None, 3)),
        ("SELECT ?12, ?1", tuple(range(12))),
        ("SELECT 1", ()),
    ],
)
def test_a_statement_says_the_same_in_either_form(sql: str, row: tuple[Any, ...]) -> None:
    """SQLite answers what it answers to the numbered form, and no Python warns."""
    text, ordered = positional(sql)
    with closing(sqlite3.connect(":memory:")) as connection:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the form that is replaced
            expected = connection.execute(sql, row).fetchone()
        found = connection.execute(text, row if ordered is None else ordered(row)).fetchone()
    assert found == expected
    assert not any(f"?{number}" in text for number in range(1, 13))
