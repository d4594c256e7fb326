"""Manages accounts and tokens in a log's accounts file, for the command line.

Plain functions over a closed dashboard or a running one, which notices within a second. They read
no configuration and print nothing. Raise BadArgument, DatabaseError and OSError.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from eventlog.dashboard.accounts import (
    database,
    passwords,
    security_log,
    sessions,
    throttle,
    tokens,
    users,
)
from eventlog.dashboard.accounts.roles import Role
from eventlog.dashboard.accounts.tokens import UNLIMITED, Limits, Scope, Token
from eventlog.dashboard.accounts.users import User
from eventlog.storage.connections import transaction


def add_user(db_path: str, name: str, password: str, role: Role | None = None) -> None:
    """Make a user, or give one a new password, which ends the user's sessions and tokens.

    Failed guesses are forgotten: the caller has access to the machine itself.
    """
    with _accounts(db_path) as connection:
        users.add(connection, name, password, int(time.time()), role=role)
        throttle.forget(connection)


def check_user(name: str, password: str | None = None) -> None:
    """Refuse what `add_user` would refuse, before more is asked for."""
    users.check_name(name)
    if password is not None:
        passwords.require_password(password, name)


def list_users(db_path: str) -> list[User]:
    """All users, by name."""
    with _accounts(db_path) as connection:
        return users.listed(connection)


def remove_user(db_path: str, name: str) -> None:
    """Remove a user with all sessions and tokens."""
    with _accounts(db_path) as connection:
        users.remove(connection, name, int(time.time()))


def change_role(db_path: str, name: str, role: Role) -> None:
    """Give a user another role; the user's sessions end."""
    with _accounts(db_path) as connection:
        users.change_role(connection, name, role, int(time.time()))


def add_token(db_path: str, name: str, scopes: Iterable[Scope], limits: Limits = UNLIMITED) -> str:
    """Make an API token; the answer is its secret, which can't be shown again."""
    with _accounts(db_path) as connection:
        return tokens.add(connection, name, set(scopes), int(time.time()), limits=limits)


def make_link(db_path: str, name: str) -> str:
    """A code that signs a user in once, within an hour, however many guesses keep others waiting.

    It asks for no second step: the caller has access to the machine itself.
    """
    now_s = int(time.time())
    with _accounts(db_path) as connection, transaction(connection):
        user = users.require(connection, name)
        security_log.note(connection, "one-time code made", now_s, user_id=user.id)
        return sessions.make_link(connection, user.id, now_s)


def list_tokens(db_path: str) -> tuple[list[Token], dict[int, str]]:
    """All tokens, by name, and the names of the users by id."""
    with _accounts(db_path) as connection:
        return tokens.listed(connection), users.names(connection)


def revoke_token(db_path: str, name: str) -> None:
    """Revoke a token."""
    with _accounts(db_path) as connection:
        tokens.revoke_named(connection, name, int(time.time()))


@contextmanager
def _accounts(db_path: str) -> Iterator[sqlite3.Connection]:
    path = database.accounts_path(Path(db_path))
    with closing(database.connect(path)) as connection:
        yield connection
