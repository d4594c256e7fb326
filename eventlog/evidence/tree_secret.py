"""The tree's secret: 32 random bytes that blind every leaf, in a table of one row.

Made before the first head is signed, and guarded like the log's id. A log that is never signed
has no such table. A copy is with the keys, so that an older backup of the database can be
proved on. Knows one table, and nothing of trees.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from eventlog.errors import DatabaseError
from eventlog.evidence.tree import SECRET_SIZE
from eventlog.storage.connections import connect_writer, has_table, transaction
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path

TABLE: Final = "tree"
STATEMENTS: Final = (
    """CREATE TABLE tree (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    secret BLOB NOT NULL CHECK (length(secret) = 32)
) STRICT""",
    "CREATE INDEX tree_no_blob_handle ON tree (secret) WHERE one < 0",
    """CREATE TRIGGER tree_insert_once BEFORE INSERT ON tree WHEN EXISTS (SELECT 1 FROM tree)
BEGIN
    SELECT raise(ABORT, 'tree: a log has one secret');
END""",
    """CREATE TRIGGER tree_no_update BEFORE UPDATE ON tree
BEGIN
    SELECT raise(ABORT, 'tree: the secret of a log is never changed');
END""",
    """CREATE TRIGGER tree_no_delete BEFORE DELETE ON tree
BEGIN
    SELECT raise(ABORT, 'tree: the secret of a log is never deleted');
END""",
)


def read(connection: sqlite3.Connection) -> bytes | None:
    """The log's secret; None if it has none yet. Raises DatabaseError if it is not a secret."""
    if not has_table(connection, TABLE):
        return None
    row = connection.execute("SELECT secret FROM tree").fetchone()
    if row is None:
        return None
    if not isinstance(row[0], bytes) or len(row[0]) != SECRET_SIZE:
        raise DatabaseError("the table tree does not hold a secret")
    return row[0]


def put(connection: sqlite3.Connection, secret: bytes) -> None:
    """Give a log without a secret this one, inside a transaction of the caller's."""
    if not has_table(connection, TABLE):
        for statement in STATEMENTS:
            connection.execute(statement)
    connection.execute("INSERT INTO tree VALUES (1, ?)", (secret,))


def ensure(db_path: Path, known: bytes | None = None) -> bytes:
    """The log's secret, made now where it has none: `known` where the keys have a copy, or new.

    Raises DatabaseError.
    """
    lock = FileLock(lock_path(db_path))
    try:
        connection = connect_writer(db_path, lock)
        with lock, translated(db_path):
            try:
                with transaction(connection):
                    secret = read(connection)
                    if secret is None:
                        secret = os.urandom(SECRET_SIZE) if known is None else known
                        put(connection, secret)
            finally:
                connection.close()
    finally:
        lock.close()
    return secret
