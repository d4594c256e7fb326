"""Bytes on the disk: what an event of five facts takes, part by part, and what the WAL takes."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from benchmarks import callers, logs, workload
from benchmarks.bench import Bench
from benchmarks.measures import Row, Series, figure
from eventlog.followers import projector
from eventlog.journal import append as appends
from eventlog.journal import table as journal
from eventlog.storage import wal_file as wal
from eventlog.storage.connections import connect_reader, connect_writer
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path, wal_path

_CONTRACT = (
    "events",
    "detections",
    "persons",
    "sqlite_autoindex_persons_1",
    "idx_events_recorded_at",
    "idx_events_camera_id",
    "idx_events_person_name",
    "idx_detections_event_id",
    "idx_detections_label",
)
_SIZES = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name"
_TABLES = "SELECT name, tbl_name FROM sqlite_schema WHERE type IN ('table', 'index')"


async def sizes(bench: Bench) -> Row:
    """Every table and index of a filled log, in bytes for each event."""
    events = bench.size(20_000, 5_000)
    with closing(connect_reader(bench.logs.units(events))) as connection:
        by_object = dict(connection.execute(_SIZES))
        table_of = dict(connection.execute(_TABLES))
    parts = {name: size / events for name, size in by_object.items() if size / events >= 1}
    journal_ = sum(size for name, size in parts.items() if table_of.get(name) == "journal")
    contract = sum(size for name, size in parts.items() if name in _CONTRACT)
    return Row(
        name="bytes on disk for each event of five facts",
        figures=[
            figure("journal", [journal_], "bytes", at_most=1_500),
            figure(
                "with the contract's read tables", [journal_ + contract], "bytes", at_most=1_900
            ),
        ],
        series=[
            Series(name, "bytes", [size])
            for name, size in sorted(parts.items(), key=lambda part: -part[1])
        ],
    )


async def written(bench: Bench) -> Row:
    """The WAL's length while 64 callers append, and what one append by itself writes."""
    highest = await _highest(bench)
    one, projecting = await _single(bench)
    return Row(
        name="the WAL",
        figures=[
            figure("under full load", [highest / 1e6], "MB", at_most=128),
            figure("written by a single append", [one / 1000], "kB", at_most=10),
        ],
        series=[Series("projecting a single event", "bytes", [projecting])],
    )


async def _highest(bench: Bench) -> float:
    """The longest that the WAL file was, looked at all the time."""
    highest = 0
    done = False

    async def watch() -> None:
        nonlocal highest
        while not done:
            highest = max(highest, _longest_wal(bench.folder))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    await callers.ours(bench, bench.size(20_000, 4_000), 64, "relaxed", with_views=True)
    done = True
    await watching
    return float(highest)


def _longest_wal(folder: Path) -> int:
    sizes = [path.stat().st_size for path in folder.glob("round-*/events.db-wal")]
    return max(sizes, default=0)


async def _single(bench: Bench) -> tuple[float, float]:
    """Mean bytes that the commit of one append adds to the WAL, and that of its projection."""
    count = 200
    async with bench.spare() as folder:
        path = logs.copy(bench.logs.units(bench.size(20_000, 5_000)), folder)
        lock = FileLock(lock_path(path))
        connection = connect_writer(path, lock)
        with lock:
            head, event = journal.head(connection), journal.last_event(connection)
            adds, projects = 0, 0
            for facts in workload.units(count, first=event):
                event += 1
                rows, head = appends.place(
                    appends.prepare(facts), head, event_id=event, at_us=0, meta=bytes(40)
                )
                before = wal.bytes_in_use(wal_path(path))
                journal.insert(connection, rows)
                between = wal.bytes_in_use(wal_path(path))
                projector.project_batch(connection)
                adds += between - before
                projects += wal.bytes_in_use(wal_path(path)) - between
            connection.close()
        lock.close()
    return adds / count, projects / count
