"""The daily check of the signed part of a log against its rows, and the thinning of old heads.

The tree that heads are signed from has each row read once; what is changed below it afterwards,
only the rows show. Knows no task, and not when it is time.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

from eventlog.errors import HeadContradicted
from eventlog.evidence import heads_file, log_tree, proving
from eventlog.evidence.signed_heads import SignedHead
from eventlog.journal import table as journal
from eventlog.storage.paths import heads_path


def walk(db_path: Path, head: SignedHead, now_us: int) -> None:
    """Read every row below a head, slowly, and thin the heads next to the log.

    Raises HeadContradicted if the rows are not those that were signed, BadRecord, JournalHole,
    DatabaseError.
    """
    with log_tree.reading(db_path) as connection:
        secret = proving.require_secret(connection)
        if log_tree.walked_root(connection, secret, head.size) != head.root:
            raise HeadContradicted(
                f"a record below {head.size} is another than what was signed: verify finds it"
            )
        heads_file.thin(heads_path(db_path), now_us, partial(_appended_at, connection))


def _appended_at(connection: sqlite3.Connection, position: int) -> int | None:
    row = journal.read_one(connection, position)
    return None if row is None else row.appended_at
