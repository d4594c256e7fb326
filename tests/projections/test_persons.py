"""The view `persons`: who was named, where first, and what to show."""

from __future__ import annotations

import pytest

from eventlog.facts import FaceResult, Fact, PersonNamed, UnlockAction
from eventlog.projections.persons import PERSONS
from tests.projections.engine import database, projected, record, rows, run


def persons_of(*facts: Fact, apart: bool = False) -> list[tuple[object, ...]]:
    """The contract's columns of the rows that these facts come to; positions begin at 11."""
    records = [record(fact, position=11 + n) for n, fact in enumerate(facts)]
    cuts = range(len(records)) if apart else ()
    found = rows(projected(records, cuts, [PERSONS]), "persons")
    assert all(row["sealed"] is row["display_name_sealed"] is None for row in found)
    return [tuple(row.values())[:4] for row in found]


both = pytest.mark.parametrize("apart", [False, True], ids=["one batch", "a batch each"])


def test_the_columns_are_the_contracts() -> None:
    """Order, types, defaults and constraints; the name is unique."""
    connection = database([PERSONS])
    columns = connection.execute("PRAGMA table_info(persons)").fetchall()
    assert [tuple(column[1:5]) for column in columns] == [
        ("id", "INTEGER", 0, None),
        ("name", "TEXT", 1, None),
        ("display_name", "TEXT", 0, None),
        ("created_at", "TEXT", 1, "datetime('now')"),
        ("display_name_sealed", "BLOB", 0, None),
        ("sealed", "BLOB", 0, None),
    ]
    unique = [row[2] for row in connection.execute("PRAGMA index_list(persons)")]
    assert sorted(unique) == [0, 1, 1]


@both
@pytest.mark.parametrize(
    "fact",
    [
        FaceResult(name="alice", distance=0.5),
        UnlockAction(granted=True, person="alice"),
        UnlockAction(granted=False, person="alice"),
        PersonNamed(name="alice"),
    ],
)
def test_the_first_record_that_names_a_person_makes_the_row(fact: Fact, *, apart: bool) -> None:
    """Its position is the id, its append the time of creation; a later one adds nothing."""
    first = (11, "alice", None, "2026-02-25 10:30:11")
    assert persons_of(fact, FaceResult(name="alice"), apart=apart) == [first]


@both
def test_a_stranger_is_no_person(*, apart: bool) -> None:
    """A granted action without a name is not a person either."""
    assert persons_of(FaceResult(distance=0.5), UnlockAction(granted=True), apart=apart) == []


@both
def test_the_latest_person_named_says_what_to_show(*, apart: bool) -> None:
    """Faces after it change nothing."""
    (row,) = persons_of(
        FaceResult(name="alice"),
        PersonNamed(name="alice", display_name="Alice A."),
        PersonNamed(name="alice", display_name="Alice B."),
        FaceResult(name="alice"),
        apart=apart,
    )
    assert row == (11, "alice", "Alice B.", "2026-02-25 10:30:11")


@both
def test_the_latest_person_named_may_take_the_name_away(*, apart: bool) -> None:
    """No display name is what it says, so none is shown."""
    (row,) = persons_of(
        PersonNamed(name="alice", display_name="Alice A."), PersonNamed(name="alice"), apart=apart
    )
    assert row[2] is None


@both
def test_ids_are_positions_and_none_is_burnt(*, apart: bool) -> None:
    """A person seen again moves no counter."""
    named: list[Fact] = [
        FaceResult(name=name) for name in ("alice", "alice", "bob", "alice", "carol")
    ]
    assert [row[:2] for row in persons_of(*named, apart=apart)] == [
        (11, "alice"),
        (13, "bob"),
        (15, "carol"),
    ]


def test_a_name_with_its_display_name_is_written_once() -> None:
    """The row is inserted complete and not touched again in the same batch."""
    facts: list[Fact] = [FaceResult(name="alice"), PersonNamed(name="alice", display_name="Alice")]
    records = [record(fact, position=1 + n) for n, fact in enumerate(facts)]
    assert run(database([PERSONS]), PERSONS.apply(records)) == 1
