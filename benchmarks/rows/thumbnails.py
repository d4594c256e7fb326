"""Thumbnails: how long the event loop is kept while 1080p frames are saved beside it."""

from __future__ import annotations

import asyncio
import io
import random
import time
from pathlib import Path

from PIL import Image, ImageFilter

from benchmarks import workload
from benchmarks.bench import Bench
from benchmarks.measures import Row, Series, figure, quantile
from eventlog import EventStore

_TICK_S = 0.002


async def thumbnails(bench: Bench) -> Row:
    """The loop's lag while frames are saved, and whether a clean JPEG is stored as it came."""
    frames = bench.size(40, 12)
    frame = _frame()
    async with bench.store() as store:
        assert await store.save_thumbnail_async(frame, "warm-up") is not None
        lags_s, took_s = await _lags(store, frame, frames)
        kept = await _kept(store, frame)
    lag = quantile(lags_s, 0.99)
    return Row(
        name="thumbnails of 1080p frames",
        figures=[
            figure("the event loop's lag, p99", [lag * 1000], "ms", at_most=20),
            figure("a clean JPEG is stored byte for byte", [float(kept)], "", at_least=1),
        ],
        series=[
            Series("saving a frame", "ms", [took_s / frames * 1000]),
            Series("the longest lag", "ms", [max(lags_s) * 1000]),
        ],
        notes=[f"frames of {len(frame) / 1000:.0f} kB"],
    )


async def _lags(store: EventStore, frame: bytes, frames: int) -> tuple[list[float], float]:
    lags_s: list[float] = []
    done = False

    async def watch() -> None:
        while not done:
            before = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            lags_s.append(time.perf_counter() - before - _TICK_S)

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    for number in range(frames):
        assert await store.save_thumbnail_async(frame, f"frame-{number}") is not None
    took_s = time.perf_counter() - started
    done = True
    await watching
    return lags_s, took_s


async def _kept(store: EventStore, frame: bytes) -> bool:
    path = await store.save_thumbnail_async(frame, "kept", keep_jpeg=True)
    assert path is not None
    return (store.thumbnails_dir / Path(path).name).read_bytes() == frame


def _frame() -> bytes:
    """A camera's JPEG: noise, blurred to what a picture of a door compresses to."""
    pixels = random.Random(workload.SEED).randbytes(480 * 270 * 3)
    small = Image.frombytes("RGB", (480, 270), pixels).filter(ImageFilter.GaussianBlur(3))
    out = io.BytesIO()
    small.resize((1920, 1080)).save(out, "JPEG", quality=85)
    return out.getvalue()
