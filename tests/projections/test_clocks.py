"""Times that can't be believed: a clock that was not set, one that jumped, one that is ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import codecs
from eventlog.facts import Detection, Fact, Motion, PersonNamed
from eventlog.projections.event_list import EventFilter, nest, recent_events
from eventlog.record import EPOCH, EventId, Position, Record
from tests.projections.engine import T0, T0_US, dump, projected, rows

MINUTE_US = 60_000_000
SET_US = int((datetime(2020, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * 1_000_000


class Append(NamedTuple):
    """One append of a machine: what its clocks say, and whether it opens an event."""

    boot: int
    wall_us: int  # what the wall clock shows
    clock_us: int  # since the boot
    recorded_us: int
    opens: bool = True


def log_of(appends: Sequence[Append]) -> list[Record]:
    """Their records; one that opens no event names somebody."""
    records: list[Record] = []
    events = 0
    for append in appends:
        meta = codecs.encode_meta(
            {"boot": bytes([append.boot]) * 16, "clock_ns": append.clock_us * 1000}
        )
        facts: list[Fact] = [PersonNamed(name="anna")]
        event_id = None
        if append.opens:
            events += 1
            event_id = EventId(events)
            recorded_at = EPOCH + timedelta(microseconds=append.recorded_us)
            facts = [
                Motion(camera_id="front_door", recorded_at=recorded_at),
                Detection(label="person", confidence=0.5),
            ]
        for n, fact in enumerate(facts):
            position = Position(len(records) + 1)
            first = meta if n == 0 else None
            records.append(Record(position, event_id, append.wall_us, None, fact, b"", first))
    return records


@st.composite
def machines(draw: st.DrawFn) -> list[Append]:
    """Appends over a few boots; the wall clock is set at times, the boot's clock is not."""
    appends: list[Append] = []
    offsets = st.sampled_from(
        [0, T0_US, T0_US + 7, T0_US - 3600_000_000, T0_US + 10 * 86_400_000_000]
    )
    for boot in range(draw(st.integers(1, 3))):
        offset, clock_us = draw(offsets), 0
        for _ in range(draw(st.integers(1, 6))):
            clock_us += draw(st.sampled_from([0, 1, 5_000_000, MINUTE_US]))
            if draw(st.integers(0, 3)) == 0:
                offset = draw(offsets)
            wall_us = offset + clock_us
            recorded_us = wall_us + draw(st.sampled_from([0, -5, 3 * 86_400_000_000]))
            appends.append(Append(boot, wall_us, clock_us, recorded_us, opens=draw(st.booleans())))
    return appends


def model(appends: Sequence[Append]) -> list[tuple[int, str | None]]:
    """Where each event is listed, and what is wrong with its time: by the rules alone."""
    answers: list[tuple[int, str | None]] = []
    for n, one in enumerate(appends):
        if not one.opens:
            continue
        shift = 0
        offset = one.wall_us - one.clock_us
        for later in appends[n + 1 :]:
            if later.boot == one.boot:
                now = later.wall_us - later.clock_us
                shift += now - offset if abs(now - offset) > MINUTE_US else 0
                offset = now
        unset = one.wall_us < SET_US
        before = max([one.wall_us, *(earlier.wall_us for earlier in appends[:n])])
        if abs(shift) > MINUTE_US:
            answers.append((one.wall_us + shift, "unset" if unset else "jumped"))
        elif unset:
            answers.append((before, "unset"))
        elif one.recorded_us > one.wall_us + 86_400_000_000:
            answers.append((one.wall_us, "ahead"))
        else:
            answers.append((one.recorded_us, None))
    return answers


def written(microseconds: int) -> str:
    """Canonical ISO 8601."""
    return (EPOCH + timedelta(microseconds=microseconds)).replace(tzinfo=None).isoformat()


@given(machines(), st.lists(st.integers(0, 30)))
def test_every_event_is_listed_by_the_rules(appends: list[Append], cuts: list[int]) -> None:
    """However the records are cut into batches; a label's list goes by the same times."""
    records = log_of(appends)
    connection = projected(records, [cut for cut in cuts if cut <= len(records)])
    assert dump(connection) == dump(projected(records))
    expected = [(written(at_us), doubt) for at_us, doubt in model(appends)]
    events = rows(connection, "events")
    assert [(event["listed_at"], event["clock"]) for event in events] == expected
    listed = [at_us for at_us, _ in model(appends)]
    assert [row["event_recorded_us"] for row in rows(connection, "detections")] == listed
    by_label = nest(connection.execute(*recent_events(EventFilter(label="person"))))
    everything = nest(connection.execute(*recent_events()))
    assert by_label == everything
    order = sorted(((e["listed_at"], e["id"]) for e in events), reverse=True)
    assert [(event["listed_at"], event["id"]) for event in everything] == order


def ids(records: Sequence[Record]) -> list[int]:
    """The ids of the list, newest first."""
    return [e["id"] for e in nest(projected(records).execute(*recent_events()))]


def test_a_ring_of_a_machine_without_a_clock_is_listed_when_it_rang() -> None:
    """The network sets the clock a minute later: the ring is today's, and is marked."""
    boot_us, ago_us = 20_000_000, 3600 * 1_000_000
    appends = [
        Append(0, T0_US - ago_us, ago_us, T0_US - ago_us),
        Append(1, boot_us, boot_us, boot_us),
        Append(1, T0_US + MINUTE_US, boot_us + MINUTE_US, T0_US + MINUTE_US),
    ]
    records = log_of(appends)
    assert ids(records) == [3, 2, 1]
    second = rows(projected(records), "events")[1]
    assert (second["recorded_at"], second["clock"]) == ("1970-01-01T00:00:20", "unset")
    assert second["listed_at"] == written(T0_US)


def test_without_a_later_append_it_is_listed_after_what_came_before() -> None:
    """Not last, and not in 1970."""
    appends = [
        Append(0, T0_US, 7, T0_US),
        Append(1, 5_000_000, 5_000_000, 5_000_000),
    ]
    assert ids(log_of(appends)) == [2, 1]


@pytest.mark.parametrize(
    ("ahead", "order"), [(timedelta(days=1), [1, 2]), (timedelta(days=4000), [2, 1])]
)
def test_a_time_of_years_ahead_does_not_stand_on_top_for_good(
    ahead: timedelta, order: list[int]
) -> None:
    """More than a day is listed by its append; up to a day is believed."""
    facts = [Motion(camera_id="a", recorded_at=at) for at in (T0 + ahead, T0 + timedelta(hours=1))]
    records = [
        Record(Position(n), EventId(n), T0_US + n * 3600 * 1_000_000 - 3600 * 1_000_000, None, fact)
        for n, fact in enumerate(facts, start=1)
    ]
    assert ids(records) == order


def test_damaged_meta_says_nothing_of_clocks() -> None:
    """Bytes that are no meta, and entries of other types."""
    opener = Motion(camera_id="a", recorded_at=EPOCH)
    odd: list[Any] = [b"\xc1", codecs.encode_meta({"boot": 7, "clock_ns": "x"}), b"\x80"]
    records = [
        Record(Position(n), EventId(n), 5, None, opener, b"", meta)
        for n, meta in enumerate(odd, start=1)
    ]
    assert {event["clock"] for event in rows(projected(records), "events")} == {None}
