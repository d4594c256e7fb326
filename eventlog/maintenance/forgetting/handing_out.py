"""Prepares names for being handed out in clear: their seals are not used for new records any more.

Whoever gets a name with its opening, in a file or a proof, knows it wherever the seal is. So the
seals of the person retire before, and the next record gets new ones. A link between two names says
nothing of new seals: it is recorded again under them. Both can be repeated.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from eventlog.evidence.seals import Slot, State
from eventlog.evidence.seals_file import SealsFile
from eventlog.facts import IdentityLinked
from eventlog.maintenance.forgetting.erasing import latest_links, sealed_pair, together


def retire(
    connection: sqlite3.Connection, file: SealsFile, seals: Iterable[bytes]
) -> list[IdentityLinked]:
    """Retire the seals of everybody whom these seals belong to.

    Args:
        connection: The log.
        file: Its seals.
        seals: Those that are handed out.

    Returns:
        The links to append again, with names in clear, as every append has them.

    Raises:
        DatabaseError: The disk refused; call it again.
    """
    links = latest_links(connection)
    file.retire(together(file, links, seals))
    # The latest about a pair of names counts, under whichever seals.
    latest: dict[tuple[frozenset[str], str | None], tuple[IdentityLinked, tuple[Slot, Slot]]] = {}
    for fact in links:
        slots = _slots(file, fact)
        if slots is not None:
            latest[frozenset(slot.text for slot in slots), fact.source] = fact, slots
    return [
        _in_clear(fact, *slots)
        for fact, slots in latest.values()
        if fact.linked and slots[1].state is State.RETIRED
    ]


def _slots(file: SealsFile, fact: IdentityLinked) -> tuple[Slot, Slot] | None:
    """What opens the two names of a link; None where one was erased, or is lost."""
    pair = sealed_pair(fact)
    if pair is None:
        return None
    one, other = map(file.opened, pair)
    if one is None or other is None or not (one.text and other.text):
        return None
    return one, other


def _in_clear(fact: IdentityLinked, person: Slot, other: Slot) -> IdentityLinked:
    if fact.identity is None:
        return IdentityLinked(person=person.text, same_as=other.text)
    return IdentityLinked(person=person.text, source=fact.source, identity=other.text)
