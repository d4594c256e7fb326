"""Appends simulated visits as a pipeline would: all at once, or in real time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from typing import Final

import anyio
import anyio.to_thread
from msgspec.structs import replace

from eventlog.sources.keys import Appends, PictureFolder
from eventlog.sources.simulator.days import sample_visit
from eventlog.sources.simulator.drawings import draw
from eventlog.sources.simulator.visits import HOUSEHOLD, SampleVisit

# Between two visits that are played as time goes by.
PAUSE_S: Final = (4.0, 12.0)


async def play(store: Appends, pictures: PictureFolder, day: list[SampleVisit]) -> int:
    """Append a day; a second time changes nothing.

    Answers how many events there were. Raises what the store raises.
    """
    for number, person in enumerate(HOUSEHOLD):
        await store.append(person, key=f"sample:person:{number}")
    for visit in day:
        event_id = None
        for number in range(len(visit.steps)):
            event_id = await _append(store, pictures, visit, number, event_id)
    return len(day)


def _now() -> datetime:
    return datetime.now(UTC)


async def play_live(
    store: Appends,
    pictures: PictureFolder,
    *,
    visits: int,
    seed: int,
    now: Callable[[], datetime] = _now,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> None:
    """Append visits that begin now, one after another, each step when its moment has come.

    Raises what the store raises.
    """
    random = Random(seed)  # noqa: S311 - an example needs no secrecy
    for _ in range(visits):
        await sleep(random.uniform(*PAUSE_S))
        visit = sample_visit(now(), random)
        event_id = None
        for number, step in enumerate(visit.steps):
            for fact in step.facts:
                moment: datetime | None = getattr(fact, "recorded_at", None)
                if moment is not None and moment > now():
                    await sleep((moment - now()).total_seconds())
            event_id = await _append(store, pictures, visit, number, event_id)


async def _append(
    store: Appends, pictures: PictureFolder, visit: SampleVisit, number: int, event_id: int | None
) -> int | None:
    """Append one step of a visit, and answer the event's id; the first one opens it."""
    step = visit.steps[number]
    if number == 0:
        return (await store.append(*step.facts, key=visit.key)).event_id
    key = f"{visit.key}:{number}"
    if await store.receipt(key) is not None:
        return event_id  # or the picture would be saved again, under another name
    facts = list(step.facts)
    if step.scene is not None:
        frame = await anyio.to_thread.run_sync(draw, step.scene)
        saved = await pictures.save_async(frame, visit.recorded_at.isoformat())
        if saved is not None:
            facts.append(replace(saved, recorded_at=visit.recorded_at))
    if facts:
        await store.append(*facts, event_id=event_id, key=key)
    return event_id
