"""Links that show one event to somebody without an account, for a day.

Queries of the table `shared_links`. Of a link's secret its hash is kept. A link can be revoked,
ends after a day and after OPENED_MAX openings, and each opening is in the security log. Functions
take the connection and the time in seconds since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from msgspec import Struct

from eventlog.dashboard.accounts import security_log
from eventlog.dashboard.accounts.secrets import hash_of, new_secret
from eventlog.errors import BadArgument
from eventlog.storage.connections import transaction

LASTS_S: Final = 24 * 3600
LIVE_MAX: Final = 100  # links that are open at once
OPENED_MAX: Final = 100  # openings of one link, so that it can't flood the security log


class Link(Struct, frozen=True):
    """A link; times are seconds since 1970."""

    id: int
    user_id: int
    event_id: int
    created_at: int
    expires_at: int
    opened: int
    opened_at: int | None


_SELECT: Final = (
    "SELECT id, user_id, event_id, created_at, expires_at, opened, opened_at FROM shared_links"
)
# A clock that was set back ends a link: it would last for longer than a day.
_LIVE: Final = f"created_at <= ?1 AND expires_at > ?1 AND opened < {OPENED_MAX}"


def make(connection: sqlite3.Connection, user_id: int, event_id: int, now_s: int) -> str:
    """A new link's secret, which can't be shown again. Raises BadArgument for too many."""
    secret = new_secret()
    with transaction(connection):
        connection.execute(f"DELETE FROM shared_links WHERE NOT ({_LIVE})", (now_s,))  # noqa: S608 - a term of ours
        (live,) = connection.execute("SELECT count(*) FROM shared_links").fetchone()
        if live >= LIVE_MAX:
            raise BadArgument(f"{LIVE_MAX} links are open already; revoke one first")
        connection.execute(
            "INSERT INTO shared_links (user_id, event_id, secret_hash, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (user_id, event_id, hash_of(secret), now_s, now_s + LASTS_S),
        )
        _note(connection, "event shared", now_s, (user_id, event_id))
    return secret


def open_link(
    connection: sqlite3.Connection, secret: str, now_s: int, *, address: str
) -> Link | None:
    """The link of a secret, opened now; None if it has ended or never was."""
    with transaction(connection):
        row = connection.execute(
            "UPDATE shared_links SET opened = opened + 1, opened_at = ?1"  # noqa: S608 - a term of ours
            f" WHERE secret_hash = ?2 AND {_LIVE} RETURNING id, user_id, event_id, created_at,"
            " expires_at, opened, opened_at",
            (now_s, hash_of(secret)),
        ).fetchone()
        if row is None:
            return None
        link = Link(*row)
        _note(connection, "shared event opened", now_s, (link.user_id, link.event_id), address)
    return link


def revoke(connection: sqlite3.Connection, link_id: int, now_s: int) -> None:
    """End a link at once."""
    with transaction(connection):
        row = connection.execute(
            "DELETE FROM shared_links WHERE id = ? RETURNING user_id, event_id", (link_id,)
        ).fetchone()
        if row is not None:
            _note(connection, "shared event revoked", now_s, row)


def of_event(connection: sqlite3.Connection, event_id: int, now_s: int) -> list[Link]:
    """The live links of an event, the oldest first."""
    sql = f"{_SELECT} WHERE event_id = ?2 AND {_LIVE} ORDER BY id"
    return [Link(*row) for row in connection.execute(sql, (now_s, event_id))]


def _note(
    connection: sqlite3.Connection, kind: str, now_s: int, of: tuple[int, int], address: str = ""
) -> None:
    """Add an entry about a link; `of` is its user's and its event's id."""
    user_id, event_id = of
    detail = f"event {event_id}"
    security_log.note(connection, kind, now_s, user_id=user_id, address=address, detail=detail)
