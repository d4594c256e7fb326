"""The queries of a reader about doors, locks, devices and sources.

The SQL is in the views' own files. Knows no journal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from eventlog.projections import (
    credentials,
    devices,
    doors,
    identities,
    locks,
    openings,
    parts,
    silences,
)
from eventlog.store.read_connection import ReadConnection


class DoorReader(ReadConnection):
    """The answers of a reader about doors and devices. Use `Reader`, which has these methods."""

    async def doors(self, at: datetime | None = None) -> list[dict[str, Any]]:
        """Whether each door is open, as its contact reported.

        Args:
            at: An aware datetime, or a naive one in UTC. None, the default, means now.

        Returns:
            The columns of `doors`, by door; a door that had not reported yet is left out.

        Raises:
            BadArgument: It is not a time.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(doors.COLUMNS, doors.listed(at))

    async def locks(self, at: datetime | None = None) -> list[dict[str, Any]]:
        """The state of each lock, by its last report or operation.

        Args:
            at: An aware datetime, or a naive one in UTC. None, the default, means now.

        Returns:
            The columns of `locks`, by door; a lock that had not reported yet is left out.

        Raises:
            BadArgument: It is not a time.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(locks.COLUMNS, locks.listed(at))

    async def openings(self, limit: int = 20) -> list[dict[str, Any]]:
        """From when to when each door was open, and what opened it, the newest first.

        Args:
            limit: How many at most; 20 by default.

        Returns:
            `door_id`, `state`, `source`, `at` and `at_us` of the first report that it was open;
            `closed_at`, `closed_us` and `closed_state` of the first after it that it was not, all
            None while it is open; `unlock_id` and `event_id`, joined by time; `id` and `closed_id`,
            the positions of these two reports.

        Raises:
            BadArgument: The limit is out of range.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(openings.COLUMNS, openings.latest(limit))

    async def lock_openings(self, limit: int = 20) -> list[dict[str, Any]]:
        """The unlock actions that opened a lock, with and without a visit, the newest first.

        Args:
            limit: How many at most; 20 by default.

        Returns:
            The columns of `unlock_actions`, and as `visit` its own event or, where it has none,
            the newest event near it in time.

        Raises:
            BadArgument: The limit is out of range.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(openings.UNLOCK_COLUMNS, openings.unlocks(limit))

    async def devices(self) -> list[dict[str, Any]]:
        """The connection, battery and alarms of each device, as last reported.

        Returns:
            The columns of `devices`, by device.

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(devices.COLUMNS, devices.listed())

    async def credentials(self, limit: int = 20) -> list[dict[str, Any]]:
        """The codes, tags and fingers that were presented and opened nothing, the newest first.

        Args:
            limit: How many at most; 20 by default.

        Returns:
            The columns of `credentials`.

        Raises:
            BadArgument: The limit is out of range.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(credentials.COLUMNS, credentials.latest(limit))

    async def identities(self) -> list[dict[str, Any]]:
        """Which user of a source is which person, and which two names are one person.

        Returns:
            The columns of `identities`, by person; `linked` is 0 where the pair was parted.

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(identities.LISTED_COLUMNS, identities.listed())

    async def silences(self, limit: int = 20) -> list[dict[str, Any]]:
        """From when to when nothing came from a source, the newest first.

        Args:
            limit: How many at most; 20 by default.

        Returns:
            The columns of `silences`; `until` is None while the source is silent.

        Raises:
            BadArgument: The limit is out of range.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(silences.COLUMNS, silences.latest(limit))

    async def parts(self) -> list[dict[str, Any]]:
        """Which parts of the program have stopped, and which run again.

        Returns:
            The columns of `parts`, by part.

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(parts.COLUMNS, parts.listed())
