"""One full cycle of the product: open, append, project, save a picture, replay, back up, close.

Goes on past every error of the disk, as a pipeline would: an append that failed is tried again
under its key, once at once and once at the end. Each receipt is written down when it comes.
An error that is none of ours is written down as well.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from PIL import Image

from eventlog.errors import EventLogError
from eventlog.facts import Detection, Fact, Motion, UnlockAction
from eventlog.journal.append import Durability
from eventlog.maintenance.backup import backup
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Receipt
from eventlog.storage.open_marks import OpenMark
from eventlog.store import startup
from eventlog.store.event_store import EventStore

AT: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
DB: Final = "events.db"
PICTURES: Final = "thumbnails"
MARK: Final = f"{DB}.open-{UUID(int=1).hex}"
BACKUP: Final = "backup.db"


def facts_of(number: int) -> list[Fact]:
    """The facts of the append with this number."""
    opener = Motion(camera_id="front_door", recorded_at=AT, recording_id=str(number))
    if number % 2:
        return [opener, UnlockAction(granted=True, door_action="unlocked")]
    return [opener, Detection(label="person", confidence=0.5)]


def key_of(number: int) -> str:
    """The idempotency key of that append."""
    return f"key:{number}"


class Cycle:
    """The cycle, on the log in a folder. `say` is told what was acknowledged."""

    def __init__(self, folder: Path, say: Callable[[str], None], appends: int = 3) -> None:
        self._folder = folder
        self._say = say
        self._failed: list[int] = []
        self._appends = appends

    async def run(self) -> None:
        """Do it all."""
        store = EventStore(str(self._folder / DB), str(self._folder / PICTURES))
        if not await self._try(store.initialize):
            return
        for number in range(self._appends):
            await self._append(store, number)
        await self._try(lambda: self._picture(store))
        await self._try(store.get_recent_events)
        await self._try(store.replay)
        await self._append(store, self._appends)
        await self._try(lambda: asyncio.to_thread(back_up, self._folder, self._say))
        for number in tuple(self._failed):
            await self._append(store, number)
        await self._try(store.close)
        self._say("end")

    async def _append(self, store: EventStore, number: int) -> None:
        durability: Durability = "relaxed" if number % 4 == 2 else "durable"
        append = partial(store.append, key=key_of(number), durability=durability)
        for _ in range(2):
            receipt = await self._try(partial(append, *facts_of(number)))
            if isinstance(receipt, Receipt):
                self._say(f"append {number} {receipt.positions[0]} {receipt.event_id}")
                return
        self._failed.append(number)

    async def _picture(self, store: EventStore) -> None:
        path = await store.save_thumbnail_async(_frame(), AT.isoformat())
        if path is not None:
            event = await store.write_event("front_door", AT, thumbnail_path=path)
            self._say(f"event {event}")

    async def _try(self, step: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await step() or True
        except EventLogError:
            return None
        except Exception as error:  # noqa: BLE001 - what the product may not let out
            self._say(f"raised {type(error).__name__}: {error}")
            return None


def _frame() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (9, 99, 199)).save(buffer, "JPEG")
    return buffer.getvalue()


def back_up(folder: Path, say: Callable[[str], None]) -> None:
    """The backup alone."""
    try:
        if backup(folder / DB, folder / BACKUP).ok:
            say("backup")
    except EventLogError:
        return


def save_picture(folder: Path, say: Callable[[str], None]) -> None:
    """A picture alone."""
    fact = Thumbnails(folder / PICTURES).save(_frame(), "alone")
    if fact is not None:
        say(f"picture {fact.path} {(fact.sha256 or b'').hex()}")


Part = Literal["cycle", "backup", "picture"]


def run_part(part: Part, folder: Path, acks: Path) -> None:
    """Run the cycle, or a part of it, here; what it says goes to a file, by one write each."""
    logging.disable(logging.CRITICAL)
    # so that the mark's path is known
    vars(startup)["OpenMark"] = lambda path, _: OpenMark(path, UUID(int=1).hex)
    fd = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(text: str) -> None:
        # Where even this write fails, nobody was told.
        try:
            os.write(fd, f"{text}\n".encode())
        except OSError:
            return

    if part == "backup":
        back_up(folder, say)
    elif part == "picture":
        save_picture(folder, say)
    else:
        asyncio.run(Cycle(folder, say).run())
