"""What the tests of the thumbnails folder share: a frame, a time, and short ways to a file."""

from __future__ import annotations

from pathlib import Path

from eventlog.facts import ThumbnailSaved
from eventlog.pictures.thumbnails import Thumbnails
from tests.pictures.hostile_frames import encoded, scene

FRAME = encoded(scene(), "PNG")
WHEN = "2026-02-25T10:30:00"


def saved(folder: Thumbnails, when: str = WHEN) -> ThumbnailSaved:
    """Save a frame that can be saved."""
    fact = folder.save(FRAME, when)
    assert fact is not None
    return fact


def file_of(folder: Thumbnails, fact: ThumbnailSaved) -> Path:
    """The file of a fact, which is there."""
    path = folder.find(fact.path)
    assert path is not None
    return path
