"""Finds the event that a face recogniser's answer belongs to; Frigate's own, if it names one.

Double Take and CompreFace look at pictures of other programs' events. An id of Frigate's form is
that of Frigate's event, and joins it in whatever order the two come. Knows no message of either.
"""

from __future__ import annotations

from datetime import datetime

from eventlog.facts import Motion
from eventlog.sources.frigate.tracked_object import object_key, opener, started


def opening(
    source: str, event_id: str, camera: str, at: datetime | None
) -> tuple[str, tuple[Motion, ...]]:
    """The key of the event, and the fact that opens it where it is not open yet.

    Args:
        source: the adapter's name.
        event_id: the id that the message has.
        camera: the camera that the picture is of.
        at: when the picture was analysed; None if that is not known.
    """
    if started(event_id) is not None:
        return object_key(event_id), (opener(event_id, camera, None),)
    key = f"{source}:{event_id}"
    if at is None:
        return key, ()
    return key, (Motion(camera_id=camera, recorded_at=at, recording_id=event_id),)
