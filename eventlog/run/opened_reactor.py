"""A reactor of the running door, which gets the names of a sealed log opened.

Does not know what the reactor does.
"""

from __future__ import annotations

from collections.abc import Sequence

from eventlog.followers.reactor import Act, Reactor
from eventlog.record import Record
from eventlog.store.event_store import EventStore, engine_of


def opened_reactor(name: str, store: EventStore, act: Act) -> Reactor:
    """What brings the records of an open log to `act`, with the checkpoint `name`."""

    async def act_on_opened(records: Sequence[Record]) -> int:
        return await act(await store.reader.opened(records))

    return Reactor(name, engine_of(store).writer, store.reader, act_on_opened)
