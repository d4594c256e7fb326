"""Gives a salvaged log the seals of the old one: its id is new, and seals are kept by a log's id.

Without that its names could not be opened, and new ones would enter it in clear.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seals import SLOT_SIZE, pack_header, unpack_header
from eventlog.journal import sealing
from eventlog.journal import table as journal
from eventlog.maintenance.personal_texts import seals
from eventlog.storage.connections import connect_writer, transaction
from eventlog.storage.durable_files import replace as write_file
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path


def first_sealed(connection: sqlite3.Connection) -> int | None:
    """The position of the first record that holds a seal; None if names are in clear."""
    for row in journal.read_all(connection):
        try:
            fact = codecs.decode(row.kind, row.version, row.body, position=row.position)
        except BadRecord:
            continue  # its name can't be read
        if next(seals(fact), None) is not None:
            return row.position
    return None


def carry_names(target: Path, old_log_id: bytes, keys_dir: Path) -> bool:
    """Copy the old log's seals file for the new log, and mark the new log as sealed.

    Args:
        target: The new log.
        old_log_id: The id of the old one.
        keys_dir: The folder of keys.

    Returns:
        Whether there were seals: a log in clear, or a folder without the file, is left as it is.

    Raises:
        KeysMissing: The folder can't be used.
        DatabaseError: The disk failed; run it again.
    """
    old = KeysDir(keys_dir, old_log_id).file("seals")
    if not old.exists():
        return False
    with closing(FileLock(lock_path(target))) as lock:
        connection = connect_writer(target, lock)
        with lock, translated(target):
            try:
                since = first_sealed(connection)
                if since is None:
                    return False
                keys = KeysDir(keys_dir, journal.log_id(connection))
                keys.require(target)
                data = old.read_bytes()
                header = replace(unpack_header(data[:SLOT_SIZE]), log_id=keys.log_id)
                write_file(keys.file("seals"), pack_header(header) + data[SLOT_SIZE:])
                with transaction(connection):
                    sealing.make_table(connection)
                    sealing.begin(connection, since, header.seals_id)
            finally:
                connection.close()
    return True
