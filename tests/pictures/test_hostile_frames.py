"""Hostile and damaged frames: stored clean or refused with a reason, within 64 MB of memory."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from eventlog import EventStore
from eventlog.errors import BadPayload
from eventlog.pictures import read_frame
from eventlog.pictures.clean import Picture, clean_picture
from tests.pictures.hostile_frames import (
    HOSTILE,
    SCRIPT,
    SECRET,
    Hostile,
    exif_jpeg,
    jpeg,
    png,
    scene,
)

# Run on its own, so that the peak is this work's and nobody else's.
MEASURE = """
import ctypes, json, sys, time, types
from pathlib import Path
from eventlog.errors import BadPayload
from eventlog.pictures.clean import clean_picture
from tests.pictures.hostile_frames import HOSTILE, encoded, scene

def kilobytes(key):
    status = Path("/proc/self/status").read_text()
    return int(status.split(key + ":")[1].split()[0])

for kind in ("JPEG", "PNG"):
    clean_picture(encoded(scene(), kind))
extra, took = {}, {}
for hostile in HOSTILE:
    frame = hostile.build()
    # Freed memory that the allocator still holds would hide what is taken anew.
    getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: 0)(0)
    Path("/proc/self/clear_refs").write_text("5")
    before, began = kilobytes("VmRSS"), time.process_time()
    try:
        clean_picture(frame)
    except BadPayload:
        pass
    took[hostile.name] = time.process_time() - began
    extra[hostile.name] = (kilobytes("VmHWM") - before) * 1024
    del frame
print(json.dumps([extra, took]))
"""
AT = "2026-02-25T10:30:00Z"
CHECKOUT = Path(__file__).resolve().parent.parent.parent


def opened(picture: Picture) -> Image.Image:
    """A picture, decoded; it is a JPEG of the size that it says."""
    image = Image.open(io.BytesIO(picture.jpeg), formats=("JPEG",))
    image.load()
    assert image.size == (picture.width_px, picture.height_px)
    return image


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_frame_becomes_a_clean_jpeg_or_is_refused_with_a_reason(hostile: Hostile) -> None:
    """What can be converted is; the rest is refused, and the reason repeats nothing of it."""
    frame = hostile.build()
    if not hostile.stored:
        with pytest.raises(BadPayload, match=r"^frame: [a-zA-Z0-9 ,:.()-]+$"):
            clean_picture(frame)
        return
    picture = clean_picture(frame)
    image = opened(picture)
    assert image.mode in {"L", "RGB"}
    assert SCRIPT not in picture.jpeg
    assert SECRET not in picture.jpeg
    assert picture.jpeg.endswith(b"\xff\xd9")
    marks = {"comment"} if picture.cut_short else set()
    assert set(image.info) - marks <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert read_frame(picture.jpeg).plain is not picture.cut_short


def test_there_are_at_least_forty_hostile_frames() -> None:
    """The promise speaks of forty; each has a name of its own."""
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE) >= 40


def test_no_hostile_frame_takes_more_than_64_megabytes_or_half_a_second() -> None:
    """The peak of resident memory over what was held before, and the processor's time for it."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("this kernel does not let a process reset its own peak of memory")
    run = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    extra: dict[str, int]
    took: dict[str, float]
    extra, took = json.loads(run.stdout)
    assert len(extra) == len(HOSTILE)
    assert {name: taken for name, taken in extra.items() if taken > 64 * 1024 * 1024} == {}
    assert {name: seconds for name, seconds in took.items() if seconds > 0.5} == {}
    # The measure itself sees what is taken: four bytes for each of 16 million pixels.
    assert extra["a JPEG of 16 megapixels"] > 48_000_000


@pytest.mark.parametrize("frame", [None, "text", 7, scene(), [b"\xff"]])
def test_what_is_not_bytes_is_refused(frame: object) -> None:
    """A caller's mistake is a refusal like any other."""
    with pytest.raises(BadPayload, match="is not bytes"):
        clean_picture(frame)  # type: ignore[arg-type]  # that is the mistake


def test_a_decoder_that_runs_out_of_memory_refuses_the_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a decoder raises, the answer is a refusal that names its kind."""

    def out_of_memory(_: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", out_of_memory)
    with pytest.raises(BadPayload, match=re.escape("(MemoryError)")):
        clean_picture(jpeg())


def test_an_encoder_that_can_write_nothing_refuses_the_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the encoder can write nothing, the frame is not blamed for damage."""

    def no_more_files(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "memfd_create", no_more_files)
    with pytest.raises(BadPayload, match=re.escape("could not be encoded (OSError)")):
        clean_picture(jpeg())


def test_a_picture_leaves_no_descriptor_open() -> None:
    """Stored or refused, what was opened is closed."""
    clean_picture(jpeg())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for hostile in HOSTILE[-30:]:
        with suppress(BadPayload):
            clean_picture(hostile.build())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_small_frame_that_makes_a_large_jpeg_is_refused() -> None:
    """What would not be taken in is not given out either."""
    bomb = next(hostile for hostile in HOSTILE if hostile.name.startswith("a PNG that makes"))
    with pytest.raises(BadPayload, match="would be too large a JPEG"):
        clean_picture(bomb.build())


SEEDS = (jpeg(), jpeg(progressive=True), exif_jpeg(6), jpeg(scene(mode="CMYK")), png((16, 16)))


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=4),
    st.integers(0, 900),
    st.booleans(),
)
def test_a_damaged_frame_becomes_a_picture_or_is_refused(
    seed: bytes, damage: list[tuple[int, int]], cut: int, keep: bool
) -> None:
    """No mutation of a frame raises anything but BadPayload, and every picture can be decoded."""
    frame = bytearray(seed)
    for at, value in damage:
        frame[at % len(frame)] = value
    if cut < len(frame) and damage:
        del frame[cut:]
    try:
        picture = clean_picture(bytes(frame), keep_jpeg=keep)
    except BadPayload:
        return
    opened(picture)


def test_recorded_broken_photos_are_refused_or_marked(shared_data: Path) -> None:
    """Corrupted, or text under a picture's name: refused with a reason, or marked as cut short."""
    broken = [*shared_data.glob("compreface/broken/*"), shared_data / "scikit-image/truncated.jpg"]
    assert len(broken) == 4
    outcomes = []
    for photo in broken:
        try:
            outcomes.append("cut" if clean_picture(photo.read_bytes()).cut_short else "stored")
        except BadPayload as error:
            outcomes.append(error.reason)
    assert all(re.search("^cut$|cut short|damaged|neither", outcome) for outcome in outcomes)


@pytest.mark.anyio
async def test_an_event_is_recorded_whatever_its_frame_is(tmp_path: Path) -> None:
    """With its picture where the frame could be stored, without it otherwise."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as store:
        for number, hostile in enumerate(HOSTILE, start=1):
            path = await store.save_thumbnail_async(hostile.build(), f"frame {number}")
            assert (path is not None) == hostile.stored
            event_id = await store.write_event("front_door", AT, thumbnail_path=path)
            event = await store.get_event(event_id)
            assert event is not None
            assert (event["id"], event["thumbnail_path"]) == (number, path)
    assert len(list((tmp_path / "thumbnails").iterdir())) == sum(h.stored for h in HOSTILE)
