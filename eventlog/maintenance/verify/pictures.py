"""Checks that every picture that a record names exists and is unchanged.

A picture that a later `picture_removed` names is expected to be gone. Memory holds the paths of
the pictures that were removed on purpose.

Knows facts, and a function that looks at one picture's file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import PictureRemoved, ThumbnailSaved
from eventlog.maintenance.verify.findings import Finding, Findings

CheckPicture: TypeAlias = Callable[[ThumbnailSaved], Literal["missing", "damaged"] | None]

_REMOVED: Final = (
    "SELECT position, kind, version, body FROM journal"
    " WHERE kind IN ('picture_removed', 'thumbnail_saved')"
    " AND EXISTS (SELECT 1 FROM journal WHERE kind = 'picture_removed') ORDER BY position"
)


class PictureChecks:
    """Looks at the pictures of the records, one by one."""

    def __init__(self, check: CheckPicture | None, found: Findings) -> None:
        """`check` answers what is wrong with a picture's file; None looks at no picture."""
        self._check = check
        self._found = found
        self._removed: dict[str, int] = {}  # the last removal of each path
        self._saved_again: set[str] = set()  # paths that were saved after their last removal

    def read_removals(self, connection: sqlite3.Connection) -> None:
        """Learn what was removed on purpose. Raises SQLite's errors."""
        if self._check is None:
            return
        for position, kind, version, body in connection.execute(_REMOVED):
            try:
                fact = codecs.decode(kind, version, body, position=position)
            except BadRecord:
                continue  # its record has a finding of its own
            if isinstance(fact, PictureRemoved):
                self._removed[fact.path] = position
                self._saved_again.discard(fact.path)
            elif isinstance(fact, ThumbnailSaved) and fact.path in self._removed:
                self._saved_again.add(fact.path)

    def saved(self, position: int, fact: ThumbnailSaved) -> None:
        """Look at the picture that the record at a position names, unless it was removed since."""
        if self._check is None or self._removed.get(fact.path, 0) > position:
            return
        wrong = self._check(fact)
        if wrong is not None:
            what = f"the picture of record {position} is {wrong}"
            self._found.add(Finding(f"file {fact.path}", what, position=position))

    def removed(self, position: int, fact: PictureRemoved) -> None:
        """Note a file that is still there though the record says that it was removed."""
        is_last = self._removed.get(fact.path) == position and fact.path not in self._saved_again
        if self._check is None or not is_last:
            return
        if self._check(ThumbnailSaved(path=fact.path)) is None:
            what = (
                f"record {position} says that it was removed, but the file exists:"
                " `eventlog expire` deletes it"
            )
            self._found.add(Finding(f"file {fact.path}", what, "note", position=position))
