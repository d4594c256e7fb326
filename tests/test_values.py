"""Any value in any argument is refused by a named error, or comes back as it went in.

Structs made in Python included: nobody has checked those. What is refused leaves no record, and
no error of SQLite, msgspec or a codec reaches the caller.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import BadFact, EventFilter, EventLogError, EventStore, Reader, Record, codecs
from eventlog.facts import Fact
from eventlog.projections.times import canonical
from eventlog.projections.unlock_actions import UnlockFilter
from eventlog.story import read
from eventlog.visits import utc
from tests import strategies
from tests.edge_values import EDGES, anything, random_value, shown
from tests.logs import seed_for
from tests.whole_facts import FIELDS, WHOLE, with_value

R = TypeVar("R")
Call = Callable[[EventStore, Any], Awaitable[Any]]

EVENT: Final[dict[str, Any]] = {
    "camera_id": "front_door",
    "recorded_at": "2026-02-25T10:30:00",
    "recording_id": "1",
    "event_type": "ding",
    "person_name": "anna",
    "face_confidence": 0.7,
    "face_distance": 0.3,
    "unlock_granted": True,
    "door_action": "unlocked",
    "thumbnail_path": "thumbnails/x.jpg",
    "detections": [],
}
DETECTION: Final = {"label": "dog", "confidence": 0.5}
CORNERS: Final = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
NEVER_S: Final = 0.02


class Desk:
    """An open store behind a thread with its loop, so that hypothesis may ask it."""

    def __init__(self, portal: BlockingPortal, store: EventStore) -> None:
        self._portal = portal
        self.store = store

    def run(self, function: Callable[..., Awaitable[R]], *arguments: Any) -> R:
        """The answer of an async function on the store's loop."""
        return self._portal.call(function, *arguments)

    def outcome(self, call: Call, value: Any) -> Any:
        """What a call comes to: its answer, or an error of ours, short and fit to be shown."""
        try:
            return self.run(call, self.store, value)
        except EventLogError as error:
            sentence = str(error)
            assert len(sentence) < 1000, f"{shown(value)}: a sentence of {len(sentence)} characters"
            assert sentence.encode()
            return error
        except Exception as error:
            error.add_note(f"the value was {shown(value)}")
            raise


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A store with one event in it."""
    folder = tmp_path_factory.mktemp("values")
    with start_blocking_portal("asyncio") as portal:
        store = EventStore(str(folder / "events.db"), str(folder / "thumbnails"))
        portal.call(store.initialize)
        opened = Desk(portal, store)
        opened.run(_event, store, EVENT)
        yield opened
        portal.call(store.close)


# ── every argument ─────────────────────────────────────────────────────────────────────────


async def _event(store: EventStore, arguments: dict[str, Any]) -> int:
    return await store.write_event(**arguments)


def _writes(argument: str) -> Call:
    return lambda store, value: _event(store, {**EVENT, argument: value})


def _detects(field: str) -> Call:
    return lambda store, value: _event(
        store, {**EVENT, "detections": [{**DETECTION, field: value}]}
    )


def _appends(argument: str) -> Call:
    fact = WHOLE["alert_sent"] if argument == "event_id" else WHOLE["motion"]
    return lambda store, value: store.append(fact, **{argument: value})


def _holds(kind: str, field: str) -> Call:
    opener = () if kind in ("motion", "ding") else (WHOLE["motion"],)
    return lambda store, value: store.append(*opener, with_value(kind, field, value))


def _filters(field: str, **more: Any) -> Call:
    return lambda store, value: store.reader.events(EventFilter(**{**more, field: value}))


def _filters_unlocks(field: str) -> Call:
    return lambda store, value: store.reader.unlocks(UnlockFilter(**{field: value}))


async def _subscribe(store: EventStore, value: Any) -> None:
    async def first() -> None:
        async for _ in store.subscribe(value):
            return

    try:
        await asyncio.wait_for(first(), NEVER_S)
    except TimeoutError:
        return  # a position that has not come yet


async def _caught_up(store: EventStore, value: Any) -> None:
    try:
        await asyncio.wait_for(store.caught_up(value), NEVER_S)
    except TimeoutError:
        return


async def _save_thumbnail(store: EventStore, value: Any) -> str | None:
    return store.save_thumbnail(value, "2026-02-25")


async def _save_at(store: EventStore, value: Any) -> str | None:
    return store.save_thumbnail(b"no picture", value)


async def _open_at(store: EventStore, value: Any) -> None:
    folder = Path(store.db_path).parent / "others"
    folder.mkdir(exist_ok=True)
    # What is a path leads into the folder; what is none stays what it is.
    path = f"{folder}/{value}" if type(value) is str and value else value
    async with EventStore(path, str(folder / "thumbnails")):
        pass


async def _pictures_at(store: EventStore, value: Any) -> None:
    folder = Path(store.db_path).parent / "pictures"
    path = f"{folder}/{value}" if type(value) is str and ".." not in value else value
    if not isinstance(path, str) or path.startswith(str(folder)):
        EventStore(store.db_path, path)


async def _read_at(store: EventStore, value: Any) -> None:
    folder = Path(store.db_path).parent
    path = f"{folder}/{value}" if type(value) is str and value else value
    async with await Reader.open(path):
        pass


ARGUMENTS: Final[dict[str, Call]] = {
    **{f"write_event({name})": _writes(name) for name in EVENT},
    **{f"write_event(detection {name})": _detects(name) for name in (*DETECTION, *CORNERS)},
    "write_event(detection)": lambda s, v: _event(s, {**EVENT, "detections": [v]}),
    "append(fact)": lambda s, v: s.append(v),
    **{f"append({name})": _appends(name) for name in ("event_id", "key", "durability")},
    "append_many(group)": lambda s, v: s.append_many([(v,)]),
    "append_many(durability)": lambda s, v: s.append_many([[WHOLE["ding"]]], durability=v),
    "receipt": lambda s, v: s.receipt(v),
    "get_event": lambda s, v: s.get_event(v),
    "get_recent_events(limit)": lambda s, v: s.get_recent_events(limit=v),
    "get_recent_events(offset)": lambda s, v: s.get_recent_events(offset=v),
    "caught_up": _caught_up,
    "subscribe": _subscribe,
    "replay": lambda s, v: s.replay(v),
    "save_thumbnail(frame)": _save_thumbnail,
    "save_thumbnail(timestamp)": _save_at,
    "save_thumbnail_async": lambda s, v: s.save_thumbnail_async(v, v),
    "EventStore(db_path)": _open_at,
    "EventStore(thumbnails_dir)": _pictures_at,
    "Reader.open": _read_at,
    "Reader.events(wanted)": lambda s, v: s.reader.events(v),
    "Reader.events(before)": lambda s, v: s.reader.events(before=v),
    "Reader.events(label, before)": lambda s, v: s.reader.events(
        EventFilter(label="dog"), before=v
    ),
    **{f"EventFilter({name})": _filters(name) for name in EventFilter.__struct_fields__},
    **{
        f"EventFilter(label, {name})": _filters(name, label="dog")
        for name in EventFilter.__struct_fields__
    },
    "Reader.unlocks(wanted)": lambda s, v: s.reader.unlocks(v),
    "Reader.unlocks(before)": lambda s, v: s.reader.unlocks(before=v),
    "Reader.unlocks(limit)": lambda s, v: s.reader.unlocks(limit=v),
    "Reader.unlocks(offset)": lambda s, v: s.reader.unlocks(offset=v),
    **{f"UnlockFilter({name})": _filters_unlocks(name) for name in UnlockFilter.__struct_fields__},
    "Reader.unclean_stops": lambda s, v: s.reader.unclean_stops(v),
    "Reader.face_results": lambda s, v: s.reader.face_results(v),
    "Reader.unlock_actions": lambda s, v: s.reader.unlock_actions(v),
    "Reader.story": lambda s, v: s.reader.story(v),
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_value_at_the_edge_is_answered_or_refused_by_name(desk: Desk, argument: str) -> None:
    """Whatever stands in one argument, the call has an answer or an error of ours."""
    for value in EDGES:
        desk.outcome(ARGUMENTS[argument], value)


@pytest.mark.parametrize("argument", ARGUMENTS)
@settings(max_examples=15)
@given(data=st.data())
def test_any_value_is_answered_or_refused_by_name(
    desk: Desk, argument: str, data: st.DataObject
) -> None:
    """The same for values that nobody thought of."""
    desk.outcome(ARGUMENTS[argument], data.draw(anything()))


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_fact_made_in_python_is_checked_field_by_field(desk: Desk, kind: str, field: str) -> None:
    """A Struct built directly was checked by nobody: its append is, and says which field."""
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


# ── what is accepted comes back ────────────────────────────────────────────────────────────

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
    outcome = desk.outcome(_event, visit)
    if isinstance(outcome, EventLogError):
        assert desk.run(desk.store.reader.last_position) == before
        return
    event = desk.run(desk.store.get_event, outcome)
    assert event is not None
    assert {name: event[name] for name in EVENT if name != "detections"} == _expected(visit)
    assert [
        {name: row[name] for name in (*DETECTION, *CORNERS)} for row in event["detections"]
    ] == [{name: box.get(name) for name in (*DETECTION, *CORNERS)} for box in visit["detections"]]
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
        "recorded_at": canonical(utc(visit["recorded_at"], kind="event")),
        "face_confidence": confidence,
        "unlock_granted": int(visit["unlock_granted"]),
        "person_name": visit["person_name"] if named else None,
    }
