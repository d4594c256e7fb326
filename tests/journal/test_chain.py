"""The chain tells every column of every row apart, and the place of each row.

What the bytes are that are hashed, `test_format.py` holds against the page that promises them.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.facts import PersonNamed
from eventlog.journal import chain
from eventlog.journal.append import place, prepare
from eventlog.record import Head, Position, StoredRecord

ROW: Final = StoredRecord(
    position=7,
    event_id=3,
    kind="ding",
    version=1,
    format=1,
    appended_at=1_772_015_400_000_000,
    append_index=0,
    append_size=2,
    key="ring:1:ding",
    meta=b"\x80",
    body=b"\x81\xa4kind\xa4ding",
    hash=bytes(32),
)
CHANGES: Final[list[tuple[str, Any]]] = [
    ("position", 8),
    ("event_id", 4),
    ("event_id", None),
    ("kind", "dinG"),
    ("kind", "din"),
    ("version", 2),
    ("format", 2),
    ("appended_at", -1),
    ("append_index", 1),
    ("append_size", 3),
    ("key", "ring:1:dinG"),
    ("key", ""),
    ("key", None),
    ("meta", b""),
    ("meta", None),
    ("body", b""),
    ("body", ROW.body + b"\0"),
]


@pytest.mark.parametrize(("column", "value"), CHANGES)
def test_each_column_counts_in_the_digest(column: str, value: Any) -> None:
    """Whatever column is changed, the digest is another one; empty is not NULL."""
    assert chain.digest(ROW._replace(**{column: value})) != chain.digest(ROW)


def test_all_changes_have_digests_of_their_own() -> None:
    """No two of them are alike."""
    digests = {chain.digest(ROW._replace(**{column: value})) for column, value in CHANGES}
    assert len(digests) == len(CHANGES)


def test_the_hash_itself_is_not_in_the_digest() -> None:
    """A digest is taken before the hash is known, so it can be taken without."""
    assert chain.digest(ROW) == chain.digest(tuple(ROW[:11]))
    assert chain.digest(ROW) == chain.digest(ROW._replace(hash=bytes(range(32))))


def test_many_kinds_keep_their_digests() -> None:
    """What is kept ready for a kind never serves another, however many there are."""
    rows = [ROW._replace(kind=f"kind_{n}", event_id=n % 2 or None) for n in range(600)]
    first = [chain.digest(row) for row in rows]
    assert [chain.digest(row) for row in reversed(rows)] == first[::-1]
    assert len(set(first)) == len(rows)


def test_a_hash_depends_on_what_came_before() -> None:
    """The same record has another hash in another place or another log."""
    digest = chain.digest(ROW)
    logs = [chain.genesis(bytes(16)), chain.genesis(bytes(range(16)))]
    hashes = {chain.link(previous, digest) for previous in [*logs, bytes(32)]}
    assert len(hashes) == 3
    assert not hashes & {digest, *logs}


@given(names=st.lists(st.text(min_size=1, max_size=64), min_size=2, max_size=8), data=st.data())
def test_no_two_records_can_change_places(names: list[str], data: st.DataObject) -> None:
    """In any chain, a row swapped with another breaks the chain at the first of the two."""
    head = Head(Position(0), chain.genesis(bytes(16)))
    made: list[tuple[Any, ...]] = []
    for name in names:
        placed, head = place(
            prepare([PersonNamed(name=name)]), head, event_id=None, at_us=0, meta=None
        )
        made += placed
    first, second = sorted(
        data.draw(st.lists(st.integers(0, len(made) - 1), min_size=2, max_size=2, unique=True))
    )
    made[first], made[second] = (
        (first + 1, *made[second][1:]),
        (second + 1, *made[first][1:]),
    )
    assert broken_at(made) == first + 1


def broken_at(rows: list[tuple[Any, ...]]) -> int | None:
    """The first position whose hash does not follow."""
    previous = chain.genesis(bytes(16))
    for row in rows:
        if chain.link(previous, chain.digest(row)) != row[11]:
            return int(row[0])
        previous = row[11]
    return None
