"""Stores who is signed in, and one-time links to sign in by. They survive a restart.

Owns the tables `sessions` and `links`. A session ends 30 minutes after its last request and 12
hours after its sign-in, unless the owner sets other limits (`Lifetimes`), at sign-out, and at
sign-out everywhere; one that is kept on a device, and a kiosk's, ends after 90 days. A session may
be a kiosk's, which only looks, though its account may do more. Only hashes are stored. To find a
session writes nothing. Functions take the connection and the time in seconds since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from eventlog.dashboard.accounts.secrets import hash_of, new_secret

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    secret_hash BLOB    PRIMARY KEY,
    user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    address     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_sessions_user_id ON sessions (user_id);
CREATE TABLE IF NOT EXISTS links (
    code_hash  BLOB    PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID
"""
# What version 2 of the file added.
COLUMNS: Final = {
    "device": "TEXT NOT NULL DEFAULT ''",
    "kept": "INTEGER NOT NULL DEFAULT 0",
}

IDLE_S: Final = 30 * 60
LONGEST_S: Final = 12 * 3600
KEPT_S: Final = 90 * 24 * 3600
TOUCH_S: Final = 60  # a session's last request is written this often at most
CLOCK_SLACK_S: Final = 300  # a session from further in the future is not valid
LINK_S: Final = 3600
DEVICE_MAX: Final = 64  # characters of a device's name

# What the column `kept` holds.
KEPT: Final = 1
KIOSK: Final = 2

_SELECT: Final = (
    "SELECT s.secret_hash, s.user_id, u.name, s.created_at, s.seen_at, s.address, u.role,"
    " s.device, s.kept FROM sessions s JOIN users u ON u.id = s.user_id"
)


class Lifetimes(Struct, frozen=True, kw_only=True):
    """How long sessions last, in seconds.

    `idle_s` counts from the last request, `longest_s` from the sign-in, `kept_s` from the sign-in
    of a session that is kept on its device.
    """

    idle_s: int = IDLE_S
    longest_s: int = LONGEST_S
    kept_s: int = KEPT_S

    def idle(self, *, kept: bool) -> int:
        """How long a session lasts without a request."""
        return self.kept_s if kept else min(self.idle_s, self.longest_s)

    def longest(self, *, kept: bool) -> int:
        """How long a session lasts at most."""
        return self.kept_s if kept else self.longest_s


LIFETIMES: Final = Lifetimes()


class Session(Struct, frozen=True):
    """A live session; times are seconds since 1970."""

    secret_hash: bytes
    user_id: int
    user_name: str
    created_at: int
    seen_at: int
    address: str
    role: str = "owner"
    device: str = ""
    kept: int = 0

    @property
    def number(self) -> str:
        """Its name on a page: a part of the hash, from which no secret follows."""
        return self.secret_hash.hex()[:16]

    @property
    def is_kept(self) -> bool:
        """Whether it stays signed in on its device."""
        return bool(self.kept) or self.role == "kiosk"


def begin(
    connection: sqlite3.Connection,
    user_id: int,
    address: str,
    now_s: int,
    *,
    device: str = "",
    kept: int = 0,
    lifetimes: Lifetimes = LIFETIMES,
) -> str:
    """A new session's secret; dead ones are forgotten at the same time.

    `device` is a name for the browser; `kept` says that it stays signed in on this device, KEPT or
    KIOSK.
    """
    secret = new_secret()
    forget_dead(connection, now_s, lifetimes)
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
        (hash_of(secret), user_id, now_s, now_s, address, device[:DEVICE_MAX], kept),
    )
    return secret


def stored(connection: sqlite3.Connection, secret_hash: bytes) -> Session | None:
    """The session of a secret, ended by its age or not. Writes nothing."""
    row = connection.execute(f"{_SELECT} WHERE s.secret_hash = ?", (secret_hash,)).fetchone()
    return None if row is None else _session(row)


def _session(row: tuple[Any, ...]) -> Session:
    session = Session(*row)
    return replace(session, role="kiosk") if session.kept == KIOSK else session


def touch(connection: sqlite3.Connection, secret_hash: bytes, now_s: int) -> None:
    """Note that a session was used now."""
    connection.execute(
        "UPDATE sessions SET seen_at = ? WHERE secret_hash = ?", (now_s, secret_hash)
    )


def is_alive(session: Session, now_s: int, lifetimes: Lifetimes = LIFETIMES) -> bool:
    """Whether a session has not ended by its age."""
    idle_s, longest_s = (
        lifetimes.idle(kept=session.is_kept),
        lifetimes.longest(kept=session.is_kept),
    )
    idle, age = now_s - session.seen_at, now_s - session.created_at
    return -CLOCK_SLACK_S < idle < idle_s and -CLOCK_SLACK_S < age < longest_s


def of_user(
    connection: sqlite3.Connection, user_id: int, now_s: int, lifetimes: Lifetimes = LIFETIMES
) -> list[Session]:
    """A user's live sessions, the newest first."""
    sql = f"{_SELECT} WHERE s.user_id = ? ORDER BY s.created_at DESC LIMIT 1000"
    found = (_session(row) for row in connection.execute(sql, (user_id,)))
    return [session for session in found if is_alive(session, now_s, lifetimes)][:100]


def hashes_of(connection: sqlite3.Connection, user_id: int) -> list[bytes]:
    """The hashes of a user's sessions, ended by their age or not. Writes nothing."""
    sql = "SELECT secret_hash FROM sessions WHERE user_id = ?"
    return [secret_hash for (secret_hash,) in connection.execute(sql, (user_id,))]


def forget_dead(
    connection: sqlite3.Connection, now_s: int, lifetimes: Lifetimes = LIFETIMES
) -> None:
    """Delete the sessions that have ended by their age."""
    dead = [
        (session.secret_hash,)
        for session in (_session(row) for row in connection.execute(_SELECT))
        if not is_alive(session, now_s, lifetimes)
    ]
    connection.executemany("DELETE FROM sessions WHERE secret_hash = ?", dead)


def end(connection: sqlite3.Connection, secret_hash: bytes) -> None:
    """Sign out."""
    connection.execute("DELETE FROM sessions WHERE secret_hash = ?", (secret_hash,))


def end_all(connection: sqlite3.Connection, user_id: int) -> None:
    """Sign a user out everywhere, and notify none of the user's devices any more."""
    connection.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))
    connection.execute("DELETE FROM links WHERE user_id = ?", (user_id,))
    connection.execute("DELETE FROM push_subscriptions WHERE user_id = ?", (user_id,))


def end_everybodys(connection: sqlite3.Connection) -> None:
    """Sign everybody out."""
    connection.execute("DELETE FROM sessions")
    connection.execute("DELETE FROM links")
    connection.execute("DELETE FROM push_subscriptions")


def make_link(connection: sqlite3.Connection, user_id: int, now_s: int) -> str:
    """A code that signs a user in once, within an hour."""
    code = new_secret()
    connection.execute("DELETE FROM links WHERE expires_at <= ?", (now_s,))
    row = (hash_of(code), user_id, now_s + LINK_S)
    connection.execute("INSERT INTO links VALUES (?, ?, ?)", row)
    return code


def use_link(connection: sqlite3.Connection, code: str, now_s: int) -> int | None:
    """The user whom a code signs in, and the code is used up; None if it is not valid."""
    row = connection.execute(
        "DELETE FROM links WHERE code_hash = ? RETURNING user_id, expires_at", (hash_of(code),)
    ).fetchall()
    if not row or not now_s < row[0][1] <= now_s + LINK_S + CLOCK_SLACK_S:
        return None
    return int(row[0][0])
