"""Deletes the seals of a log that was never finished, because the run that made it was killed.

A log that is made from another one gets its seals before it replaces that one. Until then a mark
next to them names the database. The next run that makes a log there overwrites them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eventlog.evidence.keys import KeysDir
from eventlog.evidence.small_files import read_small
from eventlog.storage.durable_files import overwrite, replace
from eventlog.storage.error_translation import translated
from eventlog.storage.paths import real_path

_ENDING: Final = "unfinished"


def begin(keys: KeysDir, db_path: Path) -> None:
    """Before the seals of a log that will replace a database are made. Raises DatabaseError."""
    with translated(keys.path):
        replace(keys.file(_ENDING), bytes(real_path(db_path)))


def finish(keys: KeysDir) -> None:
    """The log is there. Raises DatabaseError."""
    mark = keys.file(_ENDING)
    if mark.exists():
        with translated(keys.path):
            mark.unlink(missing_ok=True)


def sweep(folder: Path, db_path: Path, *, but: KeysDir | None = None) -> None:
    """Overwrite and delete what killed runs have left for a database that none has replaced.

    `but` is the log that is made now, which goes on with its seals. Raises DatabaseError.
    """
    with translated(folder):
        for mark in sorted(folder.glob(f"*.{_ENDING}")):
            if but is not None and mark == but.file(_ENDING):
                continue
            if read_small(mark) == bytes(real_path(db_path)):
                overwrite(mark.with_suffix(".seals"))
                mark.unlink(missing_ok=True)
