"""Any value in any argument of a public function has an answer, or is refused by a named error.

No error of SQLite, msgspec or a codec reaches the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import EventFilter, EventStore, Reader
from eventlog.projections.unlock_actions import UnlockFilter
from tests.store.edge_values import EDGES, anything
from tests.store.value_desk import CORNERS, DETECTION, EVENT, Call, Desk, opened_desk, write_event
from tests.words.whole_facts import WHOLE

NEVER_S: Final = 0.02


@pytest.fixture(scope="module", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is taken for a relative path after all makes its files where they are deleted."""
    with chdir(tmp_path_factory.mktemp("elsewhere")):
        yield


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A store with one event in it."""
    with opened_desk(tmp_path_factory.mktemp("values")) as opened:
        yield opened


# ── every argument ─────────────────────────────────────────────────────────────────────────


def _writes(argument: str) -> Call:
    return lambda store, value: write_event(store, {**EVENT, argument: value})


def _detects(field: str) -> Call:
    return lambda store, value: write_event(
        store, {**EVENT, "detections": [{**DETECTION, field: value}]}
    )


def _appends(argument: str) -> Call:
    fact = WHOLE["alert_sent"] if argument == "event_id" else WHOLE["motion"]
    return lambda store, value: store.append(fact, **{argument: value})


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
    # What is a path leads into the folder; what is not one stays what it is.
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
    "write_event(detection)": lambda s, v: write_event(s, {**EVENT, "detections": [v]}),
    "append(fact)": lambda s, v: s.append(v),
    **{f"append({name})": _appends(name) for name in ("event_id", "key", "durability")},
    "append_many": lambda s, v: s.append_many(v),
    "append_many(no group)": lambda s, v: s.append_many([v]),
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
    "Reader.doors": lambda s, v: s.reader.doors(v),
    "Reader.locks": lambda s, v: s.reader.locks(v),
    "Reader.openings": lambda s, v: s.reader.openings(v),
    "Reader.lock_openings": lambda s, v: s.reader.lock_openings(v),
    "Reader.credentials": lambda s, v: s.reader.credentials(v),
    "Reader.silences": lambda s, v: s.reader.silences(v),
    "Reader.face_results": lambda s, v: s.reader.face_results(v),
    "Reader.unlock_actions": lambda s, v: s.reader.unlock_actions(v),
    "Reader.story": lambda s, v: s.reader.story(v),
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_value_at_the_edge_is_answered_or_refused_by_name(desk: Desk, argument: str) -> None:
    """Whatever one argument is, the call has an answer or an error of ours."""
    for value in EDGES:
        desk.outcome(ARGUMENTS[argument], value)


@pytest.mark.parametrize("argument", ARGUMENTS)
@settings(max_examples=15)
@given(data=st.data())
def test_any_value_is_answered_or_refused_by_name(
    desk: Desk, argument: str, data: st.DataObject
) -> None:
    """The same for generated values."""
    desk.outcome(ARGUMENTS[argument], data.draw(anything()))
