"""API tokens for programs, each with its scopes and limits.

Owns the table `tokens`. A token belongs to the user who made it, or to the machine where it was
made by the command line; an id is never given twice. What a token may append is limited by kinds,
cameras and the age of the events that it joins (`api/limits.py` checks it). Functions take the
connection and the time in seconds since 1970.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

from msgspec import Struct

from eventlog.dashboard.accounts import security_log
from eventlog.dashboard.accounts.secrets import hash_of, new_secret
from eventlog.errors import BadArgument
from eventlog.storage.connections import transaction

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tokens (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL UNIQUE,
    secret_hash BLOB    NOT NULL UNIQUE,
    may_read    INTEGER NOT NULL,
    may_append  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT
"""
DAY_S: Final = 24 * 3600
# What version 2 of the file added. Lists are separated by commas; NULL sets no limit.
COLUMNS: Final = {
    "owner_id": "INTEGER REFERENCES users(id) ON DELETE CASCADE",
    "kept": "INTEGER NOT NULL DEFAULT 0",
    "last_used_at": "INTEGER",
    "ends_at": "INTEGER",
    "kinds": "TEXT",
    "cameras": "TEXT",
    "join_s": f"INTEGER DEFAULT {DAY_S}",
    "key_space": "TEXT",
    "used_day": "INTEGER NOT NULL DEFAULT 0",
    "used_bytes": "INTEGER NOT NULL DEFAULT 0",
}

Scope: TypeAlias = Literal["read", "append"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
PREFIX: Final = "evl_"  # lets scanners for leaked secrets know what it is
NAME_MAX: Final = 64
TOUCH_S: Final = 60  # a token's last use is written this often at most
QUOTA_BYTES: Final = 512 * 1024 * 1024  # that one token may bring in a day
# How the keys of records begin that the log makes itself, and those of tokens: no source's name.
RESERVED: Final = frozenset(
    {
        *("token", "legacy", "unclean", "unclean_stop", "person_named", "identity_linked"),
        *("part_stopped", "part_back", "source_silent", "source_back", "person_erased"),
        *("picture_removed", "rule_armed", "era_begun", "signing_key"),
        *("head_witnessed", "head_seen"),
    }
)
_ITEM: Final = re.compile(r"[^,\x00-\x1f\x7f]{1,64}")
_KEY_SPACE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,31}")


class Limits(Struct, frozen=True, kw_only=True):
    """What a token may append; None sets no limit.

    Args:
        kinds: the kinds of facts that it may append.
        cameras: the cameras that its facts may name, and whose events it may join.
        join_s: how many seconds after an event was opened it may still join it; a day by default.
        key_space: a source, such as `ring`, whose idempotency keys (`ring:…`) it shares. Without
            one a token's keys are its own.
        ends_at: seconds since 1970 at which it ends.
        kept: whether it outlives its owner's change of the password.
    """

    kinds: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    join_s: int | None = DAY_S
    key_space: str | None = None
    ends_at: int | None = None
    kept: bool = False


UNLIMITED: Final = Limits()


class Token(Struct, frozen=True):
    """A token without its secret."""

    id: int
    name: str
    may_read: bool
    may_append: bool
    created_at: int
    owner_id: int | None = None
    last_used_at: int | None = None
    limits: Limits = UNLIMITED

    @property
    def scopes(self) -> list[Scope]:
        """What it may do."""
        may = {"read": self.may_read, "append": self.may_append}
        return [scope for scope in SCOPES if may[scope]]


_COLUMNS: Final = (
    "id, name, may_read, may_append, created_at, owner_id, last_used_at, kinds, cameras, join_s,"
    " key_space, ends_at, kept"
)


def add(
    connection: sqlite3.Connection,
    name: str,
    scopes: set[Scope],
    now_s: int,
    *,
    owner_id: int | None = None,
    limits: Limits = UNLIMITED,
) -> str:
    """A new token's secret.

    `owner_id` is the user who makes it; None is a user of the machine itself. Raises BadArgument
    for a name that is taken, for scopes that are none, and for limits that can't be.
    """
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise BadArgument(f"a token's name has 1 to {NAME_MAX} printable characters")
    if not scopes or not scopes <= set(SCOPES):
        raise BadArgument("a token's scope is read, append or both")
    _check(limits, now_s)
    secret = PREFIX + new_secret()
    with transaction(connection):
        taken = connection.execute("SELECT 1 FROM tokens WHERE name = ?", (name,)).fetchone()
        if taken:
            raise BadArgument(f"there is a token named {name!r} already")
        (token_id,) = connection.execute(
            "INSERT INTO tokens (name, secret_hash, may_read, may_append, created_at, owner_id,"
            " kinds, cameras, join_s, key_space, ends_at, kept)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                *(name, hash_of(secret), "read" in scopes, "append" in scopes, now_s, owner_id),
                *(_joined(limits.kinds), _joined(limits.cameras), limits.join_s),
                *(limits.key_space, limits.ends_at, limits.kept),
            ),
        ).fetchone()
        security_log.note(connection, "token made", now_s, user_id=owner_id, token_id=token_id)
    return secret


