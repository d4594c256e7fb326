"""A reactor gets every record once and in order, and its checkpoint moves as it says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from eventlog.errors import CheckpointMoved
from eventlog.facts import PersonNamed
from eventlog.followers import checkpoints
from eventlog.followers.reactor import Reactor
from eventlog.record import Record
from eventlog.store.event_store import EventStore
from tests.support.logs import guards_down, visit

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open log."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


class Notes:
    """A reactor that notes positions, and settles up to `settled` or all that it was given."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.calls = 0
        self.settled: int | None = None
        self.error: Exception | None = None

    async def act(self, records: Sequence[Record]) -> int:
        """Note the records."""
        self.calls += 1
        if self.error is not None:
            raise self.error
        self.positions += [record.position for record in records]
        done = self.positions[-1] if self.positions else 0
        return done if self.settled is None else self.settled


def reactor(store: EventStore, notes: Notes, *, version: int = 1) -> Reactor:
    """A reactor over an open log."""
    return Reactor("notes", store._engine.writer, store.reader, notes.act, version=version)


async def test_every_record_comes_once_and_in_order(store: EventStore) -> None:
    """What is stored comes first, what is appended later comes after it."""
    notes = Notes()
    one = reactor(store, notes)
    for number in range(3):
        await store.append(*visit(number))
    await one.run_to_end()
    await store.append(*visit(3))
    await one.run_to_end()
    assert notes.positions == list(range(1, await store.reader.last_position() + 1))


async def test_a_restart_goes_on_from_what_was_settled(store: EventStore) -> None:
    """Records behind the checkpoint come again, those before it do not."""
    await store.append_many([[PersonNamed(name=f"p{number}")] for number in range(6)])
    notes = Notes()
    notes.settled = 4
    await reactor(store, notes).run_to_end()
    again = Notes()
    await reactor(store, again).run_to_end()
    assert (notes.positions, again.positions) == ([1, 2, 3, 4, 5, 6], [5, 6])


async def test_an_error_of_the_reactor_leaves_the_checkpoint(store: EventStore) -> None:
    """The same records come to the next run."""
    await store.append(*visit(1))
    notes = Notes()
    notes.error = OSError("away")
    one = reactor(store, notes)
    with pytest.raises(OSError, match="away"):
        await one.run_to_end()
    notes.error = None
    await one.run_to_end()
    assert notes.positions[0] == 1
    assert one.settled == one.position == await store.reader.last_position()


async def test_it_is_called_while_nothing_happens(store: EventStore) -> None:
    """A reactor that waits for a time is called without records."""
    notes = Notes()
    one = reactor(store, notes)
    assert await one.run_once() is False
    assert (notes.calls, notes.positions) == (1, [])


async def test_two_processes_of_one_reactor_are_noticed(store: EventStore) -> None:
    """The slower one finds the checkpoint moved, and stops."""
    first, second = reactor(store, Notes()), reactor(store, Notes())
    await first.open()
    await second.open()
    await store.append(*visit(1))
    await first.run_to_end()
    with pytest.raises(CheckpointMoved):
        await second.run_to_end()


async def test_another_version_begins_anew(store: EventStore) -> None:
    """What an older version of the reactor settled, a newer one looks at again."""
    await store.append(*visit(1))
    await reactor(store, Notes()).run_to_end()
    notes = Notes()
    await reactor(store, notes, version=2).run_to_end()
    assert notes.positions[0] == 1


async def test_a_checkpoint_past_the_end_begins_anew(store: EventStore) -> None:
    """After a restored backup the journal is shorter than what was settled."""
    await store.append(*visit(1))
    await store._engine.writer.run(
        lambda c: checkpoints.reset(c, f"{checkpoints.REACTOR}notes", 1, 99)
    )
    notes = Notes()
    await reactor(store, notes).run_to_end()
    assert notes.positions[0] == 1


async def test_a_record_that_cannot_be_read_is_passed_over_and_counted(tmp_path: Path) -> None:
    """One damaged record does not keep the later ones from a reactor."""
    path = tmp_path / "events.db"
    async with EventStore(str(path), str(tmp_path / "thumbnails")) as store:
        await store.append_many([[PersonNamed(name=f"p{number}")] for number in range(3)])
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET body = x'c1' WHERE position = 2")
    async with EventStore(str(path), str(tmp_path / "thumbnails")) as store:
        notes = Notes()
        one = reactor(store, notes)
        await one.run_to_end()
        assert (notes.positions, one.unread, one.settled) == ([1, 3], 1, 3)


async def test_its_checkpoint_is_no_views(store: EventStore) -> None:
    """Views are listed without the reactors, so that no reactor counts as a view that lags."""
    before = await store.reader.checkpoints()
    await reactor(store, Notes()).open()
    assert await store.reader.checkpoints() == before
