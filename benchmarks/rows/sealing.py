"""Sealed names: appends and a replay against the same log in clear, and the erasure of a person."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import workload
from benchmarks.bench import Bench
from benchmarks.measures import Row, Sample, figure, interleave, ratio, series, values
from eventlog import EventStore
from eventlog.store import erasing


async def sealing(bench: Bench) -> Row:
    """The same visits into both logs, a replay of each, and one person erased."""
    events = bench.size(20_000, 2_000)
    large = bench.size(200_000, 4_000)
    rounds = 3
    appends = await interleave(
        rounds,
        {
            "clear": lambda: _appends(bench, events, sealed=False),
            "sealed": lambda: _appends(bench, events, sealed=True),
        },
    )
    replays = await interleave(
        rounds,
        {
            "replay, clear": lambda: _replay(bench, events, sealed=False),
            "replay, sealed": lambda: _replay(bench, events, sealed=True),
        },
        warm_up=False,
    )
    took_s, named = await _erase(bench, large)
    return Row(
        name=f"sealed names, {events * 5:,} facts",
        figures=[
            ratio(
                "speed of appends, of names in clear",
                values(appends["clear"]),
                values(appends["sealed"]),
                at_least=0.6,
            ),
            ratio(
                "speed of a replay, of names in clear",
                values(replays["replay, clear"]),
                values(replays["replay, sealed"]),
                at_least=0.9,
            ),
            figure(
                f"erasing a person, of {large * 5:,} facts",
                [took_s],
                "s",
                at_most=bench.size(60, 5),
            ),
        ],
        series=series(appends | replays, "s"),
        notes=[f"the person was named in {named:,} visits"],
    )


def _store(folder: Path, keys: str, *, sealed: bool) -> EventStore:
    return EventStore(
        str(folder / "events.db"), str(folder / "thumbnails"), keys_dir=keys if sealed else None
    )


async def _appends(bench: Bench, events: int, *, sealed: bool) -> Sample:
    units = list(workload.units(events))
    async with bench.spare() as folder:
        with tempfile.TemporaryDirectory(prefix="eventlog-keys-", dir="/var/tmp") as keys:
            async with _store(folder, keys, sealed=sealed) as store:
                started = time.perf_counter()
                await store.append_many(units)
                return Sample(time.perf_counter() - started)


async def _replay(bench: Bench, events: int, *, sealed: bool) -> Sample:
    async with bench.spare() as folder:
        with tempfile.TemporaryDirectory(prefix="eventlog-keys-", dir="/var/tmp") as keys:
            async with _store(folder, keys, sealed=sealed) as store:
                receipts = await store.append_many(workload.units(events))
                await store.caught_up(receipts[-1].positions[-1])
                started = time.perf_counter()
                replayed = await store.replay()
                took_s = time.perf_counter() - started
    assert not replayed.parked
    return Sample(took_s)


async def _erase(bench: Bench, events: int) -> tuple[float, int]:
    """How long the erasure of the most common person takes, and in how many visits they were."""
    async with bench.spare() as folder:
        with tempfile.TemporaryDirectory(prefix="eventlog-keys-", dir="/var/tmp") as keys:
            async with _store(folder, keys, sealed=True) as store:
                receipts = await store.append_many(workload.units(events))
                await store.caught_up(receipts[-1].positions[-1])
                person = await erasing.find_person(store, workload.COMMON_PERSON)
                assert person is not None
                started = time.perf_counter()
                erased = await erasing.erase(
                    store, person.seals, reason="asked", requested_at=workload.T0
                )
                took_s = time.perf_counter() - started
                named = await store.reader.run(
                    lambda connection: connection.execute(
                        "SELECT count(*) FROM events WHERE sealed = ?", (person.seal,)
                    ).fetchone()
                )
    assert erased.finished, erased.why
    return took_s, int(named[0])
