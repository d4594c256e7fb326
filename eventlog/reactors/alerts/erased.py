"""Takes the name of an erased person out of what the alerts of this process remember."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from eventlog.facts import PersonErased
from eventlog.reactors.alerts.channels import Channel
from eventlog.reactors.alerts.ledger import Ledger
from eventlog.record import Record


async def forget_names(
    records: Sequence[Record],
    ledger: Ledger,
    channels: Iterable[Channel],
    recall: Callable[[int], Awaitable[Sequence[Record]]],
) -> None:
    """Where one of the records erases somebody, read again what waits, without the name.

    An alert that waits is composed when it is sent; a channel that keeps a text drops it.
    """
    if not any(isinstance(record.fact, PersonErased) for record in records):
        return
    ledger.visits.clear()
    for telling in ledger.tellings.values():
        if telling.when == "opened":
            telling.said = None
        event_id = telling.event_id
        if event_id is not None and event_id not in ledger.visits:
            earlier = await recall(event_id)
            ledger.visits.recall(one for one in earlier if one.position <= ledger.position)
    for channel in channels:
        channel.forget()
