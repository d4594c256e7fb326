"""What a row came to, taken apart for the tests: its facts, and what its meta keeps.

Knows `RowFacts` and the codecs; expects nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from eventlog import Fact, codecs
from eventlog.store.compat.plain_rows import Row, RowFacts, event_of_row
from tests.store.compat.plain_stores import VISIT

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NOW_US = 1_777_593_600_000_000
CREATED_US = 1_772_015_404_000_000  # VISIT's created_at
RECORDED_US = 1_772_015_400_000_000  # VISIT's recorded_at


def event(*detections: Row, **changes: object) -> RowFacts:
    """What VISIT comes to with other values, and with these detections."""
    return event_of_row({**VISIT, **changes}, detections, 7, NOW_US)


def facts(told: RowFacts) -> list[Fact]:
    """The facts of the append."""
    assert told.append is not None
    return [codecs.decode(fact.kind, fact.version, fact.body) for fact in told.append.facts]


def kept(told: RowFacts) -> dict[str, Any]:
    """What the append's meta keeps of the row."""
    assert told.append is not None
    legacy: dict[str, Any] = codecs.decode_meta(told.append.meta)["legacy"]
    return legacy


def values(told: RowFacts) -> dict[str, Any]:
    """The values that the facts do not give back."""
    found: dict[str, Any] = kept(told).get("values", {})
    return found


def only(told: RowFacts, kind: type[Fact]) -> Any:
    """The one fact of a kind."""
    (fact,) = [fact for fact in facts(told) if isinstance(fact, kind)]
    return fact
