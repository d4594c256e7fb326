"""Guesses of passwords: counted before they are checked, in a file, so that no restart forgets one.

Owns the table `guesses`, which holds a row for each wrong guess of the last hour. A source is an
address, or a browser that signed in to the account before (`users.py`). One source is checked ten
times a minute, and all of them together a hundred times an hour. Of these hundred so many places
are kept for those who are likely the owner that nobody else can use them up: a browser that is
known, and whoever has hardly failed yet. Functions take the connection and the time in seconds
since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from eventlog.dashboard.server.limits import TooMany

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS guesses (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL    NOT NULL,
    source TEXT    NOT NULL
) STRICT
"""

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
PER_SOURCE: Final = 10  # guesses checked in a minute from one source
IN_ALL: Final = 100  # guesses checked in an hour, whoever makes them
TYPOS: Final = 3  # from so many on, a source does not look like somebody who mistypes
# A guess is checked while fewer than so many were wrong within the hour.
# (the browser is known, it has failed TYPOS times) → so many
ROOM: Final = {
    (False, True): 40,
    (False, False): 80,
    (True, True): 90,
    (True, False): IN_ALL,
}

_FORGET: Final = "DELETE FROM guesses WHERE at <= ?"
# A clock that was set back must make no guess last longer than an hour from now.
_NOT_LATER: Final = "UPDATE guesses SET at = ? WHERE at > ?"
_TIMES: Final = "SELECT at, source = ? FROM guesses ORDER BY at"
_COUNT: Final = "INSERT INTO guesses (at, source) VALUES (?, ?) RETURNING id"


def admit(connection: sqlite3.Connection, source: str, now: float, *, known: bool) -> int:
    """Count a guess that is about to be checked, as wrong; the answer is its number.

    `known` says that the source is a browser that signed in to the account before. Raises TooMany
    where the guess may not be checked.
    """
    number = None
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_FORGET, (now - HOUR_S,))
        connection.execute(_NOT_LATER, (now, now))
        found = connection.execute(_TIMES, (source,)).fetchall()
        wait_s = _wait_s(found, now, known=known)
        if not wait_s:
            (number,) = connection.execute(_COUNT, (now, source)).fetchone()
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    if number is None:
        raise TooMany("too many attempts", wait_s)
    return int(number)


def forgive(connection: sqlite3.Connection, number: int) -> None:
    """Take a guess back: it was right."""
    connection.execute("DELETE FROM guesses WHERE id = ?", (number,))


def forget(connection: sqlite3.Connection) -> None:
    """Begin anew: somebody who has the machine itself has set a password."""
    connection.execute("DELETE FROM guesses")


def _wait_s(found: list[tuple[float, int]], now: float, *, known: bool) -> float:
    """How long a guess has to wait, after those of the last hour: (when, whether its own)."""
    own = [at for at, is_own in found if is_own]
    lately = [at for at in own if at > now - MINUTE_S]
    if len(lately) >= PER_SOURCE:
        return lately[-PER_SOURCE] + MINUTE_S - now
    room = ROOM[known, len(own) >= TYPOS]
    return found[-room][0] + HOUR_S - now if len(found) >= room else 0.0
