"""The law of the log: whatever happens, the views equal a fold of the facts.

A plain model (lists and dicts of facts, no database) stands beside a real log; hypothesis
appends, joins, projects, closes, reopens, drops views and replays in any order.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from eventlog import EventStore, KeyConflict
from eventlog.facts import Detection, FaceResult, Fact, Opener, PersonNamed, UnlockAction
from eventlog.record import EventId, Position, Record
from tests.projections.visit_model import model_event
from tests.support.dumps import views_of
from tests.support.strategies import facts, visits


class Model:
    """What a log should say, from the facts alone."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.events = 0

    def append(self, some: list[Fact], event_id: int | None) -> tuple[tuple[int, ...], int | None]:
        if isinstance(some[0], Opener):
            self.events += 1
            event_id = self.events
        first = len(self.records) + 1
        event = None if event_id is None else EventId(event_id)
        # About when it is appended; the exact microsecond decides nothing.
        now_us = time.time_ns() // 1000
        self.records += [
            Record(Position(first + n), event, now_us, None, fact) for n, fact in enumerate(some)
        ]
        return tuple(range(first, first + len(some))), event_id

    def event(self, event_id: int) -> dict[str, Any]:
        """The columns of an event that facts decide, and its detections."""
        own = [record for record in self.records if record.event_id == event_id]
        event = model_event(self.records, own[0])
        for decided_by_the_clock in ("created_at", "listed_at", "clock"):
            del event[decided_by_the_clock]
        event["detections"] = [
            (r.position, r.fact.label, r.fact.confidence or 0.0)
            for r in own
            if isinstance(r.fact, Detection)
        ]
        return event

    def persons(self) -> dict[str, tuple[int, str | None]]:
        """Each person's id and display name."""
        found: dict[str, tuple[int, str | None]] = {}
        for record in self.records:
            position, fact = record.position, record.fact
            if isinstance(fact, FaceResult | PersonNamed):
                given = fact.name
            else:
                given = fact.person if isinstance(fact, UnlockAction) else None
            if given is None:
                continue
            name = str(given)
            first, display = found.get(name, (position, None))
            if isinstance(fact, PersonNamed):
                display = None if fact.display_name is None else str(fact.display_name)
            found[name] = (first, display)
        return found


class LogMachine(RuleBasedStateMachine):
    """A real log in a folder, and its model."""

    keys: Bundle[str] = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "events.db"
        self.model = Model()
        self.by_key: dict[str, tuple[list[Fact], int | None, Any]] = {}
        self.portal_context = start_blocking_portal("asyncio")
        self.portal: BlockingPortal = self.portal_context.__enter__()
        self.open()

    def teardown(self) -> None:
        self.portal.call(self.store.close)
        self.portal_context.__exit__(None, None, None)
        self.folder.cleanup()

    def open(self) -> None:
        self.store = EventStore(str(self.path), str(Path(self.folder.name) / "thumbnails"))
        self.portal.call(self.store.initialize)

    def append(self, some: list[Fact], event_id: int | None, key: str | None) -> Any:
        return self.portal.call(
            lambda: self.store.append(*some, event_id=event_id, key=key, durability="relaxed")
        )

    @rule(visit=visits())
    def a_visit_comes(self, visit: list[Fact]) -> None:
        receipt = self.append(visit, None, None)
        assert (receipt.positions, receipt.event_id) == self.model.append(visit, None)

    @rule(target=keys, visit=visits(), n=st.integers(0, 10**9))
    def a_visit_comes_with_a_key(self, visit: list[Fact], n: int) -> str:
        key = f"k{n}"
        if key not in self.by_key:
            receipt = self.append(visit, None, key)
            assert (receipt.positions, receipt.event_id) == self.model.append(visit, None)
            self.by_key[key] = (visit, None, receipt)
        return key

    @rule(key=keys)
    def it_comes_again(self, key: str) -> None:
        visit, event_id, receipt = self.by_key[key]
        assert self.append(visit, event_id, key) == receipt

    @rule(key=consumes(keys), visit=visits())
    def another_comes_under_its_key(self, key: str, visit: list[Fact]) -> None:
        first, _, receipt = self.by_key[key]
        if visit == first:
            assert self.append(visit, None, key) == receipt
            return
        with pytest.raises(KeyConflict) as conflict:
            self.append(visit, None, key)
        assert conflict.value.receipt == receipt

    @rule(fact=facts(), pick=st.integers(0, 10**9))
    def a_fact_joins(self, fact: Fact, pick: int) -> None:
        if isinstance(fact, Opener) or not self.model.events:
            return
        event_id = pick % self.model.events + 1
        receipt = self.append([fact], event_id, None)
        assert (receipt.positions, receipt.event_id) == self.model.append([fact], event_id)

    @rule()
    def it_is_closed_and_opened(self) -> None:
        self.portal.call(self.store.close)
        self.open()

    @rule()
    def it_is_replayed(self) -> None:
        self.portal.call(self.store.replay)

    @rule(view=st.sampled_from(["events", "detections", "persons", "face_results"]))
    def a_view_is_dropped(self, view: str) -> None:
        self.portal.call(self.store.close)
        with sqlite3.connect(self.path) as connection:
            connection.execute(f"DROP TABLE {view}")
        connection.close()
        self.open()

    @invariant()
    def views_equal_the_fold(self) -> None:
        end = len(self.model.records)
        self.portal.call(self.store.caught_up, end)
        for event_id in range(1, self.model.events + 1):
            event = self.portal.call(self.store.get_event, event_id)
            assert event is not None
            expected = self.model.event(event_id)
            expected["detections"] = sorted(expected["detections"])
            seen = {name: event[name] for name in expected if name != "detections"}
            seen["detections"] = [
                (d["id"], d["label"], d["confidence"]) for d in event["detections"]
            ]
            assert seen == expected
        persons = self.portal.call(self.store.reader.persons)
        assert {p["name"]: (p["id"], p["display_name"]) for p in persons} == self.model.persons()

    @rule()
    def live_equals_replayed_to_the_byte(self) -> None:
        self.portal.call(self.store.caught_up, len(self.model.records))
        live = views_of(self.path)
        self.portal.call(self.store.replay)
        assert views_of(self.path) == live


LogMachine.TestCase.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
TestTheLogIsAFold = LogMachine.TestCase
