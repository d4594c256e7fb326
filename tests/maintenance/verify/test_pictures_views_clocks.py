"""verify checks pictures, views and clocks, and distinguishes findings from notes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from eventlog import codecs
from eventlog.errors import DatabaseError, LockTimeout
from eventlog.facts import Motion, PersonNamed, ThumbnailSaved, UncleanStop
from eventlog.journal.append import prepare
from eventlog.maintenance.verify.findings import Finding
from eventlog.maintenance.verify.log import verify
from tests.support.logs import (
    BOOT,
    T0,
    T0_US,
    build_log,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some sixty records."""
    return build_log(tmp_path / "door.db", 20)


def test_pictures_are_asked_for_and_named(tmp_path: Path) -> None:
    """What the folder says of a fact's picture becomes a finding on the file."""
    facts = [ThumbnailSaved(path=f"thumbnails/{n}.jpg", sha256=bytes(32)) for n in range(3)]
    motion = Motion(camera_id="front_door", recorded_at=T0)
    path = build_log(tmp_path / "door.db", [prepare([motion, *facts])])
    answers: dict[str, Literal["missing", "damaged"] | None] = {
        "thumbnails/0.jpg": None,
        "thumbnails/1.jpg": "missing",
        "thumbnails/2.jpg": "damaged",
    }
    report = verify(path, thumbnails=lambda fact: answers[fact.path])
    assert report.findings == (
        Finding("file thumbnails/1.jpg", "the picture of record 3 is missing", position=3),
        Finding("file thumbnails/2.jpg", "the picture of record 4 is damaged", position=4),
    )


def test_views_that_differ_are_findings(path: Path) -> None:
    """Each difference is one; views that can't be compared are one too."""

    def broken() -> Iterator[str]:
        yield "events: row 1 differs"
        raise DatabaseError("the disk")

    assert [f.where for f in verify(path, check_views=broken).findings] == ["views", "views"]
    assert verify(path, check_views=list).ok


def test_views_that_are_locked_are_no_finding(path: Path) -> None:
    """What can't be looked at now says nothing about the log."""

    def locked() -> Iterator[str]:
        yield from ()
        raise LockTimeout("later")

    with pytest.raises(LockTimeout):
        verify(path, check_views=locked)


def clocked(*clocks: tuple[int, int, bytes]) -> list[Any]:
    """Appends at these wall seconds, boot seconds and boots."""
    made = []
    for wall_s, clock_s, boot in clocks:
        append = prepare([PersonNamed(name="a")])
        meta = codecs.encode_meta({"boot": boot, "clock_ns": clock_s * 10**9})
        at_us = T0_US + wall_s * 1_000_000
        made.append(msgspec.structs.replace(append, appended_at_us=at_us, meta=meta))
    return made


def test_a_jump_of_the_wall_clock_is_a_note(tmp_path: Path) -> None:
    """Within one boot the two clocks move together, unless the wall clock was set."""
    made = clocked((0, 0, BOOT), (10, 10, BOOT), (20 - 3600, 20, BOOT), (30 - 3600, 30, BOOT))
    report = verify(build_log(tmp_path / "door.db", made))
    assert report.ok
    assert [note.position for note in report.notes] == [3]
    assert "-3600.0 s between records 2 and 3" in report.notes[0].what


def test_small_steps_and_other_boots_are_no_jump(tmp_path: Path) -> None:
    """Clocks of two boots have nothing to do with each other, and NTP moves a little always."""
    made = clocked((0, 0, BOOT), (12, 10, BOOT), (9999, 1, bytes(16)), (10_000, 2, bytes(16)))
    assert verify(build_log(tmp_path / "door.db", made)).notes == ()


def test_records_that_an_unclean_stop_took_stay_noted(tmp_path: Path) -> None:
    """The fact that the recorder wrote at its next start is reported again."""
    facts = [
        UncleanStop(journal_position=0),
        UncleanStop(journal_position=1, head_position=9, head_hash=bytes(32)),
    ]
    path = build_log(tmp_path / "door.db", [prepare([fact]) for fact in facts])
    report = verify(path)
    assert report.ok
    assert [note.position for note in report.notes] == [2]