def find(connection: sqlite3.Connection, secret: str, now_s: int) -> Token | None:
    """The token of a secret; None if there is none, or where it has ended. Writes nothing."""
    sql = f"SELECT {_COLUMNS} FROM tokens WHERE secret_hash = ?"  # noqa: S608 - columns of ours
    row = connection.execute(sql, (hash_of(secret),)).fetchone()
    token = None if row is None else _token(row)
    return token if token is not None and is_valid(token, now_s) else None


def is_valid(token: Token, now_s: int) -> bool:
    """Whether a token has not ended."""
    return token.limits.ends_at is None or now_s < token.limits.ends_at


def listed(connection: sqlite3.Connection) -> list[Token]:
    """All tokens, by name."""
    sql = f"SELECT {_COLUMNS} FROM tokens ORDER BY name"  # noqa: S608 - columns of ours
    return [_token(row) for row in connection.execute(sql)]


def exists(connection: sqlite3.Connection, token_id: int, now_s: int) -> bool:
    """Whether a token is there and has not ended."""
    sql = "SELECT 1 FROM tokens WHERE id = ? AND (ends_at IS NULL OR ends_at > ?)"
    return connection.execute(sql, (token_id, now_s)).fetchone() is not None


def touch(connection: sqlite3.Connection, token_id: int, now_s: int) -> None:
    """Note that a token was used now."""
    connection.execute("UPDATE tokens SET last_used_at = ? WHERE id = ?", (now_s, token_id))


def used_on(connection: sqlite3.Connection, token_id: int, day: int) -> int:
    """How many bytes a token has brought on a day, which is counted since 1970."""
    sql = "SELECT used_bytes FROM tokens WHERE id = ? AND used_day = ?"
    row = connection.execute(sql, (token_id, day)).fetchone()
    return 0 if row is None else int(row[0])


def set_used(connection: sqlite3.Connection, counted: Sequence[tuple[int, int, int]]) -> None:
    """Note how much tokens have brought: each token's id, the day and the bytes."""
    with transaction(connection):
        connection.executemany(
            "UPDATE tokens SET used_day = ?, used_bytes = ? WHERE id = ?",
            [(day, used_bytes, token_id) for token_id, day, used_bytes in counted],
        )


def revoke(connection: sqlite3.Connection, token_id: int, now_s: int) -> bool:
    """Revoke a token; whether there was one."""
    with transaction(connection):
        sql = "DELETE FROM tokens WHERE id = ? RETURNING id"
        found = connection.execute(sql, (token_id,)).fetchall()
        if found:
            security_log.note(connection, "token revoked", now_s, token_id=token_id)
    return bool(found)


def revoke_named(connection: sqlite3.Connection, name: str, now_s: int) -> None:
    """Revoke the token of a name. Raises BadArgument if there is none."""
    row = connection.execute("SELECT id FROM tokens WHERE name = ?", (name,)).fetchone()
    if row is None or not revoke(connection, int(row[0]), now_s):
        raise BadArgument(f"there is no token named {name!r}")


def names(connection: sqlite3.Connection) -> dict[int, str]:
    """The name of each token by id, for showing who did what."""
    return dict(connection.execute("SELECT id, name FROM tokens").fetchall())


def _check(limits: Limits, now_s: int) -> None:
    for item in (*(limits.kinds or ()), *(limits.cameras or ())):
        if not _ITEM.fullmatch(item):
            raise BadArgument("a token's kinds and cameras have 1 to 64 characters and no comma")
    if limits.join_s is not None and limits.join_s < 0:
        raise BadArgument("a token joins events of a positive age")
    space = limits.key_space
    if space is not None and (not _KEY_SPACE.fullmatch(space) or space in RESERVED):
        raise BadArgument("a source's keys begin with its name, as ring or frigate")
    if limits.ends_at is not None and limits.ends_at <= now_s:
        raise BadArgument("a token ends in the future")


def _joined(items: tuple[str, ...] | None) -> str | None:
    return None if items is None else ",".join(items)


def _split(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(filter(None, text.split(",")))


def _token(row: tuple[Any, ...]) -> Token:
    """A token from its row: the table is STRICT, so the columns have their types."""
    number, name, may_read, may_append, created_at, owner_id, last_used_at, *rest = row
    kinds, cameras, join_s, key_space, ends_at, kept = rest
    limits = Limits(
        kinds=_split(kinds),
        cameras=_split(cameras),
        join_s=join_s,
        key_space=key_space,
        ends_at=ends_at,
        kept=bool(kept),
    )
    may = bool(may_read), bool(may_append)
    return Token(number, name, *may, created_at, owner_id, last_used_at, limits)
