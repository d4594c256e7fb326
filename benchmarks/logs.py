"""Large logs, made quickly and once a run: rows through our own codec and chain, views by batches.

They are what a store would have written, without an event loop and with one commit for many
appends. With a folder to keep them in, the next run finds them there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from benchmarks import plain, workload
from eventlog.facts import Fact
from eventlog.followers import projector
from eventlog.journal import append as appends
from eventlog.journal import clock
from eventlog.journal import table as journal
from eventlog.journal.head_file import HeadFile, HeadMark
from eventlog.record import LIBRARY, Head
from eventlog.storage.connections import connect_writer, transaction
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import head_path, lock_path
from eventlog.store import opening

_APPENDS_PER_COMMIT: Final = 5_000
_MADE: Final = ".made"


class _EarlierBoot(clock.Machine):
    """A boot of this machine that is over: what is appended today sets none of its clocks."""

    def boot_id(self) -> bytes:
        """An id that this boot does not have."""
        return bytes(16)


_EARLIER: Final = _EarlierBoot()


class Logs:
    """The logs of one run, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def visits(self, events: int) -> Path:
        """A log of so many visits, most of them short, as the lists are measured on."""
        return self._made(f"visits-{events}", lambda path: build(path, visits(events)))

    def past(self, events: int) -> Path:
        """The same visits, the last of them yesterday: pages and live appends need a past."""
        by = datetime.now(UTC) - timedelta(days=1) - (workload.T0 + events * workload.APART)
        return self._made(
            f"past-{events}",
            lambda path: build(path, shifted(visits(events), by), since=workload.T0 + by),
        )

    def units(self, events: int) -> Path:
        """A log of so many events of five facts."""
        return self._made(f"units-{events}", lambda path: build(path, workload.units(events)))

    def journal(self, events: int) -> Path:
        """The same without views: what is asked of the journal alone does not wait for them."""
        return self._made(
            f"journal-{events}", lambda path: build(path, workload.units(events), views=False)
        )

    def plain(self, events: int) -> Path:
        """A plain store of the same visits as `visits`."""
        return self._made(
            f"plain-{events}",
            lambda path: plain.build(path, map(workload.plain_arguments, visits(events))),
        )

    def _made(self, name: str, build_at: Callable[[Path], None]) -> Path:
        folder = self._folder / name
        if not (folder / _MADE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build_at(folder / "events.db")
            (folder / _MADE).touch()
        return folder / "events.db"


def visits(events: int) -> Iterator[list[Fact]]:
    """Three of four visits are a motion and one detection, the fourth has all five facts."""
    for number, facts in enumerate(workload.units(events)):
        rare = number % workload.RARE_ONE_IN == workload.RARE_ONE_IN // 2
        yield facts if number % 4 == 0 or rare else facts[:2]


def shifted(events: Iterable[list[Fact]], by: timedelta) -> Iterator[list[Fact]]:
    """Events at other times."""
    for facts in events:
        yield [replace(fact, recorded_at=getattr(fact, "recorded_at") + by) for fact in facts]  # noqa: B009 - a field of each kind that is used here


def copy(path: Path, folder: Path) -> Path:
    """A closed log once more, with its head file, or a closed plain store."""
    for file in (path, head_path(path)):
        if file.exists():
            shutil.copy(file, folder / file.name)
    return folder / path.name


def build(
    path: Path,
    events: Iterable[list[Fact]],
    *,
    views: bool = True,
    since: datetime = workload.T0,
) -> None:
    """A closed log of these events, each its own append, with all views at the end.

    `since` is the time of the first one.
    """
    # One boot whose clock was never set: each jump would move all events before it.
    booted_us = int(since.timestamp()) * 1_000_000 - 60_000_000
    lock = FileLock(lock_path(path))
    connection = connect_writer(path, lock)
    with lock:
        opening.prepare(connection, path)
        head = journal.head(connection)
        connection.execute("PRAGMA synchronous = OFF")
        rest = iter(enumerate(events, start=1))
        while some := list(islice(rest, _APPENDS_PER_COMMIT)):
            rows: list[tuple[Any, ...]] = []
            for event_id, facts in some:
                placed, head = _placed(facts, event_id, head, booted_us)
                rows += placed
            with transaction(connection):
                journal.insert(connection, rows)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        while views and not projector.project_batch(connection, limit=10_000).at_end:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log_id = journal.log_id(connection)
        connection.close()
    lock.close()
    head_file = HeadFile(path)
    head_file.write(HeadMark(log_id, head.position, head.position, head.hash))
    head_file.close()


def _placed(
    facts: list[Fact], event_id: int, after: Head, booted_us: int
) -> tuple[list[tuple[Any, ...]], Head]:
    at = getattr(facts[0], "recorded_at")  # noqa: B009 - an opener's field, which Fact has not
    at_us = int(at.timestamp()) * 1_000_000
    meta = clock.meta_now((at_us - booted_us) * 1000, LIBRARY, _EARLIER)
    return appends.place(appends.prepare(facts), after, event_id=event_id, at_us=at_us, meta=meta)
