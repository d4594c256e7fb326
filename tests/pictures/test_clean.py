"""Frames become clean JPEGs: upright, without metadata, in bounded memory, or are refused."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from eventlog.pictures import read_frame
from eventlog.pictures.clean import CUT_SHORT, Picture, clean_picture
from tests.pictures.hostile_frames import (
    BIG,
    SECRET,
    encoded,
    exif_jpeg,
    jpeg,
    scene,
    segment,
)

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def opened(picture: Picture) -> Image.Image:
    """A picture, decoded; it is a JPEG of the size that it says."""
    image = Image.open(io.BytesIO(picture.jpeg), formats=("JPEG",))
    image.load()
    assert image.size == (picture.width_px, picture.height_px)
    return image


def quarters(image: Image.Image) -> list[int]:
    """The mean colours of the picture's four quarters, one number for each band."""
    return list(image.convert("RGB").resize((2, 2), Image.Resampling.BOX).tobytes())


def alike(image: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures show the same, but for what JPEG and a change of mode blur."""
    pairs = zip(quarters(image), quarters(other), strict=True)
    return all(abs(one - two) <= 12 for one, two in pairs)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright(orientation: int) -> None:
    """Each of EXIF's eight orientations is applied as Pillow applies it, and then removed."""
    frame = exif_jpeg(orientation)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(frame)))
    image = opened(clean_picture(frame))
    assert image.size == expected.size
    assert alike(image, expected)
    assert not image.getexif()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_keeps_its_picture(mode: str) -> None:
    """Whatever the frame's mode, what is seen is the same, in grey or in colour."""
    source = scene(mode=mode)
    frame = encoded(source, "JPEG" if mode == "CMYK" else "PNG")
    image = opened(clean_picture(frame))
    assert image.mode == ("L" if mode in {"1", "L", "LA"} else "RGB")
    assert alike(image, source)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    """The middle of 16 bits is the middle of 8."""
    frame = encoded(Image.new("I;16", (16, 16), 0x8000), "PNG")
    assert opened(clean_picture(frame)).getpixel((8, 8)) == 128


def test_a_transparent_picture_shows_the_colours_under_its_alpha() -> None:
    """A frame grabber that leaves its fourth byte empty still gives a picture."""
    source = scene(mode="RGBA")
    source.putalpha(0)
    assert alike(opened(clean_picture(encoded(source, "PNG"))), scene())


def test_an_animated_picture_gives_its_first_frame() -> None:
    """What moves is stored as it began."""
    later = [Image.new("RGB", (64, 48), "black")] * 2
    frame = encoded(scene(), "PNG", save_all=True, append_images=later)
    assert alike(opened(clean_picture(frame)), scene())


def test_the_quality_is_85() -> None:
    """The tables of the JPEG are those that Pillow writes at quality 85."""
    image = opened(clean_picture(encoded(scene(), "PNG")))
    asked = Image.open(io.BytesIO(encoded(scene(), "JPEG", quality=85)))
    assert getattr(image, "quantization") == getattr(asked, "quantization")  # noqa: B009 - untyped


def test_a_picture_that_fits_keeps_its_size() -> None:
    """Neither a camera's 4K still nor one of 12 megapixels is reduced."""
    for size in ((3840, 2160), (4000, 3000)):
        assert clean_picture(encoded(Image.new("RGB", size), "JPEG"))[1:3] == size


def test_a_jpeg_that_does_not_fit_into_memory_comes_out_at_half_its_size() -> None:
    """Sixteen megapixels on their side would need two copies; half the sides need a quarter."""
    picture = clean_picture(exif_jpeg(6, scene(BIG)))
    assert picture[1:3] == (2000, 2000)
    expected = scene().transpose(Image.Transpose.ROTATE_270)
    assert alike(opened(picture), expected)


def test_the_same_frame_gives_the_same_bytes() -> None:
    """A picture follows from its frame alone."""
    frame = encoded(scene(), "PNG")
    assert (
        clean_picture(frame) == clean_picture(bytearray(frame)) == clean_picture(memoryview(frame))
    )


