"""Frames of other formats: converted in a process of its own, within its memory and time."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, features

from eventlog.errors import BadPayload
from eventlog.pictures import foreign, read_frame
from eventlog.pictures.clean import Picture, clean_picture
from tests.pictures.hostile_frames import SECRET, encoded, scene, tiff

FORMATS: list[tuple[str, dict[str, Any]]] = [
    ("WEBP", {"quality": 95}),
    ("WEBP", {"lossless": True}),
    ("GIF", {}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "jpeg"}),
]
if features.check("avif"):
    FORMATS.append(("AVIF", {"quality": 95}))
TURNED = tiff((0x0112, 3, 1, 6))


def _opened(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.jpeg), formats=("JPEG",))
    image.load()
    assert image.size == (picture.width_px, picture.height_px)
    return image


def _alike(one: Image.Image, other: Image.Image) -> bool:
    """Whether each pixel is nearly the same; JPEG and palettes change colours a little."""
    if one.size != other.size:
        return False
    small = (one.width // 4, one.height // 4)
    difference = ImageChops.difference(
        one.convert("RGB").resize(small), other.convert("RGB").resize(small)
    )
    return max(high for _, high in difference.getextrema()) < 60  # type: ignore[misc]  # three bands


@pytest.mark.parametrize(("kind", "options"), FORMATS)
def test_a_frame_of_another_format_becomes_the_same_picture(
    kind: str, options: dict[str, Any]
) -> None:
    """WebP, AVIF, GIF, BMP and TIFF come out as clean JPEGs, whether a JPEG may be kept or not."""
    frame = encoded(scene(), kind, **options)
    picture = clean_picture(frame)
    assert _alike(_opened(picture), scene())
    assert read_frame(picture.jpeg).plain
    assert clean_picture(b"\r\n" + frame, keep_jpeg=True) == picture


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", *(["AVIF"] if features.check("avif") else [])])
def test_a_turned_frame_is_made_upright(kind: str) -> None:
    """The orientation of EXIF is applied once, and nothing else of it is kept."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = SECRET.decode()
    picture = clean_picture(encoded(scene(), kind, exif=exif.tobytes()))
    assert _alike(_opened(picture), scene().transpose(Image.Transpose.ROTATE_270))
    assert SECRET not in picture.jpeg


def test_a_conversion_that_takes_too_much_memory_is_refused_and_this_process_takes_none() -> None:
    """The limit is the converter's; what a hostile frame takes there, it takes nowhere else."""
    status = Path("/proc/self/status")

    def peak() -> int:
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024

    frame = encoded(Image.new("RGB", (6000, 5900)), "WEBP", lossless=True)
    before = peak()
    with pytest.raises(BadPayload, match="too much memory"):
        clean_picture(frame)
    assert peak() - before < 16_000_000


def test_a_conversion_that_takes_too_long_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A decoder that never ends is ended with its process."""
    endless = tmp_path / "endless.py"
    endless.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(foreign, "_CONVERTER", endless)
    monkeypatch.setattr(foreign, "TIMEOUT_S", 0.2)
    began = time.monotonic()
    with pytest.raises(BadPayload, match="takes too long"):
        clean_picture(encoded(scene(), "GIF"))
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; os.abort()", "crashed"),
        ("import sys; sys.exit(3)", "no answer"),
        ("print('no JPEG')", "JPEG"),
        ("import sys; sys.stderr.write('KeyError'); sys.exit(1)", "can't read"),
        ("import sys; sys.stdout.buffer.write(bytes(9_000_000))", "too large"),
    ],
)
def test_whatever_the_converter_does_the_frame_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, reason: str
) -> None:
    """A crash, an unknown format or an answer that is not a clean JPEG: each has its reason."""
    other = tmp_path / "other.py"
    other.write_text(program)
    monkeypatch.setattr(foreign, "_CONVERTER", other)
    with pytest.raises(BadPayload, match=reason):
        clean_picture(encoded(scene(), "GIF"))


def test_a_system_that_starts_no_process_refuses_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is recorded without its picture, as for any frame that can't be stored."""
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(BadPayload, match="could not be converted"):
        clean_picture(encoded(scene(), "BMP"))
