"""Sealed names: appends and a replay against a log in clear, and how a person is forgotten."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import workload
from benchmarks.bench import Bench
from benchmarks.measures import Row, Sample, figure, interleave, ratio, series, values
from eventlog import EventStore
from eventlog.facts import FaceResult, Fact, Motion, ThumbnailSaved
from eventlog.maintenance.forgetting import erasing
from eventlog.maintenance.forgetting.forget import forget
from eventlog.pictures.thumbnails import Thumbnails

_REST_S: Final = 0.02  # between the appends of a camera that goes on meanwhile


class _Forgotten(NamedTuple):
    """How long it took, the longest append meanwhile, and the numbers of visits and pictures."""

    took_s: float
    longest_append_s: float
    visits: int
    pictures: int


async def sealing(bench: Bench) -> Row:
    """The same visits into both logs, a replay of each, and one person forgotten."""
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
    gone = await _forget(bench, large)
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
                f"forgetting a person, of {large * 5:,} facts",
                [gone.took_s],
                "s",
                at_most=bench.size(60, 5),
            ),
            figure("longest append meanwhile", [gone.longest_append_s], "s", at_most=2),
        ],
        series=series(appends | replays, "s"),
        notes=[f"the person was in {gone.visits:,} visits with {gone.pictures:,} pictures"],
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


async def _forget(bench: Bench, events: int) -> _Forgotten:
    """Forget the most common person, each of whose visits has a picture, while a camera goes on."""
    async with bench.spare() as folder:
        with tempfile.TemporaryDirectory(prefix="eventlog-keys-", dir="/var/tmp") as keys:
            pictures = Thumbnails(folder / "thumbnails")
            pictures.ensure()
            async with _store(folder, keys, sealed=True) as store:
                receipts = await store.append_many(_with_pictures(events, pictures))
                await store.caught_up(receipts[-1].positions[-1])
                person = await erasing.find_person(store, workload.COMMON_PERSON)
                assert person is not None
                waits: list[float] = []
                camera = asyncio.create_task(_camera(store, waits))
                started = time.perf_counter()
                done = await forget(
                    store, pictures, person, reason="asked", requested_at=datetime.now(UTC)
                )
                took_s = time.perf_counter() - started
                camera.cancel()
                with suppress(asyncio.CancelledError):
                    await camera
                (named,) = await store.reader.run(
                    lambda connection: connection.execute(
                        "SELECT count(*) FROM events WHERE sealed = ?", (person.seal,)
                    ).fetchone()
                )
    assert done.finished, done.why
    return _Forgotten(took_s, max(waits), int(named), done.pictures)


def _with_pictures(events: int, pictures: Thumbnails) -> Iterator[list[Fact]]:
    """The units, with a picture in place of a detection where the most common person is seen."""
    for number, facts in enumerate(workload.units(events)):
        if any(isinstance(f, FaceResult) and f.name == workload.COMMON_PERSON for f in facts):
            name = f"{number}.jpg"
            (pictures.folder / name).write_bytes(b"a picture")
            facts[2] = ThumbnailSaved(path=f"{pictures.name}/{name}", size_bytes=9)
        yield facts


async def _camera(store: EventStore, waits: list[float]) -> None:
    """Appends until it is cancelled, and how long each took."""
    while True:
        started = time.perf_counter()
        await store.append(Motion(camera_id="gate", recorded_at=datetime.now(UTC)))
        waits.append(time.perf_counter() - started)
        await asyncio.sleep(_REST_S)
