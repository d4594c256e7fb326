"""Seals the names of a plain store's rows while it is taken over, where there is a folder of keys.

The seals file of the new log is made with it, and deleted again if the log is not made: now, or by
the next start where this one is killed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from eventlog.evidence import unfinished
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seals_file import SealsFile
from eventlog.journal import sealing
from eventlog.journal import table as journal
from eventlog.journal.append import Append
from eventlog.journal.clock import Machine
from eventlog.store.compat.adopt import Seal
from eventlog.store.find_seals import ENDING
from eventlog.store.seals import LogSeals


@contextmanager
def sealing_rows(
    connection: sqlite3.Connection, path: Path, keys_dir: Path, machine: Machine
) -> Iterator[Seal]:
    """What seals the appends of a log that is being made, inside the transaction that makes it.

    Raises BadArgument, KeysMissing, DatabaseError.
    """
    log_id = journal.log_id(connection)
    keys = KeysDir(keys_dir, log_id)
    keys.make(path)
    unfinished.sweep(keys_dir, path)
    unfinished.begin(keys, path)
    sealing.make_table(connection)
    file = SealsFile.create(keys.file(ENDING), log_id)
    seals = LogSeals(log_id, file, None, "", machine)

    def seal(append: Append, position: int) -> Append:
        facts = seals.sealed(replace(append, meta=None)).facts
        if seals.begins:
            seals.begin(connection, position)
            seals.look(connection)
        return replace(append, facts=facts)

    try:
        yield seal
    except BaseException:
        file.path.unlink(missing_ok=True)
        unfinished.finish(keys)
        raise
    finally:
        seals.close()
