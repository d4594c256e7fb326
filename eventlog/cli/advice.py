"""Advice for each error of a file: a sentence on what to do.

Knows the errors, and no command but by name.
"""

from __future__ import annotations

from typing import Final

from eventlog.errors import (
    DatabaseMissing,
    DiskFailure,
    DiskFull,
    EventLogError,
    HeadContradicted,
    LockTimeout,
    MissingFolder,
    NewerDatabase,
    NotADatabase,
    ReadOnly,
)

_ACCOUNTS: Final = ".users:"

NO_LOG: Final = (
    "name the log by --db, or by DB_PATH in config.py or the environment; `eventlog ingest` and"
    " `eventlog serve` make a new one, `eventlog demo` one to try"
)
_DAMAGED_ACCOUNTS: Final = (
    "the log itself is not touched: move this file away, and add the users again with `eventlog"
    " user add`"
)
_ADVICE: Final[dict[type[EventLogError], str]] = {
    DatabaseMissing: NO_LOG,
    MissingFolder: "make the folder, mount its disk, or name another path by --db",
    NotADatabase: "name the log by --db; if this was one, `eventlog salvage NEW` with --db and this"
    " file copies what can be read of it",
    NewerDatabase: "install the version that wrote it, or a later one",
    ReadOnly: "run this as the user that owns the file, or make the file and its folder writable",
    LockTimeout: "try again, or end the program that holds the lock",
    DiskFull: "free some space; nothing that was acknowledged is lost",
    DiskFailure: "check the disk; `eventlog verify` says what is damaged, `eventlog salvage` copies"
    " what can be read",
    HeadContradicted: "`eventlog verify` says which records; only if it was honest, as with a"
    " restored backup, `eventlog head --new-era restored` (or `lost`) goes on under a new name",
}


def with_advice(error: EventLogError) -> str:
    """The sentence of an error, and what may be done where that is known.

    Args:
        error: Any error of ours; that of a disk or a file names the file.

    Returns:
        One line.
    """
    sentence = str(error)
    if _ACCOUNTS in sentence and isinstance(error, NotADatabase | DiskFailure):
        return f"{sentence}; {_DAMAGED_ACCOUNTS}"
    advice = _ADVICE.get(type(error))
    return sentence if advice is None else f"{sentence}; {advice}"
