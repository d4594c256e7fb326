"""The devices that take notifications by web push, of each user.

Queries of the table `push_subscriptions`. A subscription ends when it is removed, with its user,
when the browser signs out, when the session that made it is ended, with a new password or role, and
when its push service drops it; it does not end with the age of a session. Functions take the
connection and the time in seconds since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from msgspec import Struct

from eventlog.dashboard.accounts import security_log
from eventlog.errors import BadArgument
from eventlog.storage.connections import transaction

DEVICES_MAX: Final = 20  # of each user
FAILURE_MAX: Final = 64  # characters


class Subscription(Struct, frozen=True, kw_only=True):
    """What a browser gave, and by which key, session and browser it did."""

    endpoint: str
    public_key: bytes
    auth_secret: bytes
    server_key: bytes
    session_hash: bytes = b""
    browser_hash: bytes = b""
    device: str = ""


class PushDevice(Struct, frozen=True):
    """A subscribed device as a page shows it; times are seconds since 1970."""

    id: int
    user_id: int
    device: str
    created_at: int
    last_sent_at: int | None
    failure: str
    server_key: bytes
    browser_hash: bytes


def subscribe(
    connection: sqlite3.Connection, user_id: int, asked: Subscription, now_s: int, *, address: str
) -> None:
    """Add a device, or renew it; one that is known moves to this user.

    Raises BadArgument if the user has DEVICES_MAX others.
    """
    with transaction(connection):
        (others,) = connection.execute(
            "SELECT count(*) FROM push_subscriptions WHERE user_id = ? AND endpoint <> ?",
            (user_id, asked.endpoint),
        ).fetchone()
        if others >= DEVICES_MAX:
            raise BadArgument(f"{DEVICES_MAX} devices are notified already; remove one first")
        known = connection.execute(
            "DELETE FROM push_subscriptions WHERE endpoint = ?", (asked.endpoint,)
        ).rowcount
        connection.execute(
            "INSERT INTO push_subscriptions (user_id, endpoint, public_key, auth_secret, device,"
            " created_at, server_key, session_hash, browser_hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(user_id, asked.endpoint, asked.public_key, asked.auth_secret, asked.device),
                *(now_s, asked.server_key, asked.session_hash, asked.browser_hash),
            ),
        )
        kind = "notifications renewed" if known else "notifications on"
        security_log.note(
            connection, kind, now_s, user_id=user_id, address=address, detail=asked.device
        )


def remove(connection: sqlite3.Connection, user_id: int | None, device_id: int, now_s: int) -> bool:
    """Remove a device of a user, or of anybody with None; whether there was one."""
    return _removed(connection, user_id, device_id, now_s, "notifications off")


def listed(connection: sqlite3.Connection, user_id: int | None) -> list[PushDevice]:
    """A user's devices, or everybody's with None; the oldest first."""
    sql = (
        "SELECT id, user_id, device, created_at, last_sent_at, failure, server_key, browser_hash"
        " FROM push_subscriptions WHERE ?1 IS NULL OR user_id = ?1 ORDER BY id"
    )
    return [PushDevice(*row) for row in connection.execute(sql, (user_id,))]


# ── with sessions ──────────────────────────────────────────────────────────────────────────


def end_with_session(
    connection: sqlite3.Connection, user_id: int, session_hash: bytes, browser_hash: bytes = b""
) -> None:
    """Remove what a session made, or what this browser has: it was signed out."""
    connection.execute(
        "DELETE FROM push_subscriptions WHERE user_id = ?1 AND"
        " (session_hash = ?2 OR (browser_hash = ?3 AND ?3 <> x''))",
        (user_id, session_hash, browser_hash),
    )


def end_late(connection: sqlite3.Connection, session_hash: bytes) -> None:
    """Remove what a session made that had ended when the file could not be written."""
    connection.execute("DELETE FROM push_subscriptions WHERE session_hash = ?", (session_hash,))


def join_session(
    connection: sqlite3.Connection, user_id: int, session_hash: bytes, browser_hash: bytes
) -> None:
    """Bind a browser's devices to its new session."""
    connection.execute(
        "UPDATE push_subscriptions SET session_hash = ?2 WHERE user_id = ?1 AND browser_hash = ?3",
        (user_id, session_hash, browser_hash),
    )


# ── for who sends ──────────────────────────────────────────────────────────────────────────


def to_send(
    connection: sqlite3.Connection, server_key: bytes
) -> list[tuple[int, str, bytes, bytes, str]]:
    """The devices of a key: id, endpoint, public key, auth secret, last message."""
    sql = (
        "SELECT p.id, p.endpoint, p.public_key, p.auth_secret, p.last_message"
        " FROM push_subscriptions p JOIN users u ON u.id = p.user_id"
        " WHERE p.server_key = ? AND u.role <> 'kiosk' ORDER BY p.id"
    )
    return connection.execute(sql, (server_key,)).fetchall()


def note_sent(connection: sqlite3.Connection, device_id: int, message: str, now_s: int) -> None:
    """Note a device's last message."""
    connection.execute(
        "UPDATE push_subscriptions SET last_message = ?, last_sent_at = ?, failure = ''"
        " WHERE id = ?",
        (message, now_s, device_id),
    )


def note_failure(connection: sqlite3.Connection, device_id: int, why: str) -> None:
    """Note why a device's last message did not go out."""
    connection.execute(
        "UPDATE push_subscriptions SET failure = ?1 WHERE id = ?2 AND failure <> ?1",
        (why[:FAILURE_MAX], device_id),
    )


def drop(connection: sqlite3.Connection, device_id: int, now_s: int) -> None:
    """Remove a device that its push service does not know any more."""
    _removed(connection, None, device_id, now_s, "notifications ended")


def _removed(
    connection: sqlite3.Connection, user_id: int | None, device_id: int, now_s: int, noted: str
) -> bool:
    with transaction(connection):
        row = connection.execute(
            "DELETE FROM push_subscriptions WHERE id = ?1 AND (?2 IS NULL OR user_id = ?2)"
            " RETURNING user_id, device",
            (device_id, user_id),
        ).fetchone()
        if row is not None:
            security_log.note(connection, noted, now_s, user_id=row[0], detail=row[1])
        return row is not None
