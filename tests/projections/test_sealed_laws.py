"""The laws of sealed names in views: live equals replay before, during and after erasures.

A model of seals stands in place of a file. Live views are filled step by step, each batch with the
names that were open at that time; a replay fills them with those that are open at its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.facts import (
    CredentialPresented,
    Detection,
    FaceResult,
    Fact,
    IdentityLinked,
    Motion,
    PersonErased,
    PersonNamed,
    Sealed,
    UnlockAction,
    personal_fields,
    with_personal,
)
from eventlog.followers.opening import ERASED_SEAL, Opening
from eventlog.projections import VIEWS
from eventlog.record import EventId, Position, Record
from tests.projections.engine import T0, T0_US, database, dump, project, rows

NAMES: Final = ("ada", "bob", "erased person")
names = st.sampled_from(NAMES)
maybe = st.none() | names
of_a_visit: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        FaceResult,
        name=maybe,
        nearest=maybe,
        distance=st.sampled_from([None, 0.25, 0.5]),
        given_by=st.sampled_from([None, None, "person"]),
    ),
    st.builds(
        UnlockAction,
        granted=st.booleans(),
        door_action=st.sampled_from(["unlocked", "none"]),
        person=maybe,
        user_ref=st.none() | st.sampled_from(["u-1", "u-2"]),
        door_id=st.none() | st.just("front"),
        intent=st.none() | st.sampled_from(["i1", "i2"]),
    ),
    st.builds(Detection, label=st.just("car"), plate=maybe),
)
of_none: st.SearchStrategy[Fact] = st.one_of(
    st.builds(PersonNamed, name=names, display_name=maybe),
    st.builds(IdentityLinked, person=names, same_as=names, linked=st.booleans()),
    st.builds(
        IdentityLinked, person=names, source=st.just("front"), identity=st.sampled_from(["u-1"])
    ),
    st.builds(
        CredentialPresented,
        credential_kind=st.just("pin"),
        person=maybe,
        user_ref=st.none() | st.just("u-2"),
    ),
)
# A step is a visit, a fact of an earlier visit, a fact of none, or the erasure of a text.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("visit"), st.lists(of_a_visit, max_size=2)),
        st.tuples(st.just("late"), of_a_visit),
        st.tuples(st.just("none"), of_none),
        st.tuples(st.just("erase"), st.sampled_from([*NAMES, "u-1", "u-2"])),
    ),
    max_size=14,
)


@dataclass
class Log:
    """A journal with seals, and the texts that can be opened."""

    records: list[Record] = field(default_factory=list)
    texts: dict[bytes, str] = field(default_factory=dict)
    live: dict[str, bytes] = field(default_factory=dict)
    visits: int = 0

    def take(self, step: tuple[str, Any]) -> None:
        """Append what a step says."""
        kind, what = step
        if kind == "visit":
            self.visits += 1
            self.add(Motion(camera_id="front", recorded_at=T0), self.visits)
            for fact in what:
                self.add(fact, self.visits)
        elif kind == "late" and self.visits:
            self.add(what, 1 + len(self.records) % self.visits)
        elif kind == "none":
            self.add(what, None)
        elif kind == "erase" and what in self.live:
            seal = self.live.pop(what)
            self.add(PersonErased(sealed=(seal,), reason="asked", requested_at=T0), None)

    def add(self, fact: Fact, event_id: int | None) -> None:
        """Append a fact with its texts sealed."""
        seals = {
            path: Sealed(sealed=self.seal(text))
            for path, text in personal_fields(fact)
            if isinstance(text, str)
        }
        position = len(self.records) + 1
        self.records.append(
            Record(
                Position(position),
                None if event_id is None else EventId(event_id),
                T0_US + position * 1_000_000,
                None,
                with_personal(fact, seals),
            )
        )

    def seal(self, text: str) -> bytes:
        """The seal of a text, a new one after an erasure."""
        if text not in self.live:
            seal = sha256(f"{text} {len(self.texts)}".encode()).digest()
            self.live[text], self.texts[seal] = seal, text
        return self.live[text]

    def opened(self, records: Sequence[Record]) -> list[Record]:
        """Records as a follower has them whose snapshot is the whole log of now."""
        opening = Opening(self.text, required=True)
        for record in self.records:
            if isinstance(record.fact, PersonErased):
                opening.erased.update(record.fact.sealed)
        return [opening.open(record) for record in records]

    def text(self, seal: bytes) -> str | None:
        """What the file of seals says."""
        return self.texts[seal] if seal in self.live.values() else ERASED_SEAL

    def replayed(self, size: int) -> sqlite3.Connection:
        """The views, replayed now in batches of a size."""
        connection = database()
        for start in range(0, len(self.records), size):
            project(connection, self.opened(self.records[start : start + size]))
        return connection


@settings(max_examples=150, deadline=None)
@given(steps=steps, sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6), at=st.integers(1, 4))
def test_live_views_equal_a_replay_before_during_and_after_erasures(
    steps: list[tuple[str, Any]], sizes: list[int], at: int
) -> None:
    """However batches are cut, and whenever the names were read."""
    log, live, done = Log(), database(), 0
    for number, step in enumerate(steps):
        log.take(step)
        # Some batches lag behind the journal: their names were erased before they were read.
        while len(log.records) - done > sizes[number % len(sizes)]:
            size = sizes[number % len(sizes)]
            project(live, log.opened(log.records[done : done + size]))
            done += size
    project(live, log.opened(log.records[done:]))
    assert content(live) == content(log.replayed(at)) == content(log.replayed(1000))


def content(connection: sqlite3.Connection) -> list[str]:
    """All tables but SQLite's own counter, which counts erased persons: ids are positions."""
    return [line for line in dump(connection) if not line.startswith("sqlite_sequence")]


@settings(max_examples=80, deadline=None)
@given(steps=steps)
def test_an_erased_seal_shows_no_name_and_no_other_row_changes(
    steps: list[tuple[str, Any]],
) -> None:
    """In no column of any table; rows without the seal are as they would be without the erasure."""
    log = Log()
    for step in steps:
        log.take(step)
    before = log.replayed(7)
    if "ada" not in log.live:
        return
    seal = log.live["ada"]
    log.take(("erase", "ada"))
    after = log.replayed(7)
    tables = [table for view in VIEWS for table in view.tables if table != "erasures"]
    for table in tables:
        kept = {row["id"]: row for row in rows(after, table)}
        for row in rows(before, table):
            if seal not in row.values():
                assert kept[row["id"]] == row, table
        for row in rows(after, table):
            for column, named in row.items():
                if named == seal:
                    text = row.get(_TEXT_OF.get((table, column), ""), "")
                    assert text in {"", None, "erased person"}, (table, column)


_TEXT_OF: Final = {
    ("events", "sealed"): "person_name",
    ("face_results", "sealed"): "name",
    ("face_results", "nearest_sealed"): "nearest",
    ("unlock_actions", "sealed"): "person",
    ("unlock_actions", "user_ref_sealed"): "user_ref",
    ("acts", "sealed"): "person",
    ("credentials", "sealed"): "person",
    ("credentials", "user_ref_sealed"): "user_ref",
    ("detections", "plate_sealed"): "plate",
    ("event_names", "sealed"): "text",
}
