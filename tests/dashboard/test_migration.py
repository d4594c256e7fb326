"""The accounts file of before roles: it is brought to today's shape once, and nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from eventlog.dashboard.accounts import database, sessions, throttle, tokens, users
from eventlog.dashboard.accounts.secrets import hash_of
from tests.dashboard.house import open_house

# The tables as version 1 made them, in full: this text is never edited.
VERSION_1: Final = """
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    password_hash TEXT,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE devices (
    user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    secret_hash BLOB    NOT NULL,
    seen_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, secret_hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    secret_hash BLOB    PRIMARY KEY,
    user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    address     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_sessions_user_id ON sessions (user_id);
CREATE TABLE links (
    code_hash  BLOB    PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL UNIQUE,
    secret_hash BLOB    NOT NULL UNIQUE,
    may_read    INTEGER NOT NULL,
    may_append  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE guesses (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL    NOT NULL,
    source TEXT    NOT NULL
) STRICT;
PRAGMA application_id = 0x65766C75;
PRAGMA user_version = 1;
"""
NOW: Final = 1_790_000_000


def make_version_1(path: Path) -> None:
    """A file of before, with two users, a removed one, a session, a browser, a token, a guess."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(VERSION_1)
        for name in ("owner", "guest", "gone"):
            connection.execute(
                "INSERT INTO users (name, password_hash, created_at) VALUES (?, 'hash', ?)",
                (name, NOW),
            )
        connection.execute("DELETE FROM users WHERE name = 'gone'")
        row = (hash_of("a-session"), 1, NOW, NOW, "192.168.1.2")
        connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", row)
        connection.execute("INSERT INTO devices VALUES (?, ?, ?)", (1, hash_of("a browser"), NOW))
        connection.execute(
            "INSERT INTO tokens (name, secret_hash, may_read, may_append, created_at)"
            " VALUES ('pipeline', ?, 0, 1, ?)",
            (hash_of("evl_secret"), NOW),
        )
        connection.execute("INSERT INTO guesses (at, source) VALUES (?, '10.0.0.1')", (NOW,))


def shape(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every table's columns."""
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {
        name: connection.execute(f"PRAGMA table_info({name})").fetchall()
        for (name,) in sorted(tables)
    }


def test_a_file_of_before_keeps_users_sessions_browsers_tokens_and_guesses(tmp_path: Path) -> None:
    """Every old account is an owner; a token stays valid, with the limits of this version."""
    path = tmp_path / "events.db.users"
    make_version_1(path)
    with closing(database.connect(path)) as connection:
        assert {user.name: user.role for user in users.listed(connection)} == {
            "owner": "owner",
            "guest": "owner",
        }
        session = sessions.stored(connection, hash_of("a-session"))
        assert session is not None
        assert (session.user_name, session.role, session.kept) == ("owner", "owner", 0)
        assert users.knows(connection, 1, "a browser")
        token = tokens.find(connection, "evl_secret", NOW)
        assert token is not None
        assert (token.name, token.owner_id, token.scopes) == ("pipeline", None, ["append"])
        assert token.limits == tokens.UNLIMITED
        assert connection.execute("SELECT source FROM guesses").fetchall() == [("10.0.0.1",)]
        throttle.admit(connection, "10.0.0.1", throttle.account_of("owner"), NOW, known=False)
        # The number of the account that was removed is not given again.
        assert users.add(connection, "new", None, NOW) == 4


def test_a_file_of_before_gets_the_shape_of_a_new_one(tmp_path: Path) -> None:
    """Columns, their order and their defaults: one schema, whichever way it came."""
    old, new = tmp_path / "old.users", tmp_path / "new.users"
    make_version_1(old)
    with closing(database.connect(old)) as one, closing(database.connect(new)) as other:
        assert shape(one) == shape(other)
        for table in ("seen_marks", "push_subscriptions", "shared_links", "security_log"):
            assert table in shape(one)
    with closing(database.connect(old)) as again:
        assert again.execute("PRAGMA user_version").fetchone() == (database.VERSION,)


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction: a full disk or a kill leaves the file of before."""
    path = tmp_path / "events.db.users"
    make_version_1(path)
    with closing(sqlite3.connect(path)) as connection:
        before = list(connection.iterdump())
    broken = {**database.COLUMNS, "guesses": {"account": "NO TYPE THAT THERE IS ("}}
    monkeypatch.setattr(database, "COLUMNS", broken)
    with pytest.raises(sqlite3.OperationalError):
        database.connect(path)
    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before


@pytest.mark.anyio
async def test_a_session_of_before_goes_on(tmp_path: Path) -> None:
    """An upgrade does not sign users out on the server's side."""
    make_version_1(tmp_path / "events.db.users")
    async with open_house(tmp_path) as house, house.client() as client:
        house.site.clock = lambda: float(NOW + 60)
        client.cookies.set(house.site.cookies.session, "a-session")
        assert (await client.get("/")).status_code == 200
