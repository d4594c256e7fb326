"""What is accepted is read back unchanged: facts made in Python, visits, any field.

What is refused leaves no record.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import BadFact, EventLogError, EventStore, Record, codecs
from eventlog.facts import OPENERS, Fact
from eventlog.projections.story import read
from eventlog.projections.times import canonical
from eventlog.store.compat.write_event import recorded_at_of
from tests.store.edge_values import EDGES, anything, random_value, shown
from tests.store.value_desk import CORNERS, DETECTION, EVENT, Call, Desk, opened_desk, write_event
from tests.support import strategies
from tests.support.logs import seed_for
from tests.words.whole_facts import FIELDS, WHOLE, with_value


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A store with one event in it."""
    with opened_desk(tmp_path_factory.mktemp("values")) as opened:
        yield opened


# ── facts made in Python ───────────────────────────────────────────────────────────────────


def _holds(kind: str, field: str) -> Call:
    opener = () if kind in OPENERS else (WHOLE["motion"],)
    return lambda store, value: store.append(*opener, with_value(kind, field, value))


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_fact_made_in_python_is_checked_field_by_field(desk: Desk, kind: str, field: str) -> None:
    """A Struct that is built directly is not checked: its append is, and names the field."""
    for value in EDGES:
        outcome = desk.outcome(_holds(kind, field), value)
        if not isinstance(outcome, EventLogError):
            kept = with_value(kind, field, _kept(value))
            assert desk.run(_last_fact, desk.store) == kept, shown(value)


async def _last_fact(store: EventStore) -> Fact:
    end = await store.reader.last_position()
    async for record in store.subscribe(end - 1):
        return record.fact
    raise AssertionError("a subscription never ends")


def _kept(value: Any) -> Any:
    # A time that its zone has twice, or never, equals no time of another zone.
    return value.astimezone(UTC) if isinstance(value, datetime) else value


@pytest.mark.parametrize(
    "number", [200, pytest.param(10_000, marks=pytest.mark.faults)], ids="{} values".format
)
@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_random_values_of_a_field_are_refused_or_read_back_equal(
    kind: str, field: str, number: int
) -> None:
    """At the gate itself: nothing out of a field's range gets in, nothing changes on the way."""
    rng = random.Random(seed_for(f"values of {kind}.{field}"))
    refused = 0
    for _ in range(number):
        value = random_value(rng)
        try:
            encoded = codecs.encode(with_value(kind, field, value))
        except BadFact:
            refused += 1
        else:
            assert codecs.decode(*encoded) == with_value(kind, field, _kept(value)), shown(value)
    assert refused > number / 10


# ── whole visits ───────────────────────────────────────────────────────────────────────────

BOXES: Final = st.fixed_dictionaries(
    {"label": strategies.labels(), "confidence": strategies.fractions()},
    optional={corner: strategies.maybe(strategies.finite_floats()) for corner in CORNERS},
)
VISITS: Final = st.fixed_dictionaries(
    {
        "camera_id": strategies.cameras(),
        "recorded_at": strategies.instants() | strategies.instants().map(datetime.isoformat),
        "recording_id": strategies.maybe(strategies.texts(256)),
        "event_type": st.sampled_from(["motion", "ding"]),
        "person_name": strategies.maybe(strategies.names()),
        "face_confidence": strategies.maybe(strategies.fractions()),
        "face_distance": strategies.maybe(strategies.distances()),
        "unlock_granted": st.sampled_from([True, False, 0, 1]),
        "door_action": strategies.door_actions(),
        "thumbnail_path": strategies.maybe(strategies.texts(256)),
        "detections": st.lists(BOXES, max_size=3),
    }
)


@settings(max_examples=100)
@given(visit=VISITS, data=st.data())
def test_what_write_event_accepts_reads_back_equal_everywhere(
    desk: Desk, visit: dict[str, Any], data: st.DataObject
) -> None:
    """It is refused and leaves nothing, or it is the same in tables, journal and JSON."""
    if data.draw(st.booleans()):
        visit = {**visit, data.draw(st.sampled_from(sorted(visit))): data.draw(anything())}
    before = desk.run(desk.store.reader.last_position)
    outcome = desk.outcome(write_event, visit)
    if isinstance(outcome, EventLogError):
        assert desk.run(desk.store.reader.last_position) == before
        return
    event = desk.run(desk.store.get_event, outcome)
    assert event is not None
    assert {name: event[name] for name in EVENT if name != "detections"} == _expected(visit)
    assert [
        {name: row[name] for name in (*DETECTION, *CORNERS)} for row in event["detections"]
    ] == [
        {name: box.get(name) for name in (*DETECTION, *CORNERS)}
        for box in visit["detections"] or ()
    ]
    assert json.loads(json.dumps(event)) == event
    for stored in desk.run(desk.store.reader.story, outcome):
        record = read(stored)
        assert isinstance(record, Record)
        plain = json.loads(json.dumps(codecs.to_builtins(record.fact)))
        assert codecs.from_builtins(plain) == record.fact


def _expected(visit: dict[str, Any]) -> dict[str, Any]:
    confidence = visit["face_confidence"]
    if confidence is None and visit["face_distance"] is not None:
        confidence = max(0.0, 1.0 - visit["face_distance"])
    named = visit["person_name"] is not None
    return {
        **{name: visit[name] for name in EVENT if name != "detections"},
        "recorded_at": canonical(recorded_at_of(visit["recorded_at"], kind="event")),
        "face_confidence": confidence,
        "unlock_granted": int(visit["unlock_granted"]),
        "person_name": visit["person_name"] if named else None,
    }
