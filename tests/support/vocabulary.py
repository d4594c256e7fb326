"""A log with every kind of fact in it: in a visit of each opener, without one, and sealed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from eventlog import codecs
from eventlog.facts import OPENERS, SEALABLE, STANDALONE, Fact, Sealed
from eventlog.journal.append import Append, EncodedFact, prepare
from tests.support.logs import build_log
from tests.words.whole_facts import WHOLE

SEAL: Final = Sealed(sealed=bytes(range(32)))
# What an unlock may come to, besides what stands in WHOLE.
UNLOCKS: Final[tuple[dict[str, Any], ...]] = (
    {"dry_run": True},
    {"dry_run": True, "granted": False, "door_action": "none"},
    {"intent": "i2", "door_action": "unlatched"},
    {"intent": None, "door_action": "locked"},
    {"intent": None, "granted": False, "door_action": "none", "actor": "keypad"},
)


def sealed(kind: str, fact: Any) -> Fact:
    """The fact with a seal in place of each text that can be sealed."""
    changed: dict[str, Any] = {
        name: (SEAL,) if isinstance(getattr(fact, name), tuple) else SEAL
        for name in SEALABLE.get(kind, ())
        if getattr(fact, name) is not None
    }
    made: Fact = replace(fact, **changed)
    return made


def sealed_append(facts: list[Fact], *, opens: bool) -> Append:
    """An append as this program makes it when it seals names: from outside it is refused."""
    return Append(tuple(EncodedFact(*codecs.encode(fact)) for fact in facts), opens)


def every_kind() -> Iterator[Append]:
    """Appends of every kind of fact, each in every place where it may be."""
    of_visit = [fact for kind, fact in WHOLE.items() if kind not in OPENERS]
    unlocks: list[Fact] = [replace(WHOLE["unlock_action"], **change) for change in UNLOCKS]
    failed = replace(WHOLE["actuator_outcome"], intent="i2")
    for kind in sorted(OPENERS):
        yield prepare([WHOLE[kind], *of_visit, *unlocks, failed])
        hidden = [sealed(k, fact) for k, fact in WHOLE.items() if k not in OPENERS]
        yield sealed_append([WHOLE[kind], *hidden], opens=True)
    for kind in sorted(STANDALONE):
        yield prepare([WHOLE[kind]])
        yield sealed_append([sealed(kind, WHOLE[kind])], opens=False)


def log_of_every_kind(path: Path) -> Path:
    """A log of them, its views filled."""
    return build_log(path, list(every_kind()))
