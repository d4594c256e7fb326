"""The security log for the owner: sign-ins, wrong guesses, changes of accounts and tokens.

Owns the table `security_log`. An entry holds ids; the name of an account that was removed is not
kept. Wrong guesses have a limit of their own, so that a flood of them pushes out nothing else.
Functions take the connection and the time in seconds since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from msgspec import Struct

from eventlog.record import ID_MAX

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS security_log (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    user_id  INTEGER,
    token_id INTEGER,
    address  TEXT    NOT NULL DEFAULT '',
    detail   TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS idx_security_log_kind ON security_log (kind, id)
"""

GUESSES: Final = ("wrong password", "wrong code", "too many guesses", "not allowed")
GUESSES_MAX: Final = 2_000
OTHERS_MAX: Final = 10_000
SHOWN: Final = 200

_MARKS: Final = ", ".join("?" * len(GUESSES))
_FORGET: Final = (
    "DELETE FROM security_log WHERE kind {which} ({marks}) AND id <="
    " (SELECT id FROM security_log WHERE kind {which} ({marks}) ORDER BY id DESC"
    " LIMIT 1 OFFSET ?)"
)


class Entry(Struct, frozen=True):
    """Something that happened to an account or a token; `at` is seconds since 1970."""

    id: int
    at: int
    kind: str
    user_id: int | None
    token_id: int | None
    address: str
    detail: str


def note(
    connection: sqlite3.Connection,
    kind: str,
    now_s: int,
    *,
    user_id: int | None = None,
    token_id: int | None = None,
    address: str = "",
    detail: str = "",
) -> None:
    """Add an entry; the oldest beyond the limit is forgotten."""
    connection.execute(
        "INSERT INTO security_log (at, kind, user_id, token_id, address, detail)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (now_s, kind, user_id, token_id, address, detail),
    )
    which, most = ("IN", GUESSES_MAX) if kind in GUESSES else ("NOT IN", OTHERS_MAX)
    sql = _FORGET.format(which=which, marks=_MARKS)
    connection.execute(sql, (*GUESSES, *GUESSES, most))


def newest(
    connection: sqlite3.Connection, limit: int = SHOWN, *, before: int | None = None
) -> list[Entry]:
    """The newest entries first; with `before` those that are older than that entry."""
    sql = (
        "SELECT id, at, kind, user_id, token_id, address, detail FROM security_log"
        " WHERE id < ? ORDER BY id DESC LIMIT ?"
    )
    start = ID_MAX if before is None else before
    return [Entry(*row) for row in connection.execute(sql, (start, limit))]