@pytest.mark.parametrize(
    "frame",
    [
        jpeg(quality=40),
        jpeg(scene(mode="L")),
        jpeg(progressive=True),
        jpeg(scene((3840, 2160)), subsampling=0),
        jpeg(scene((1, 1))),
    ],
)
def test_a_jpeg_that_needs_no_change_is_kept_byte_for_byte(frame: bytes) -> None:
    """Where the caller says so, a camera's clean JPEG is not encoded again."""
    picture = clean_picture(frame, keep_jpeg=True)
    assert picture.jpeg == frame
    opened(picture)
    assert clean_picture(frame).jpeg != frame


@pytest.mark.parametrize(
    "frame",
    [
        exif_jpeg(1),
        exif_jpeg(6),
        jpeg(extra=segment(0xFE, SECRET)),
        jpeg(icc_profile=SECRET),
        jpeg(scene(mode="CMYK")),
        jpeg(keep_rgb=True, extra=segment(0xEE, b"Adobe" + bytes(7))),
        jpeg() + b"\n",
        encoded(scene(), "PNG"),
    ],
)
def test_a_frame_that_needs_a_change_is_encoded_though_it_might_be_kept(frame: bytes) -> None:
    """Metadata, a tail, a turn, another mode or format: the picture is made again."""
    picture = clean_picture(frame, keep_jpeg=True)
    assert picture.jpeg != frame
    assert read_frame(picture.jpeg).plain


@pytest.mark.parametrize("cut", [1, 2, 5_000, 20_000])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_is_cut_short_is_kept_as_far_as_it_decodes_and_marked(
    cut: int, keep: bool, progressive: bool
) -> None:
    """Its first rows are those of the frame; the picture, and its file, say that it was cut."""
    whole = jpeg(Image.effect_noise((300, 300), 50), progressive=progressive)
    picture = clean_picture(whole[:-cut], keep_jpeg=keep)
    image = opened(picture)
    assert picture.cut_short
    assert image.info["comment"] == CUT_SHORT
    if not progressive:
        first = (0, 0, 300, 16)
        assert alike(image.crop(first), opened(clean_picture(whole)).crop(first))


@pytest.mark.parametrize("before", [b"\n", b"\r\n", b"\r\n\r\n"])
def test_line_breaks_before_a_frame_are_left_out(before: bytes) -> None:
    """Some cameras send them; the picture is the frame's, and is not marked."""
    for keep in (False, True):
        picture = clean_picture(before + jpeg(), keep_jpeg=keep)
        assert picture == clean_picture(jpeg(), keep_jpeg=keep)
        assert not picture.cut_short


def test_a_jpeg_that_takes_too_much_memory_here_is_converted_apart() -> None:
    """What can't be decoded within this process's bounds is left to one of its own."""
    frame = encoded(Image.new("RGB", BIG), "JPEG", progressive=True, subsampling=0)
    picture = clean_picture(frame, keep_jpeg=True)
    assert opened(picture).size == BIG
    assert picture.jpeg != frame


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {})]
)
def test_a_frame_of_two_lenses_side_by_side_is_scaled_down(
    kind: str, options: dict[str, Any]
) -> None:
    """7680 by 2160 pixels are more than are stored; half the sides, or a quarter, are not."""
    picture = clean_picture(encoded(scene((7680, 2160)), kind, **options))
    assert opened(picture).size in ([(1920, 540)] if options else [(3840, 1080)])
    assert alike(opened(picture).resize((64, 18)), scene((64, 18)))


def test_pillow_is_imported_when_the_first_picture_is_made() -> None:
    """Importing the rooms, and reading a header, costs no import of Pillow."""
    code = (
        "import sys, eventlog.pictures.thumbnails, eventlog.pictures.clean, eventlog.pictures\n"
        "assert not [name for name in sys.modules if name.startswith('PIL')]\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)


def test_recorded_photos_become_pictures_of_their_own_size(shared_data: Path) -> None:
    """Every photo is stored; one that does not fit into memory has half its sides."""
    photos = sorted(
        [*shared_data.glob("compreface/*.jpg"), *shared_data.glob("scikit-image/*.png")]
    )
    stored = 0
    for photo in photos:
        frame = photo.read_bytes()
        with Image.open(photo) as image:
            size = image.size
        if size[0] * size[1] > 16_000_000:
            size = (size[0] + 1) // 2, (size[1] + 1) // 2
            assert opened(clean_picture(frame)).size == size
            continue
        picture = clean_picture(frame)
        assert opened(picture).size == size
        assert clean_picture(frame, keep_jpeg=True)[1:3] == size
        stored += 1
    assert stored >= 12
