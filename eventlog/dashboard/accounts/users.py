"""The users: their roles, and the browsers that they signed in with.

Owns the tables `users` and `devices`. A browser that has signed in keeps a cookie that opens
nothing; it only distinguishes the owner's own browsers while a password is being guessed. An
id is never given twice, so that a removed account keeps its number in the journal. Functions take
the connection and the time in seconds since 1970.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Final

from msgspec import Struct

from eventlog.dashboard.accounts import passwords, security_log
from eventlog.dashboard.accounts.roles import ROLES, Role
from eventlog.dashboard.accounts.secrets import hash_of, new_secret
from eventlog.errors import BadArgument
from eventlog.storage.connections import transaction

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
# What version 2 of the file added.
COLUMNS: Final = {
    "role": "TEXT NOT NULL DEFAULT 'viewer'",
    "totp_secret": "BLOB",
    "totp_step": "INTEGER NOT NULL DEFAULT 0",
    "seen_through": "INTEGER NOT NULL DEFAULT 0",
}

DEVICES_MAX: Final = 64  # remembered for each user, the latest
_NAME: Final = re.compile(r"[\w.@+-]{1,64}")


class User(Struct, frozen=True):
    """Somebody who may sign in; without a password only by a link."""

    id: int
    name: str
    password_hash: str | None
    role: Role = "owner"
    created_at: int = 0
    totp_secret: bytes | None = None
    totp_step: int = 0


_COLUMNS: Final = "id, name, password_hash, role, created_at, totp_secret, totp_step"


def add(
    connection: sqlite3.Connection,
    name: str,
    password: str | None,
    now_s: int,
    *,
    role: Role | None = None,
) -> int:
    """Make a user, or give a known one a new password; the answer is the user's id.

    `role` None makes the first user an owner and every other one a viewer, and leaves the role of
    a known one. A new password ends every session, link, browser and token of the user, but for
    tokens that are kept, in one transaction. Raises BadArgument.
    """
    check_name(name)
    hashed = None if password is None else passwords.hash_password(password, name)
    with transaction(connection):
        user = find(connection, name)
        if user is None:
            return _insert(connection, name, hashed, role, now_s)
        if hashed is not None:
            set_password(connection, user.id, hashed, now_s)
        if role is not None:
            _change_role(connection, user, role, now_s)
        return user.id


def add_hashed(
    connection: sqlite3.Connection, name: str, hashed: str, role: Role, now_s: int
) -> int:
    """Make a user with the hash of a password; the answer is the user's id.

    Raises BadArgument for a name that somebody has.
    """
    check_name(name)
    with transaction(connection):
        if find(connection, name) is not None:
            raise BadArgument(f"there is a user named {name!r} already")
        return _insert(connection, name, hashed, role, now_s)


def _insert(
    connection: sqlite3.Connection, name: str, hashed: str | None, role: Role | None, now_s: int
) -> int:
    if role is None:
        role = "viewer" if _owners(connection) else "owner"
    (user_id,) = connection.execute(
        "INSERT INTO users (name, password_hash, created_at, role) VALUES (?, ?, ?, ?)"
        " RETURNING id",
        (name, hashed, now_s, check_role(role)),
    ).fetchone()
    security_log.note(connection, "user added", now_s, user_id=user_id, detail=role)
    return int(user_id)


def set_password(connection: sqlite3.Connection, user_id: int, hashed: str, now_s: int) -> None:
    """Give a user a new password, inside the caller's transaction.

    Sessions, links, browsers, notified devices and tokens of before end with the old one; so do the
    owner's tokens that are not kept by name.
    """
    connection.execute("UPDATE users SET password_hash = ? WHERE id = ?", (hashed, user_id))
    for sql in (
        "DELETE FROM sessions WHERE user_id = ?",
        "DELETE FROM links WHERE user_id = ?",
        "DELETE FROM devices WHERE user_id = ?",
        "DELETE FROM push_subscriptions WHERE user_id = ?",
        "DELETE FROM tokens WHERE owner_id = ? AND NOT kept",
    ):
        connection.execute(sql, (user_id,))
    security_log.note(connection, "password changed", now_s, user_id=user_id)


def remove(connection: sqlite3.Connection, name: str, now_s: int) -> int:
    """Remove a user with all sessions and tokens; the answer is the id, which is not used again.

    Raises BadArgument for a name that there is not, and for the last owner.
    """
    with transaction(connection):
        user = require(connection, name)
        _require_another_owner(connection, user)
        connection.execute("DELETE FROM users WHERE id = ?", (user.id,))
        security_log.note(connection, "user removed", now_s, user_id=user.id)
        return user.id


def change_role(connection: sqlite3.Connection, name: str, role: Role, now_s: int) -> None:
    """Give a user another role; sessions and notified devices end. Raises as `remove` does.

    An owner who becomes less loses the links that share an event, and the tokens that are not kept.
    """
    with transaction(connection):
        _change_role(connection, require(connection, name), role, now_s)


def _change_role(connection: sqlite3.Connection, user: User, role: Role, now_s: int) -> None:
    if check_role(role) == user.role:
        return
    _require_another_owner(connection, user)
    connection.execute("UPDATE users SET role = ? WHERE id = ?", (role, user.id))
    connection.execute("DELETE FROM sessions WHERE user_id = ?", (user.id,))
    connection.execute("DELETE FROM push_subscriptions WHERE user_id = ?", (user.id,))
    if user.role == "owner":  # what only an owner may hand out
        for sql in (
            "DELETE FROM tokens WHERE owner_id = ? AND NOT kept",
            "DELETE FROM shared_links WHERE user_id = ?",
        ):
            connection.execute(sql, (user.id,))
    detail = f"{user.role} to {role}"
    security_log.note(connection, "role changed", now_s, user_id=user.id, detail=detail)


def find(connection: sqlite3.Connection, name: str) -> User | None:
    """The user of a name."""
    sql = f"SELECT {_COLUMNS} FROM users WHERE name = ?"  # noqa: S608 - columns of ours
    row = connection.execute(sql, (name,)).fetchone()
    return None if row is None else User(*row)


def find_by_id(connection: sqlite3.Connection, user_id: int) -> User | None:
    """The user of an id."""
    sql = f"SELECT {_COLUMNS} FROM users WHERE id = ?"  # noqa: S608 - columns of ours
    row = connection.execute(sql, (user_id,)).fetchone()
    return None if row is None else User(*row)


def require(connection: sqlite3.Connection, name: str) -> User:
    """The user of a name. Raises BadArgument if there is none."""
    user = find(connection, name)
    if user is None:
        raise BadArgument(f"there is no user named {name!r}")
    return user


def listed(connection: sqlite3.Connection) -> list[User]:
    """All users, by name."""
    sql = f"SELECT {_COLUMNS} FROM users ORDER BY name"  # noqa: S608 - columns of ours
    return [User(*row) for row in connection.execute(sql)]


def names(connection: sqlite3.Connection) -> dict[int, str]:
    """The name of each user by id, for showing who did what."""
    return dict(connection.execute("SELECT id, name FROM users").fetchall())


def count(connection: sqlite3.Connection) -> int:
    """How many users can sign in with a password."""
    sql = "SELECT count(*) FROM users WHERE password_hash IS NOT NULL"
    (number,) = connection.execute(sql).fetchone()
    return int(number)


def _owners(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT count(*) FROM users WHERE role = 'owner'").fetchone()
    return int(number)


def _require_another_owner(connection: sqlite3.Connection, user: User) -> None:
    if user.role == "owner" and _owners(connection) == 1:
        raise BadArgument(f"{user.name!r} is the only owner; make another user an owner first")


# ── browsers ───────────────────────────────────────────────────────────────────────────────


def remember(connection: sqlite3.Connection, user_id: int, secret: str, now_s: int) -> str:
    """Note that a user signs in with a browser that has this cookie; the answer is what it keeps.

    A cookie that is not one of the user's is replaced, since somebody else may have planted it.
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
    """Forget all of a user's browsers."""
    connection.execute("DELETE FROM devices WHERE user_id = ?", (user_id,))


# ── values ─────────────────────────────────────────────────────────────────────────────────


def check_name(name: str) -> None:
    """Raise BadArgument for what is not a user's name."""
    if not _NAME.fullmatch(name):
        raise BadArgument("a user's name has 1 to 64 letters, digits or any of _ . @ + -")


def check_role(role: str) -> Role:
    """The role. Raises BadArgument for what is not one."""
    if role not in ROLES:
        raise BadArgument(f"a role is {', '.join(ROLES[:-1])} or {ROLES[-1]}")
    return role


def is_password(user: User | None, password: str) -> bool:
    """Whether it is the user's password; takes as long where there is no such user."""
    return passwords.is_hashed(None if user is None else user.password_hash, password)
