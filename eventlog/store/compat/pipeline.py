"""The methods that the pipeline of a door calls: save a picture, write an event, list events.

Their signatures are fixed. They append to the journal and read the read tables as any other caller
does. Knows no SQL.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import anyio.to_thread

from eventlog.errors import DiskFull
from eventlog.journal import append as appends
from eventlog.store.compat import write_event as visits
from eventlog.store.engine import Engine
from eventlog.store.open_log import OpenLog

log = logging.getLogger("eventlog")


class PipelineStore(OpenLog):
    """An open log with the pipeline's methods. Use `EventStore`, which has more."""

    async def write_event(  # noqa: PLR0917 - the contract's signature
        self,
        camera_id: str,
        recorded_at: str | datetime,
        recording_id: str | None = None,
        event_type: str = "motion",
        person_name: str | None = None,
        face_confidence: float | None = None,
        face_distance: float | None = None,
        unlock_granted: bool = False,  # noqa: FBT001, FBT002 - the contract's signature
        door_action: str = "none",
        thumbnail_path: str | None = None,
        detections: Sequence[Mapping[str, Any]] | None = None,
    ) -> int:
        """Append all the facts of one event, all or none.

        Numbers, text and times of other libraries (numpy, enums, decimals) are converted to
        Python's own types, if that loses nothing.

        Args:
            camera_id: The camera, 1 to 64 characters.
            recorded_at: When the camera saw it: a datetime, or text in ISO 8601. Without a zone, it
                is UTC.
            recording_id: The recording's id at its source; None if there is none.
            event_type: "motion", the default, or "ding".
            person_name: Whose face it was. None with a confidence or a distance is a stranger; with
                neither, no face was seen.
            face_confidence: 0.0 to 1.0. None means `max(0.0, 1.0 - face_distance)`.
            face_distance: face_recognition's distance, 0 or more; None if it was not measured.
            unlock_granted: Whether the door was allowed to open; False by default.
            door_action: What the bolt did: "unlocked", "locked", "unlatched" or, by default,
                "none".
            thumbnail_path: The path from `save_thumbnail`; None if there is no picture.
            detections: Mappings with `label`, `confidence` (0.0 to 1.0) and, if they are known,
                `bbox_x1`, `bbox_y1`, `bbox_x2` and `bbox_y2` in pixels. None means no detections.

        Returns:
            The id of the new event.

        Raises:
            BadFact: The journal refuses a value; the error names its field.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            LockTimeout: Another process held the lock for too long.
            DiskFull: The disk is full; nothing was written.
            DatabaseError: The disk failed; whether the event was written is not known.
        """
        engine = self._engine
        facts = visits.facts_of_visit(
            camera_id=camera_id,
            recorded_at=recorded_at,
            recording_id=recording_id,
            event_type=event_type,
            person_name=person_name,
            face_confidence=face_confidence,
            face_distance=face_distance,
            unlock_granted=unlock_granted,
            door_action=door_action,
            detections=detections,
        )
        if thumbnail_path is not None:
            facts.append(await anyio.to_thread.run_sync(self._thumbnails.describe, thumbnail_path))
        receipt = await engine.append(appends.prepare(facts, author=self.writer))
        return visits.opened_event(receipt)

    def save_thumbnail(self, frame_bytes: bytes, event_timestamp: str) -> str | None:
        """Save a frame as a JPEG of quality 85; it is on the disk when this returns.

        It blocks; `save_thumbnail_async` does not. It works on a closed store too.

        Args:
            frame_bytes: A JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF, of 8 MB and 36 megapixels at
                most.
            event_timestamp: The file is named after it; ':' and '.' become '-'.

        Returns:
            The picture's path, 'thumbnails/2026-02-25T10-30-00.jpg', for `write_event` and
            ThumbnailSaved; None if the frame can't be saved, which is logged.
        """
        saved = self._thumbnails.save(frame_bytes, event_timestamp)
        return None if saved is None else saved.path

    async def save_thumbnail_async(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool = False
    ) -> str | None:
        """Save a frame as `save_thumbnail` does, in a worker thread.

        Args:
            frame_bytes: As for `save_thumbnail`.
            event_timestamp: As for `save_thumbnail`.
            keep_jpeg: True stores a JPEG without metadata byte for byte. False, the default,
                encodes every frame again.

        Returns:
            The picture's path; None if the frame can't be saved, which is logged.
        """
        saved = await self._thumbnails.save_async(frame_bytes, event_timestamp, keep_jpeg=keep_jpeg)
        return None if saved is None else saved.path

    async def get_event(self, event_id: int) -> dict[str, Any] | None:
        """One event, from the read tables.

        It includes what this store has written, unless the disk is too full to bring the read
        tables up to date.

        Args:
            event_id: The event's id.

        Returns:
            All columns of `events`, and a list of the event's detections under "detections"; None
            if there is no such event.

        Raises:
            BadArgument: It is not an id.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The log can't be read, or the views can't be brought up to date.
        """
        engine = await self._caught_up_with_own()
        return await engine.reader.get_event(event_id)

    async def get_recent_events(self, limit: int = 20, offset: int = 0) -> list[dict[str, Any]]:
        """A page of events, newest `recorded_at` first.

        Args:
            limit: How many at most; 20 by default.
            offset: How many to skip; 0 by default.

        Returns:
            Events as from `get_event`.

        Raises:
            BadArgument: A number is out of range.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The log can't be read, or the views can't be brought up to date.
        """
        engine = await self._caught_up_with_own()
        return await engine.reader.events_by_recorded_at(limit, offset)

    async def _caught_up_with_own(self) -> Engine:
        engine = self._engine
        try:
            await engine.caught_up(engine.written)
        except DiskFull as error:
            log.warning("the views are behind: %s", error)
        return engine
