"""What counts as whole: proved by the chain, or standing behind a hole with nothing against it."""

from __future__ import annotations

from typing import Any

import pytest

from eventlog.facts import PersonNamed
from eventlog.journal import chain
from eventlog.journal.append import place, prepare
from eventlog.journal.head_file import HeadMark
from eventlog.maintenance.salvage.grading import Whole, grade
from eventlog.maintenance.salvage.staging import CURRENT, STALE, STRAY, Candidate
from eventlog.record import Head, Position, StoredRecord

LOG_ID = bytes(range(16))


def journal(count: int, salt: str = "") -> list[StoredRecord]:
    """Rows of a journal."""
    head = Head(Position(0), chain.genesis(LOG_ID))
    made: list[StoredRecord] = []
    for number in range(count):
        append = prepare([PersonNamed(name=f"{salt}{number}")])
        placed, head = place(append, head, event_id=None, at_us=number, meta=None)
        made += map(StoredRecord._make, placed)
    return made


def judged(
    rows: list[tuple[StoredRecord, int]],
    *,
    known: bool = True,
    mark: HeadMark | None = None,
    reached: int = 100,
) -> dict[int, Whole]:
    """What is undamaged among these rows, each found at a level, by position."""
    groups: dict[int, list[Candidate]] = {}
    for row, level in sorted(rows, key=lambda found: (found[0].position, found[1])):
        groups.setdefault(row.position, []).append(Candidate(row, level, chain.digest(row)))
    log_id = LOG_ID if known else None
    whole = grade(groups.items(), log_id=log_id, mark=mark, reached=reached)
    return {found.row.position: found for found in whole}


def current(rows: list[StoredRecord]) -> list[tuple[StoredRecord, int]]:
    """Rows on current pages."""
    return [(row, CURRENT) for row in rows]


def grades(found: dict[int, Whole]) -> list[tuple[int, str]]:
    """Positions and grades."""
    return [(position, whole.grade) for position, whole in found.items()]


def head_of(rows: list[StoredRecord]) -> HeadMark:
    """The head file of a journal."""
    return HeadMark(LOG_ID, rows[-1].position, rows[-1].position, rows[-1].hash)


def test_an_unbroken_chain_is_proved() -> None:
    """From the log's id on, each record proves the next."""
    assert {whole.grade for whole in judged(current(journal(5))).values()} == {"proved"}


def test_an_altered_record_is_not_taken_and_the_next_is_proved() -> None:
    """The hash that it should have had is still there."""
    rows = journal(5)
    rows[2] = rows[2]._replace(body=rows[1].body)
    assert grades(judged(current(rows))) == [
        (1, "proved"),
        (2, "proved"),
        (4, "proved"),
        (5, "proved"),
    ]


def test_a_record_behind_a_hole_is_told_apart() -> None:
    """It is taken for what it says; those behind it are proved again."""
    rows = journal(6)
    assert grades(judged(current(rows[:2] + rows[3:]))) == [
        (1, "proved"),
        (2, "proved"),
        (4, "followed"),
        (5, "proved"),
        (6, "proved"),
    ]


def test_a_record_behind_one_that_lost_its_hash_too_is_told_apart() -> None:
    """Noise on an overflow page hits the end of a body and the hash behind it."""
    rows = journal(5)
    rows[2] = rows[2]._replace(body=rows[1].body, hash=bytes(32))
    assert grades(judged(current(rows))) == [
        (1, "proved"),
        (2, "proved"),
        (4, "followed"),
        (5, "proved"),
    ]


def test_a_record_that_contradicts_one_that_is_taken_is_not() -> None:
    """One of the two is damaged, and of one nothing is known."""
    rows = journal(5)
    rows[3] = rows[3]._replace(body=rows[1].body)
    assert grades(judged(current(rows[2:]))) == [(3, "unproved"), (5, "proved")]


