"""Decides when to make a WAL checkpoint: when the WAL has grown, and when the writer is idle.

Everything here runs on the writer's thread and never raises. Knows no connection and no lock: the
writer makes the WAL checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from eventlog.storage import wal_file
from eventlog.storage.connection_thread import Job

log = logging.getLogger("eventlog")


class WalCheckpoints:
    """Measures a WAL and has WAL checkpoints made."""

    def __init__(
        self,
        wal: Path,
        *,
        limit_bytes: int,
        checkpoint: Callable[[], bool],
        post: Callable[[Job], None],
    ) -> None:
        """Store the arguments.

        Args:
            wal: The WAL file.
            limit_bytes: A WAL checkpoint is due when the WAL has grown by this much.
            checkpoint: Makes a WAL checkpoint, or returns False if the lock was not free.
            post: Queues a job on the writer's thread.
        """
        self._wal = wal
        self._limit_bytes = limit_bytes
        self._checkpoint = checkpoint
        self._post = post
        self._looked_at = 0
        self._tidied_at = 0

    def look(self) -> None:
        """Measure the WAL, and queue a WAL checkpoint when it is due."""
        try:
            used = wal_file.bytes_in_use(self._wal)
        except OSError:
            log.exception("%s could not be measured", self._wal)
            return
        if used < self._looked_at:  # the WAL is written from its start again
            self._looked_at = 0
        # If a reader holds the WAL, the next attempt is made when it has grown by as much again.
        if used - self._looked_at >= self._limit_bytes:
            self._looked_at = used
            self._post(self._carry_over)

    def tidy(self) -> None:
        """When the writer is idle: make a WAL checkpoint of what was written since the last one."""
        try:
            used = wal_file.bytes_in_use(self._wal)
            # Frames that were copied stay in the file until the WAL is written from its start.
            if used not in (0, self._tidied_at):
                self._carry_over_or_later()
                self._tidied_at = used
        except Exception:
            log.exception("the WAL checkpoint of %s failed; a later one is tried", self._wal)

    def _carry_over(self) -> None:
        try:
            self._carry_over_or_later()
        except Exception:
            log.exception("the WAL checkpoint of %s failed; a later one is tried", self._wal)

    def _carry_over_or_later(self) -> None:
        if not self._checkpoint():
            self._looked_at = 0
