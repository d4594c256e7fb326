"""What becomes of each kind of time: refused with the reason, or one instant in UTC.

Calendars end, zones lead out of them, clocks go back in autumn and forward in spring; text says
all that in a dozen ways.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from eventlog import BadFact, EventFilter, EventStore, Motion
from eventlog.projections.story import Unread, read
from tests.store.edge_values import AFTER_TIME, BEFORE_TIME, BERLIN, NO_OFFSET

pytestmark = pytest.mark.anyio

NAIVE: Final = datetime(2026, 2, 25, 10, 30)  # noqa: DTZ001 - the naive one is the point
LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
# Clocks in Berlin show 02:30 twice on 25 October 2026, and never on 29 March.
TWICE: Final = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
NEVER: Final = datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN)

# What write_event is given, and the instant that it becomes; None is refused.
TIMES: Final[list[tuple[Any, str | None]]] = [
    # text
    ("2026-02-25T10:30:00", "2026-02-25T10:30:00"),
    ("2026-02-25T10:30:00Z", "2026-02-25T10:30:00"),
    ("2026-02-25 10:30:00+00:00", "2026-02-25T10:30:00"),
    ("20260225T103000Z", "2026-02-25T10:30:00"),
    ("2026-02-25", "2026-02-25T00:00:00"),
    ("2026-W09-3", "2026-02-25T00:00:00"),
    ("2026-02-25T10:30:00.25", "2026-02-25T10:30:00.250000"),
    ("2026-02-25T10:30:00.123456789Z", "2026-02-25T10:30:00.123456"),
    ("2026-02-25T12:30:00+02:00", "2026-02-25T10:30:00"),
    ("2026-02-25T10:30:00+05:45", "2026-02-25T04:45:00"),
    ("2026-02-25T10:30:00+00:00:01", "2026-02-25T10:29:59"),
    ("2026-02-25T10:30:00-23:59", "2026-02-26T10:29:00"),
    ("2024-02-29T00:00:00", "2024-02-29T00:00:00"),
    ("1970-01-01T00:00:00", "1970-01-01T00:00:00"),
    ("1969-12-31T23:59:59.999999", "1969-12-31T23:59:59.999999"),
    ("2038-01-19T03:14:08", "2038-01-19T03:14:08"),
    ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
    ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
    # no time
    ("0001-01-01T00:00:00+00:01", None),
    ("9999-12-31T23:59:59.999999-00:01", None),
    ("0000-12-31T00:00:00", None),
    ("10000-01-01T00:00:00", None),
    ("2026-02-29T00:00:00", None),
    ("2016-12-31T23:59:60Z", None),
    ("2026-02-25T10:60:00", None),
    ("2026-02-25T10:30:00+24:00", None),
    ("2026-02-25T10:30:00\0", None),
    ("٢٠٢٦-02-25T10:30:00", None),
    ("\ud800", None),
    ("yesterday", None),
    ("", None),
    (1_772_015_400, None),
    (1_772_015_400.0, None),
    (date(2026, 2, 25), None),
    # datetimes
    (NAIVE, "2026-02-25T10:30:00"),
    (NO_OFFSET, "2026-02-25T10:30:00"),
    (NAIVE.replace(tzinfo=timezone(timedelta(hours=-3, minutes=-30))), "2026-02-25T14:00:00"),
    (TWICE.replace(fold=0), "2026-10-25T00:30:00"),
    (TWICE.replace(fold=1), "2026-10-25T01:30:00"),
    (NEVER.replace(fold=0), "2026-03-29T01:30:00"),
    (NEVER.replace(fold=1), "2026-03-29T00:30:00"),
    (LAST, "9999-12-31T23:59:59.999999"),
    (BEFORE_TIME, None),
    (AFTER_TIME, None),
]


@pytest.mark.parametrize(("given", "instant"), TIMES, ids=lambda value: ascii(value)[:60])
async def test_a_time_is_one_instant_or_refused(
    store: EventStore, given: Any, instant: str | None
) -> None:
    """In UTC and in microseconds; without a zone it is UTC; a refusal names the field."""
    if instant is None:
        with pytest.raises(BadFact, match="recorded_at"):
            await store.write_event("front_door", given)
        assert await store.reader.last_position() == 0
        return
    event = await store.get_event(await store.write_event("front_door", given))
    assert event is not None
    assert event["recorded_at"] == instant
    (stored,) = await store.reader.story(1)
    record = read(stored)
    assert not isinstance(record, Unread)
    assert isinstance(record.fact, Motion)
    assert record.fact.recorded_at == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "instant"),
    [pair for pair in TIMES if isinstance(pair[0], datetime)],
    ids=lambda value: ascii(value)[:60],
)
async def test_a_datetime_in_a_fact_is_the_same_instant_and_needs_its_zone(
    store: EventStore, given: datetime, instant: str | None
) -> None:
    """A fact is never guessed at: a time without an offset is refused, an instant is kept."""
    motion = Motion(camera_id="front_door", recorded_at=given)
    if instant is None or given.utcoffset() is None:
        with pytest.raises(BadFact, match="recorded_at"):
            await store.append(motion)
        return
    await store.append(motion)
    event = await store.get_event(1)
    assert event is not None
    assert event["recorded_at"] == instant


@pytest.mark.parametrize("label", [None, "dog"])
async def test_a_time_in_a_filter_means_the_same_instant(
    store: EventStore, label: str | None
) -> None:
    """Whatever the zone of a bound, the list begins and ends at that instant."""
    boxes = [{"label": "dog", "confidence": 0.5}]
    for given in (TWICE.replace(fold=0), TWICE.replace(fold=1)):
        await store.write_event("front_door", given, detections=boxes)
    await store.caught_up(4)

    async def listed(**bounds: datetime) -> list[int]:
        wanted = EventFilter(label=label, since=bounds.get("since"), until=bounds.get("until"))
        return [event["id"] for event in await store.reader.events(wanted)]

    assert await listed(since=TWICE.replace(fold=0)) == [2, 1]
    assert await listed(since=TWICE.replace(fold=1)) == [2]
    assert await listed(until=TWICE.replace(fold=0)) == []
    assert await listed(until=TWICE.replace(fold=1)) == [1]
