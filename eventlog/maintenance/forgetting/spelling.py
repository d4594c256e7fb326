"""Finds persons whose name is spelt almost like another: by case, blanks, or the form of accents.

The log compares names letter by letter, so each spelling is a person of its own. Who forgets one of
them should hear of the others. Pure but for the seals that it is given.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from eventlog.evidence.seals import Slot, What


def folded(name: str) -> str:
    """The name without what people do not see as a difference."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def alike(slots: Iterable[Slot], name: str, *, shown: bool = False) -> list[str]:
    """The other names that are spelt almost like this one, in their order.

    Args:
        slots: The seals of the log.
        name: The name.
        shown: Whether a person whose name to show is spelt like this counts too.
    """
    known = [slot for slot in slots if slot.text]
    wanted = folded(name)
    whats = {What.NAME, What.DISPLAY_NAME} if shown else {What.NAME}
    persons = {slot.person for slot in known if slot.what in whats and folded(slot.text) == wanted}
    found = {slot.text for slot in known if slot.what is What.NAME and slot.person in persons}
    return sorted(found - {name})
