"""Limits guesses of passwords: counts them in a file before they are checked.

Owns the table `guesses`, which holds a row for each wrong guess of the last hour. A guess counts
against the address that it comes from and against the account that it is for. A browser that has
signed in to the account before (`users.py`) has an allowance of its own: no stranger's guesses use
it up, and all such browsers of one account share it. An account is counted by a hash of the name
that was typed, whether there is such an account or not. Functions take the connection and the time
in seconds since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from eventlog.dashboard.accounts.secrets import hash_of
from eventlog.dashboard.server.limits import TooMany
from eventlog.storage.connections import transaction

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS guesses (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL    NOT NULL,
    source TEXT    NOT NULL
) STRICT
"""
# What version 2 of the file added.
COLUMNS: Final = {"account": "BLOB NOT NULL DEFAULT x''"}

KNOWN: Final = "known browser"  # the source of all browsers that an account knows

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
PER_SOURCE: Final = 10  # guesses checked in a minute from one address, or by known browsers
PER_SOURCE_HOUR: Final = 40
PER_ACCOUNT: Final = 100  # of strangers, in an hour
# Of these so many are for addresses that have failed more than TYPOS times.
PER_ACCOUNT_TRIED: Final = 60
TYPOS: Final = 3
IN_ALL: Final = 1_000  # of strangers, in an hour, for whichever account

_FORGET: Final = "DELETE FROM guesses WHERE at <= ?"
# A clock that was set back must make no guess last longer than an hour from now.
_NOT_LATER: Final = "UPDATE guesses SET at = ? WHERE at > ?"
_COUNT: Final = "INSERT INTO guesses (at, source, account) VALUES (?, ?, ?) RETURNING id"
_KNOWN: Final = "SELECT at FROM guesses WHERE source = ? AND account = ? ORDER BY at"
_STRANGERS: Final = "SELECT at, source, account FROM guesses WHERE source != ? ORDER BY at"


def account_of(name: str) -> bytes:
    """What an account is counted under: not the name, which may be a password typed there."""
    return hash_of(name)[:16]


def admit(
    connection: sqlite3.Connection, address: str, account: bytes, now: float, *, known: bool
) -> int:
    """Count a guess that is about to be checked, as wrong; the answer is its number.

    `known` says that it comes from a browser that signed in to the account before. Raises TooMany
    where the guess may not be checked.
    """
    number = None
    with transaction(connection):  # what is too old is forgotten where the guess is refused too
        connection.execute(_FORGET, (now - HOUR_S,))
        connection.execute(_NOT_LATER, (now, now))
        if known:
            own = [at for (at,) in connection.execute(_KNOWN, (KNOWN, account))]
            wait_s = _wait_s(own, now, PER_SOURCE, PER_SOURCE_HOUR)
        else:
            wait_s = _strangers_wait_s(connection, address, account, now)
        if not wait_s:
            row = (now, KNOWN if known else address, account)
            (number,) = connection.execute(_COUNT, row).fetchone()
    if number is None:
        raise TooMany("too many attempts", wait_s)
    return int(number)


def forgive(connection: sqlite3.Connection, number: int) -> None:
    """Take a guess back: it was right."""
    connection.execute("DELETE FROM guesses WHERE id = ?", (number,))


def forget(connection: sqlite3.Connection) -> None:
    """Reset the counts, after a password was set on the machine itself."""
    connection.execute("DELETE FROM guesses")


def _strangers_wait_s(
    connection: sqlite3.Connection, address: str, account: bytes, now: float
) -> float:
    found = connection.execute(_STRANGERS, (KNOWN,)).fetchall()
    here = [at for at, source, _ in found if source == address]
    same = [at for at, _, whose in found if whose == account]
    room = PER_ACCOUNT if len(here) < TYPOS else PER_ACCOUNT_TRIED
    return max(
        _wait_s(here, now, PER_SOURCE, PER_SOURCE_HOUR),
        _wait_s(same, now, room, room),
        _wait_s([at for at, _, _ in found], now, IN_ALL, IN_ALL),
    )


def _wait_s(times: list[float], now: float, in_a_minute: int, in_an_hour: int) -> float:
    """How long a guess has to wait after those of the last hour, in the order of their times."""
    lately = [at for at in times if at > now - MINUTE_S]
    wait_s = 0.0
    if len(lately) >= in_a_minute:
        wait_s = lately[-in_a_minute] + MINUTE_S - now
    if len(times) >= in_an_hour:
        wait_s = max(wait_s, times[-in_an_hour] + HOUR_S - now)
    return wait_s
