"""append_many: what an error leaves behind is known, and a call with keys can be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eventlog import (
    BadArgument,
    BadFact,
    Detection,
    EventStore,
    Fact,
    KeyConflict,
    Motion,
    PersonNamed,
    Receipt,
)
from eventlog.journal import group_commit
from tests.support.dumps import journal_of

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


def _visit(camera: str) -> list[Fact]:
    return [Motion(camera_id=camera, recorded_at=AT), Detection(label="dog", confidence=0.5)]


@pytest.fixture
def _small_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two visits fill a commit."""
    monkeypatch.setattr("eventlog.store.bulk.FACTS_PER_COMMIT", 4)
    assert group_commit.FACTS_PER_COMMIT > 4


@pytest.mark.usefixtures("_small_commits")
@pytest.mark.parametrize("bad_at", range(7))
async def test_a_call_that_failed_is_repeated_without_a_double(
    store: EventStore, bad_at: int
) -> None:
    """With keys, whatever group was bad: the second call gives the first one's receipts."""
    groups = [_visit(f"camera{n}") for n in range(7)]
    keys = [f"key{n}" for n in range(7)]
    broken = list(groups)
    broken[bad_at] = [Motion(camera_id="", recorded_at=AT)]
    with pytest.raises(BadFact) as caught:
        await store.append_many(broken, keys=keys)
    written = caught.value.receipts
    assert len(written) <= bad_at

    receipts = await store.append_many(groups, keys=keys)

    assert receipts[: len(written)] == written
    assert len(journal_of(Path(store.db_path))) == 14
    assert [await store.receipt(key) for key in keys] == receipts


@pytest.mark.usefixtures("_small_commits")
async def test_an_error_carries_a_receipt_for_each_group_that_was_written(
    store: EventStore,
) -> None:
    """Those before the first that failed and, in the same commit, those after it."""
    await store.append(PersonNamed(name="ada"), key="k")
    ben: list[Fact] = [PersonNamed(name="ben")]
    groups = [_visit("a"), _visit("b"), ben, _visit("c"), _visit("d")]
    with pytest.raises(KeyConflict) as caught:
        await store.append_many(groups, keys=[None, None, "k", None, None])
    written = caught.value.receipts
    events = [None if receipt is None else receipt.event_id for receipt in written]
    assert events[:2] == [1, 2]
    assert events[2:] in ([], [None, 3], [None, 3, 4])
    stored = {row[0] for row in journal_of(Path(store.db_path))}
    told = {position for receipt in written if receipt for position in receipt.positions}
    assert told == stored - {1}


@pytest.mark.usefixtures("_small_commits")
async def test_what_is_being_written_when_the_next_groups_fail_is_told(store: EventStore) -> None:
    """The commit that is under way ends first; its receipts are in the error."""

    def groups() -> Iterator[list[Fact]]:
        yield _visit("a")
        yield _visit("b")
        yield [Motion(camera_id="", recorded_at=AT)]

    with pytest.raises(BadFact) as caught:
        await store.append_many(groups())
    assert [isinstance(one, Receipt) for one in caught.value.receipts] == [True, True]


@pytest.mark.parametrize(
    "keys", [["a"], ["a", "b", "c"], [], "ab", {"a": 1, "b": 2}, 5, ["a", 5], ["a", ""]]
)
async def test_keys_that_do_not_fit_their_groups_are_refused(store: EventStore, keys: Any) -> None:
    """As many keys as groups, in a list; nothing is written."""
    with pytest.raises((BadArgument, Exception)) as caught:
        await store.append_many([_visit("a"), _visit("b")], keys=keys)
    assert type(caught.value).__name__ in {"BadArgument", "BadKey"}
    assert journal_of(Path(store.db_path)) == []


async def test_no_group_is_no_error(store: EventStore) -> None:
    """An empty list has no receipt."""
    assert await store.append_many([], keys=[]) == []
