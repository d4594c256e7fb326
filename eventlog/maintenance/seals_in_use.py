"""Finds out whether a log's names are sealed, and opens them for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventlog.followers.opening import Opening
from eventlog.journal import sealing
from eventlog.storage.connections import is_ours
from eventlog.storage.error_translation import translated
from eventlog.storage.read_only import opened
from eventlog.store.find_seals import find_seals, keys_dir_in_use, lookup_in


def seals_dir(db_path: Path, keys_dir: Path | None) -> str | None:
    """The folder of keys for a store of this log; None if its names are in clear.

    A folder may be set for signing alone: names are sealed where it has a file of seals, or the log
    is sealed already. Raises DatabaseError.
    """
    if keys_dir is None or not db_path.exists() or db_path.stat().st_size == 0:
        return None
    with opened(db_path, ours=False) as log, translated(db_path):
        if not is_ours(log.connection):
            return None  # a plain store, or what is refused when it is opened
        found = keys_dir_in_use(log.connection, keys_dir)
    return None if found is None else str(found)


@contextmanager
def opening_of(
    db_path: Path, keys_dir: Path | None, *, ours: bool = True, required: bool = False
) -> Iterator[Opening]:
    """What opens a log's sealed names, as far as the folder of keys does.

    Args:
        db_path: The log.
        keys_dir: The folder of keys. None: none is set.
        ours: Whether the file's header must say that it is an event log.
        required: Whether a seal that nothing opens raises KeysMissing.

    Raises DatabaseError.
    """
    with opened(db_path, ours=ours) as log, translated(db_path):
        is_sealed = sealing.read(log.connection) is not None
        file = None if keys_dir is None else find_seals(log.connection, keys_dir)
    if file is None:
        yield Opening(required=required and is_sealed)
        return
    with file:
        yield Opening(lookup_in(file), required=required)
