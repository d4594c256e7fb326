"""Users and their passwords: argon2 hashes, and the browsers that each signed in with.

Owns the tables `users` and `devices`. A browser that has signed in keeps a cookie that opens
nothing; it only tells the owner's own browsers from others while a password is being guessed.
Hashing takes a fifth of a second and 64 MB, so callers run it in a thread. Knows nothing of
sessions.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from msgspec import Struct

from eventlog.dashboard.accounts.secrets import hash_of, new_secret
from eventlog.errors import BadArgument

# `addresses` is what a file of an older build has in the place of `devices`.
SCHEMA: Final = """
DROP TABLE IF EXISTS addresses;
CREATE TABLE IF NOT EXISTS users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    password_hash TEXT,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS devices (
    user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    secret_hash BLOB    NOT NULL,
    seen_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, secret_hash)
) STRICT, WITHOUT ROWID
"""

PASSWORD_MIN: Final = 8  # characters
PASSWORD_MAX: Final = 256
DEVICES_MAX: Final = 64  # remembered for each user, the latest
_NAME: Final = re.compile(r"[\w.@+-]{1,64}")


class User(Struct, frozen=True):
    """Somebody who may sign in; without a password only by a link."""

    id: int
    name: str
    password_hash: str | None


def add(connection: sqlite3.Connection, name: str, password: str | None, now_s: int) -> int:
    """Make a user, or give a known one a new password; the answer is the user's id.

    A new password ends every session of the user, and no browser is known any more. Raises
    BadArgument.
    """
    check_name(name)
    hashed = None if password is None else hash_password(password)
    row = connection.execute("SELECT id FROM users WHERE name = ?", (name,)).fetchone()
    if row is None:
        sql = "INSERT INTO users (name, password_hash, created_at) VALUES (?, ?, ?) RETURNING id"
        (user_id,) = connection.execute(sql, (name, hashed, now_s)).fetchone()
        return int(user_id)
    if hashed is not None:
        connection.execute("UPDATE users SET password_hash = ? WHERE id = ?", (hashed, row[0]))
        connection.execute("DELETE FROM sessions WHERE user_id = ?", row)
        forget_devices(connection, row[0])
    return int(row[0])


def find(connection: sqlite3.Connection, name: str) -> User | None:
    """The user of a name."""
    sql = "SELECT id, name, password_hash FROM users WHERE name = ?"
    row = connection.execute(sql, (name,)).fetchone()
    return None if row is None else User(*row)


def count(connection: sqlite3.Connection) -> int:
    """How many users can sign in with a password."""
    sql = "SELECT count(*) FROM users WHERE password_hash IS NOT NULL"
    (number,) = connection.execute(sql).fetchone()
    return int(number)


def remember(connection: sqlite3.Connection, user_id: int, secret: str, now_s: int) -> str:
    """Note that a user signs in with a browser that has this cookie; the answer is what it keeps.

    A cookie that is none of the user's is replaced, since somebody else may have planted it.
    """
    if not knows(connection, user_id, secret):
        secret = new_secret()
    row = (user_id, hash_of(secret), now_s)
    connection.execute("REPLACE INTO devices VALUES (?, ?, ?)", row)
    connection.execute(
        "DELETE FROM devices WHERE user_id = ? AND secret_hash NOT IN"
        " (SELECT secret_hash FROM devices WHERE user_id = ? ORDER BY seen_at DESC LIMIT ?)",
        (user_id, user_id, DEVICES_MAX),
    )
    return secret


def knows(connection: sqlite3.Connection, user_id: int, secret: str) -> bool:
    """Whether a user signed in with the browser that has this cookie."""
    sql = "SELECT 1 FROM devices WHERE user_id = ? AND secret_hash = ?"
    return connection.execute(sql, (user_id, hash_of(secret))).fetchone() is not None


def forget_devices(connection: sqlite3.Connection, user_id: int) -> None:
    """Know none of a user's browsers any more."""
    connection.execute("DELETE FROM devices WHERE user_id = ?", (user_id,))


def check_name(name: str) -> None:
    """Raise BadArgument for what is no user's name."""
    if not _NAME.fullmatch(name):
        raise BadArgument("a user's name has 1 to 64 letters, digits or any of _ . @ + -")


# ── passwords ──────────────────────────────────────────────────────────────────────────────


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("nobody's password")


def check_password(password: str) -> None:
    """Raise BadArgument for a password that is too short or too long."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise BadArgument(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")


def hash_password(password: str) -> str:
    """The argon2id hash of a password. Raises BadArgument for one too short or too long."""
    check_password(password)
    return _hasher().hash(_typed(password))


def is_password(user: User | None, password: str) -> bool:
    """Whether it is the user's password; takes as long where there is no such user."""
    hashed = None if user is None else user.password_hash
    try:
        _hasher().verify(hashed or _nobodys_hash(), _typed(password[:PASSWORD_MAX]))
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
    return hashed is not None


def _typed(password: str) -> bytes:
    # Keyboards differ in how they compose a letter and its accent.
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace")
