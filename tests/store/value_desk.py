"""An open store that hypothesis may ask, and a visit to ask it with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from eventlog import EventLogError, EventStore
from tests.store.edge_values import shown

R = TypeVar("R")
Call = Callable[[EventStore, Any], Awaitable[Any]]

EVENT: Final[dict[str, Any]] = {
    "camera_id": "front_door",
    "recorded_at": "2026-02-25T10:30:00",
    "recording_id": "1",
    "event_type": "ding",
    "person_name": "anna",
    "face_confidence": 0.7,
    "face_distance": 0.3,
    "unlock_granted": True,
    "door_action": "unlocked",
    "thumbnail_path": "thumbnails/x.jpg",
    "detections": [],
}
DETECTION: Final = {"label": "dog", "confidence": 0.5}
CORNERS: Final = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


class Desk:
    """An open store behind a thread with its loop, so that hypothesis may ask it."""

    def __init__(self, portal: BlockingPortal, store: EventStore) -> None:
        self._portal = portal
        self.store = store

    def run(self, function: Callable[..., Awaitable[R]], *arguments: Any) -> R:
        """The answer of an async function on the store's loop."""
        return self._portal.call(function, *arguments)

    def outcome(self, call: Call, value: Any) -> Any:
        """What a call comes to: its answer, or an error of ours, short and fit to be shown."""
        try:
            return self.run(call, self.store, value)
        except EventLogError as error:
            sentence = str(error)
            assert len(sentence) < 1000, f"{shown(value)}: a sentence of {len(sentence)} characters"
            assert sentence.encode()
            return error
        except Exception as error:
            error.add_note(f"the value was {shown(value)}")
            raise


@contextmanager
def opened_desk(folder: Path) -> Iterator[Desk]:
    """A store in a folder, with one event in it."""
    with start_blocking_portal("asyncio") as portal:
        store = EventStore(str(folder / "events.db"), str(folder / "thumbnails"))
        portal.call(store.initialize)
        desk = Desk(portal, store)
        desk.run(write_event, store, EVENT)
        yield desk
        portal.call(store.close)


async def write_event(store: EventStore, arguments: dict[str, Any]) -> int:
    """`write_event` with its arguments as one value."""
    return await store.write_event(**arguments)
