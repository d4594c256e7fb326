"""The positions of the journal and its views, and whether a view has stopped moving.

Knows no request.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from msgspec import Struct

from eventlog.followers import checkpoints
from eventlog.journal import table as journal

STALE_S: Final = 15.0  # a view that lags and does not move for this long has stopped


class ViewLag(Struct, frozen=True):
    """The positions of the journal and its views."""

    head: int
    views: dict[str, int]
    parked: dict[str, int]


class Watch:
    """Remembers when the views moved last, so that one that has stopped is noticed."""

    def __init__(self) -> None:
        self._at: tuple[int, ...] = ()
        self._since = 0.0

    def stands_still(self, standing: ViewLag, now: float) -> bool:
        """Whether some view lags and none has moved for STALE_S."""
        at = tuple(standing.views.values())
        if at != self._at or all(position >= standing.head for position in at):
            self._at, self._since = at, now
        return now - self._since > STALE_S


def stand(connection: sqlite3.Connection) -> ViewLag:
    """The positions of the journal and its views."""
    head = journal.last_position(connection)
    views = {view: mark.position for view, mark in checkpoints.read(connection).items()}
    return ViewLag(head, views, checkpoints.parked_counts(connection))
