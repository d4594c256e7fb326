"""Finds and opens the seals file of a log, and looks seals up in it.

Imports the room `evidence` only when a log has a folder of keys.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eventlog.followers.opening import ERASED_SEAL, LOST_SEAL, Lookup
from eventlog.journal import sealing
from eventlog.journal import table as journal

if TYPE_CHECKING:
    from eventlog.evidence.keys import KeysDir
    from eventlog.evidence.seals_file import SealsFile

ENDING: Final = "seals"


def lookup_in(seals: SealsFile) -> Lookup:
    """What looks seals up in a file."""
    from eventlog.evidence.seals import State  # noqa: PLC0415 - the core does not need the room

    def lookup(seal: bytes) -> str | None:
        slot = seals.opened(seal)
        if slot is None:
            return None
        return {State.ERASED: ERASED_SEAL, State.LOST: LOST_SEAL}.get(slot.state, slot.text)

    return lookup


def find_seals(connection: sqlite3.Connection, keys_dir: Path) -> SealsFile | None:
    """The file that opens a log's seals; None if the folder has none. Raises KeysMissing."""
    from eventlog.evidence.keys import KeysDir  # noqa: PLC0415 - the core does not need the room
    from eventlog.evidence.seals_file import SealsFile  # noqa: PLC0415 - the core does not need the room

    state = sealing.read(connection)
    log_id = journal.log_id(connection)
    path = KeysDir(keys_dir, log_id).file(ENDING)
    if not path.exists():
        return None
    return SealsFile(path, log_id, seals_id=None if state is None else state.seals_id)


def open_seals(keys: KeysDir, path: Path, state: sealing.Sealing | None) -> SealsFile:
    """Open the seals file of a log for sealing; make it if the log is not sealed yet."""
    from eventlog.evidence.seals_file import SealsFile  # noqa: PLC0415 - the core does not need the room

    file = keys.file(ENDING)
    if state is not None:
        keys.require(path)
        return SealsFile(file, keys.log_id, seals_id=state.seals_id)
    keys.make(path)
    return SealsFile(file, keys.log_id) if file.exists() else SealsFile.create(file, keys.log_id)


def keys_dir_in_use(connection: sqlite3.Connection, keys_dir: Path | None) -> Path | None:
    """The folder of keys if a log's names are sealed by it or are to be, else None.

    KEYS_DIR may be set for signing alone: names are sealed where it has a file of seals, or the
    log is sealed already.
    """
    if keys_dir is None or sealing.read(connection) is not None:
        return keys_dir
    from eventlog.evidence.keys import KeysDir  # noqa: PLC0415 - the core does not need the room

    return keys_dir if KeysDir(keys_dir, journal.log_id(connection)).file(ENDING).exists() else None
