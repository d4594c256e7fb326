"""Sessions: who is signed in, and one-time links to sign in by. They survive a restart.

Owns the tables `sessions` and `links`. A session ends 30 minutes after its last request, 12
hours after its sign-in at the latest, at sign-out, and at sign-out everywhere. Only hashes are
stored. Functions take the connection and the time in seconds since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from msgspec import Struct

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

IDLE_S: Final = 30 * 60
LONGEST_S: Final = 12 * 3600
TOUCH_S: Final = 60  # a session's last request is written this often at most
CLOCK_SLACK_S: Final = 300  # a session from further in the future is none
LINK_S: Final = 3600

_SELECT: Final = (
    "SELECT s.secret_hash, s.user_id, u.name, s.created_at, s.seen_at, s.address"
    " FROM sessions s JOIN users u ON u.id = s.user_id"
)
_ALIVE: Final = (
    f"s.seen_at > :now - {IDLE_S} AND s.created_at > :now - {LONGEST_S}"
    f" AND s.seen_at < :now + {CLOCK_SLACK_S} AND s.created_at < :now + {CLOCK_SLACK_S}"
)
_FORGET: Final = f"DELETE FROM sessions AS s WHERE NOT ({_ALIVE})"  # noqa: S608 - constants of ours


class Session(Struct, frozen=True):
    """A live session; times are seconds since 1970."""

    secret_hash: bytes
    user_id: int
    user_name: str
    created_at: int
    seen_at: int
    address: str


def begin(connection: sqlite3.Connection, user_id: int, address: str, now_s: int) -> str:
    """A new session's secret; dead ones are forgotten at the same time."""
    secret = new_secret()
    connection.execute(_FORGET, {"now": now_s})
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
        (hash_of(secret), user_id, now_s, now_s, address),
    )
    return secret


def find(
    connection: sqlite3.Connection, secret_hash: bytes, now_s: int, *, touch: bool
) -> Session | None:
    """The live session of a secret; with `touch` it is seen now."""
    row = connection.execute(f"{_SELECT} WHERE s.secret_hash = ?", (secret_hash,)).fetchone()
    if row is None:
        return None
    session = Session(*row)
    if not is_alive(session, now_s):
        end(connection, secret_hash)
        return None
    if touch and not session.seen_at <= now_s < session.seen_at + TOUCH_S:
        connection.execute(
            "UPDATE sessions SET seen_at = ? WHERE secret_hash = ?", (now_s, secret_hash)
        )
    return session


def is_alive(session: Session, now_s: int) -> bool:
    """Whether a session has not ended by its age."""
    idle, age = now_s - session.seen_at, now_s - session.created_at
    return -CLOCK_SLACK_S < idle < IDLE_S and -CLOCK_SLACK_S < age < LONGEST_S


def of_user(connection: sqlite3.Connection, user_id: int, now_s: int) -> list[Session]:
    """A user's live sessions, the newest first."""
    sql = f"{_SELECT} WHERE s.user_id = :user AND {_ALIVE} ORDER BY s.created_at DESC LIMIT 100"
    return [Session(*row) for row in connection.execute(sql, {"user": user_id, "now": now_s})]


def end(connection: sqlite3.Connection, secret_hash: bytes) -> None:
    """Sign out."""
    connection.execute("DELETE FROM sessions WHERE secret_hash = ?", (secret_hash,))


def end_all(connection: sqlite3.Connection, user_id: int) -> None:
    """Sign a user out everywhere."""
    connection.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))
    connection.execute("DELETE FROM links WHERE user_id = ?", (user_id,))


def end_everybodys(connection: sqlite3.Connection) -> None:
    """Sign everybody out."""
    connection.execute("DELETE FROM sessions")
    connection.execute("DELETE FROM links")


def make_link(connection: sqlite3.Connection, user_id: int, now_s: int) -> str:
    """A code that signs a user in once, within an hour."""
    code = new_secret()
    connection.execute("DELETE FROM links WHERE expires_at <= ?", (now_s,))
    row = (hash_of(code), user_id, now_s + LINK_S)
    connection.execute("INSERT INTO links VALUES (?, ?, ?)", row)
    return code


def use_link(connection: sqlite3.Connection, code: str, now_s: int) -> int | None:
    """The user whom a code signs in, and the code is used up; None where it is no good."""
    row = connection.execute(
        "DELETE FROM links WHERE code_hash = ? RETURNING user_id, expires_at", (hash_of(code),)
    ).fetchall()
    if not row or not now_s < row[0][1] <= now_s + LINK_S + CLOCK_SLACK_S:
        return None
    return int(row[0][0])
