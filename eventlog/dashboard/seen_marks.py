"""Notes what each user looks at, in memory first: opening an event's page must not wait for a disk.

`save` writes the marks to the accounts file; on a full disk they wait in memory. A crash forgets
those that wait, and their events are asked about once more.
"""

from __future__ import annotations

from eventlog.dashboard.accounts import seen
from eventlog.dashboard.accounts.database import Accounts, forget_saved
from eventlog.dashboard.accounts.seen import Mark, Seen


class SeenMarks:
    """What the users of one dashboard have seen."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._unsaved: dict[tuple[int, int], Mark] = {}  # by user and event, the oldest first

    async def of_user(self, user_id: int) -> Seen:
        """What a user has seen. Raises DatabaseError."""
        stored = await self._accounts.run(lambda c: seen.of_user(c, user_id))
        unsaved = {
            mark.event_id: mark.position
            for mark in self._unsaved.values()
            if mark.user_id == user_id
        }
        return Seen(stored.through, stored.events | unsaved)

    def note(self, mark: Mark) -> None:
        """Note that a user has seen an event; it is written later."""
        self._unsaved.pop((mark.user_id, mark.event_id), None)
        self._unsaved[mark.user_id, mark.event_id] = mark
        if len(self._unsaved) > seen.MARKS_MAX:
            del self._unsaved[next(iter(self._unsaved))]

    async def note_all(self, user_id: int, through: int) -> None:
        """Note that a user has seen everything up to a position. Raises DatabaseError."""
        await self._accounts.run(lambda c: seen.mark_all(c, user_id, through))
        self._unsaved = {
            key: mark
            for key, mark in self._unsaved.items()
            if mark.user_id != user_id or mark.position > through
        }

    async def save(self) -> None:
        """Write what waits; where that fails, it waits on."""
        marks = {**self._unsaved}
        if marks and await self._accounts.written(lambda c: seen.mark(c, [*marks.values()])):
            forget_saved(self._unsaved, marks)