def test_a_record_between_two_holes_is_taken_if_its_body_says_the_same() -> None:
    """Nothing confirms it, and nothing contradicts it."""
    rows = journal(5)
    alone = [rows[0], rows[2], rows[4]]
    assert grades(judged(current(alone))) == [(1, "proved"), (3, "unproved"), (5, "unproved")]
    alone[1] = alone[1]._replace(kind="ding")
    assert grades(judged(current(alone))) == [(1, "proved"), (5, "unproved")]


def test_a_damaged_hash_is_repaired_by_the_record_after() -> None:
    """Only the hash is damaged, and the next record was chained to the right one."""
    rows = journal(5)
    right = rows[2].hash
    rows[2] = rows[2]._replace(hash=bytes(32))
    found = judged(current(rows))
    assert grades(found)[2] == (3, "repaired")
    assert found[3].row.hash == right
    assert [grade for _, grade in grades(found)].count("proved") == 4


def test_the_last_hash_is_repaired_by_the_head_file() -> None:
    """No record comes after it; the head file knows its hash."""
    rows = journal(3)
    mark = head_of(rows)
    rows[2] = rows[2]._replace(hash=bytes(32))
    assert grades(judged(current(rows), mark=mark))[2] == (3, "repaired")
    assert len(judged(current(rows))) == 2


def test_copies_are_told_apart_by_the_chain() -> None:
    """Of two rows of one position the one is taken that links."""
    rows, other = journal(5), journal(5, salt="other")
    found = judged(current([*rows, other[1], other[3]]))
    assert [whole.row for whole in found.values()] == rows


def test_of_two_branches_that_both_link_the_one_goes_on_that_is_followed() -> None:
    """What was rolled back was followed by nothing."""
    rows = journal(4)
    branch, _ = place(
        prepare([PersonNamed(name="never")]),
        Head(Position(1), rows[0].hash),
        event_id=None,
        at_us=0,
        meta=None,
    )
    rolled_back = StoredRecord._make(branch[0])
    for level in (CURRENT, STRAY, STALE):
        found = judged([*current(rows), (rolled_back, level)], mark=head_of(rows))
        assert [whole.row for whole in found.values()] == rows


def test_two_copies_that_nothing_tells_apart_are_not_guessed_at() -> None:
    """A position is named as missing rather than filled with the wrong record."""
    rows, other = journal(5), journal(5, salt="other")
    assert grades(judged(current([rows[0], rows[2], other[2]]))) == [(1, "proved")]


@pytest.mark.parametrize("level", [STRAY, STALE])
def test_what_no_pointer_led_to_needs_a_proof(level: int) -> None:
    """Bytes that look like a row may be anything; only the chain speaks for them."""
    rows = journal(5)
    mark = head_of(rows)
    found = judged([*current(rows[:2]), (rows[2], level)], mark=mark)
    assert grades(found)[2] == (3, "proved")
    found = judged([*current(rows[:2]), (rows[3], level)], mark=mark)
    assert grades(found) == [(1, "proved"), (2, "proved")]


def test_a_frame_that_sqlite_would_not_read_brings_back_what_was_acknowledged_only() -> None:
    """After the head file's position, no caller had been answered."""
    rows = journal(5)
    found = [*current(rows[:2]), *((row, STALE) for row in rows[2:])]
    assert list(judged(found, mark=head_of(rows[:4]))) == [1, 2, 3, 4]
    assert list(judged(found)) == [1, 2]


def test_a_log_id_that_is_not_known_leaves_the_first_record_unproved() -> None:
    """It is taken nevertheless."""
    assert grades(judged(current(journal(2)), known=False)) == [(1, "followed"), (2, "proved")]


def test_another_logs_id_takes_no_first_record() -> None:
    """Where the id is known for sure the first record must be chained to it."""
    first: Any = journal(2)[0]._replace(body=journal(2, salt="x")[0].body)
    assert list(judged(current([first, journal(2)[1]]))) == [2]


def test_nothing_unproved_is_taken_from_beyond_the_log() -> None:
    """One flipped bit in a position can make any number of it."""
    rows = journal(3)
    far = rows[2]._replace(position=2**40)
    assert list(judged(current([*rows[:2], far]), reached=3)) == [1, 2]
    assert list(judged(current(rows), reached=0)) == [1, 2, 3]
