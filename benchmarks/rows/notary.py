"""The notary beside 64 callers: what it costs them, and how soon an unlock is at a witness."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import callers
from benchmarks.bench import Bench
from benchmarks.measures import (
    Figure,
    Row,
    Sample,
    figure,
    interleave,
    quantiles,
    ratio,
    series,
    values,
)
from eventlog import EventStore
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.note import COSIGNS
from eventlog.evidence.signed_heads import LogName
from eventlog.evidence.witness_server import PREFIX, WitnessServer
from eventlog.evidence.witnesses import Witness
from eventlog.facts import Ding, UnlockAction
from eventlog.journal import table as journal
from eventlog.reactors.head_places import Place
from eventlog.reactors.head_to import parse_places
from eventlog.reactors.notary import Notary

CALLERS = 64


async def notary_alongside(bench: Bench) -> Row:
    """Rate and p99 of durable appends with the notary against without, in the same rounds.

    Each round has two runs without, before and after or around: their mean is compared, and how
    far they differ shows what this machine can tell apart.
    """
    appends = bench.size(12_800, 3_200)

    def without() -> Awaitable[Sample]:
        return callers.ours(bench, appends, CALLERS, "durable")

    samples = await interleave(
        bench.rounds + 4,
        {
            "without": without,
            "with": lambda: callers.ours(bench, appends, CALLERS, "durable", alongside=signing),
            "without, again": without,
        },
    )
    twice = [samples["without"], samples["without, again"]]
    return Row(
        name="64 callers, durable, heads signed meanwhile",
        figures=[
            ratio("rate", values(samples["with"]), _mean(*map(values, twice)), at_least=0.95),
            ratio(
                "p99",
                quantiles(samples["with"], 0.99),
                _mean(*(quantiles(one, 0.99) for one in twice)),
                at_most=1.05,
            ),
            await _until_witnessed(bench),
        ],
        series=series(samples, "appends/s"),
    )


def _mean(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """The mean of two runs of each round."""
    return [(one + other) / 2 for one, other in zip(first, second, strict=True)]


@asynccontextmanager
async def signing(store: EventStore, places: tuple[str, ...] = ()) -> AsyncIterator[Notary]:
    """A notary that follows the store, with keys of its own."""
    path = Path(store.db_path)
    log_id = await store.reader.run(journal.log_id)
    with tempfile.TemporaryDirectory(prefix="eventlog-keys-") as folder:
        keys = KeysDir(Path(folder) / "keys", log_id)
        keys.make(path)
        pair = new_key(str(LogName(log_id)))
        keys.write_signing_keys([pair])
        with _witness(Path(folder), pair.public.encode(), wanted=bool(places)) as witness:
            to: list[Place] = parse_places(witness, path)
            notary = Notary(path, keys, to, nudge=store.reader.nudge)
            task = asyncio.create_task(notary.run())
            try:
                yield notary
            finally:
                task.cancel()
                await asyncio.wait([task])


@contextmanager
def _witness(folder: Path, vkey: str, *, wanted: bool) -> Iterator[str]:
    """A witness over loopback, as HEAD_TO names it."""
    if not wanted:
        yield ""
        return
    witness = Witness(folder / "seen", new_key("witness.example/w", COSIGNS))
    witness.add(vkey)
    server = WitnessServer("127.0.0.1", 0, witness)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}{PREFIX}"
        yield f"witness:{url} {witness.key.encode()} every=0"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def _until_witnessed(bench: Bench) -> Figure:
    """From the answer to an unlock until its head is at a witness over loopback: p99."""
    took: list[float] = []
    async with bench.store() as store, signing(store, ("witness",)) as notary:
        for _ in range(bench.size(60, 8)):
            at = datetime.now(UTC)
            receipt = await store.append(
                Ding(camera_id="front_door", recorded_at=at),
                UnlockAction(granted=True, door_action="unlocked"),
            )
            started = time.perf_counter()
            while notary.known.witnessed < receipt.positions[-1]:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.005)
            took.append(time.perf_counter() - started)
            await asyncio.sleep(0.2)
    took.sort()
    p99 = took[min(len(took) - 1, int(len(took) * 0.99))]
    return figure("unlock to witness, p99", [p99], "s", at_most=2.0)
