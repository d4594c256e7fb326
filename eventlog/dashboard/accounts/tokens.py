"""API tokens: for programs, each with its scopes. Shown once, stored as a hash.

Owns the table `tokens`. Functions take the connection and the time in seconds since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct

from eventlog.dashboard.accounts.secrets import hash_of, new_secret
from eventlog.errors import BadArgument

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tokens (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL UNIQUE,
    secret_hash BLOB    NOT NULL UNIQUE,
    may_read    INTEGER NOT NULL,
    may_append  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT
"""

Scope: TypeAlias = Literal["read", "append"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
PREFIX: Final = "evl_"  # lets scanners for leaked secrets know what it is
NAME_MAX: Final = 64


class Token(Struct, frozen=True):
    """A token without its secret."""

    id: int
    name: str
    may_read: bool
    may_append: bool
    created_at: int

    @property
    def scopes(self) -> list[Scope]:
        """What it may do."""
        may = {"read": self.may_read, "append": self.may_append}
        return [scope for scope in SCOPES if may[scope]]


_COLUMNS: Final = "id, name, may_read, may_append, created_at"


def add(connection: sqlite3.Connection, name: str, scopes: set[Scope], now_s: int) -> str:
    """A new token's secret. Raises BadArgument for a name that is taken or scopes that are none."""
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise BadArgument(f"a token's name has 1 to {NAME_MAX} printable characters")
    if not scopes or not scopes <= set(SCOPES):
        raise BadArgument("a token's scope is read, append or both")
    secret = PREFIX + new_secret()
    taken = connection.execute("SELECT 1 FROM tokens WHERE name = ?", (name,)).fetchone()
    if taken:
        raise BadArgument(f"there is a token named {name!r} already")
    connection.execute(
        "INSERT INTO tokens (name, secret_hash, may_read, may_append, created_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (name, hash_of(secret), "read" in scopes, "append" in scopes, now_s),
    )
    return secret


def find(connection: sqlite3.Connection, secret: str) -> Token | None:
    """The token of a secret."""
    sql = f"SELECT {_COLUMNS} FROM tokens WHERE secret_hash = ?"  # noqa: S608 - columns of ours
    row = connection.execute(sql, (hash_of(secret),)).fetchone()
    return None if row is None else _token(row)


def listed(connection: sqlite3.Connection) -> list[Token]:
    """All tokens, by name."""
    sql = f"SELECT {_COLUMNS} FROM tokens ORDER BY name"  # noqa: S608 - columns of ours
    return [_token(row) for row in connection.execute(sql)]


def remove(connection: sqlite3.Connection, token_id: int) -> None:
    """Revoke a token."""
    connection.execute("DELETE FROM tokens WHERE id = ?", (token_id,))


def _token(row: tuple[int, str, int, int, int]) -> Token:
    return Token(row[0], row[1], bool(row[2]), bool(row[3]), row[4])
