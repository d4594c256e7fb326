"""Reading a frame's header: what is kept of it, what is left out, and what is refused."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from eventlog.errors import BadPayload
from eventlog.pictures import MAX_BYTES, MAX_PIXELS, read_frame, without_line_breaks
from eventlog.pictures.foreign import format_of
from eventlog.pictures.frame_header import orientation_of
from tests.pictures.hostile_frames import (
    HOSTILE,
    SCRIPT,
    SECRET,
    Hostile,
    chunk,
    encoded,
    exif_jpeg,
    jpeg,
    png,
    scene,
    segment,
    tiff,
)

BITS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"Exif\0\0II*\0",
    b"IHDR",
    b"\xff\xda\0\x08",
    b"\xff\xd9",
)


def test_a_plain_jpeg_is_its_own_clean_bytes() -> None:
    """Nothing is copied where nothing is left out."""
    frame = jpeg()
    header = read_frame(frame)
    assert header.clean is frame
    assert header.plain
    assert header[:6] == ("JPEG", 64, 48, "colour", 1, 0)


@pytest.mark.parametrize(
    "extra",
    [
        segment(0xFE, SECRET),
        segment(0xE1, b"Exif\0\0" + SECRET),
        segment(0xE0, b"JFXX\0" + SECRET),
        segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1" + SECRET),
        segment(0xEE, b"Adobe" + SECRET),
        segment(0xED, SECRET),
    ],
)
def test_a_segment_that_the_pixels_do_not_need_is_left_out(extra: bytes) -> None:
    """Of comments and application segments nothing remains, and the rest is as it was."""
    header = read_frame(jpeg(extra=extra))
    assert header.clean == jpeg()
    assert not header.plain


@pytest.mark.parametrize("frame", [jpeg(), png((8, 8))])
def test_what_follows_a_picture_is_left_out(frame: bytes) -> None:
    """The clean bytes end where the picture does."""
    assert read_frame(frame + SCRIPT).clean == read_frame(frame).clean
    assert not read_frame(frame + SCRIPT).plain


def test_fill_bytes_before_a_marker_are_no_damage() -> None:
    """A JPEG may pad its markers with 0xFF, a million times as well."""
    assert read_frame(jpeg(extra=b"\xff" * 1_000_000)).width_px == 64


def test_a_chunk_that_the_pixels_do_not_need_is_left_out() -> None:
    """Texts, profiles and transparency go; header, palette and data stay, the data in one."""
    extra = chunk(b"tEXt", b"k\0" + SECRET) + chunk(b"iCCP", SECRET) + chunk(b"tRNS", b"\0" * 6)
    assert read_frame(png((8, 8), before=extra)).clean == png((8, 8))
    whole = png((8, 8))
    at = whole.index(b"IDAT") - 4
    data = whole[at + 8 : whole.index(b"IEND") - 8]
    split = whole[:at] + b"".join(chunk(b"IDAT", data[i : i + 1]) for i in range(len(data)))
    assert read_frame(split + chunk(b"IEND", b"")).clean == whole


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read_in_either_byte_order(orientation: int, order: str) -> None:
    """EXIF of a JPEG and of a PNG name the same eight turns, and the size after them."""
    block = tiff((0x0110, 2, 4, 0), (0x0112, 3, 1, orientation), order=order)
    upright = (48, 64) if orientation >= 5 else (64, 48)
    photo = read_frame(exif_jpeg(orientation, order=order))
    grab = read_frame(png((64, 48), before=chunk(b"eXIf", block)))
    assert photo.orientation == grab.orientation == orientation
    assert photo.upright_size == grab.upright_size == upright


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        tiff(),
        tiff((0x0112, 3, 1, 0)),
        tiff((0x0112, 3, 1, 9)),
        tiff((0x0112, 4, 1, 6)),
        tiff((0x0112, 3, 1, 6))[:-8],
        b"II*\0\xff\xff\xff\xff",
        b"II+\0" + tiff((0x0112, 3, 1, 6))[4:],
    ],
)
def test_an_orientation_that_is_none_is_upright(block: bytes) -> None:
    """Broken EXIF turns nothing."""
    assert orientation_of(block) == 1


@given(st.binary(max_size=200), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""]))
def test_any_bytes_have_an_orientation(block: bytes, start: bytes) -> None:
    """No EXIF block raises, and the answer is one of eight."""
    assert 1 <= orientation_of(start + block) <= 8


def test_the_caps_are_eight_megabytes_and_thirty_six_megapixels() -> None:
    """Both are stated, and the frame at the cap passes where the next one is refused."""
    assert (MAX_BYTES, MAX_PIXELS) == (8_000_000, 36_000_000)
    frame = jpeg()
    assert read_frame(frame + bytes(MAX_BYTES - len(frame))).width_px == 64
    with pytest.raises(BadPayload, match="more than 8000000 bytes"):
        read_frame(frame + bytes(MAX_BYTES - len(frame) + 1))
    assert read_frame(png((6000, 6000), data=b"x")).width_px == 6000
    with pytest.raises(BadPayload, match="more than 36000000 pixels"):
        read_frame(png((6000, 6001), data=b"x"))
    assert read_frame(png((65_500, 1))).width_px == 65_500
    with pytest.raises(BadPayload, match="a side of more than 65500"):
        read_frame(png((1, 65_501)))


def test_a_jpeg_without_its_end_is_not_plain() -> None:
    """It may be complete, but not every byte belongs to a JPEG."""
    assert not read_frame(jpeg()[:-2]).plain


@pytest.mark.parametrize("at", [8, 9, 10, 11, 12])
def test_a_png_header_that_has_no_meaning_is_refused(at: int) -> None:
    """Depth, colour, compression, filter or interlace of a value that there is not."""
    header = bytearray(png((8, 8))[16:29])
    header[at] = 7
    whole = png((8, 8))
    frame = whole[:8] + chunk(b"IHDR", bytes(header)) + whole[33:]
    with pytest.raises(BadPayload, match="has no meaning"):
        read_frame(frame)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_jpeg_in_several_scans_says_what_a_decoder_buffers(subsampling: int) -> None:
    """Two bytes for each coefficient of each layer, in full blocks; one scan buffers nothing."""
    size = (160, 96)
    layers = {0: 3.0, 1: 2.0, 2: 1.5}[subsampling]
    options = {"subsampling": subsampling}
    several = read_frame(encoded(scene(size), "JPEG", progressive=True, **options))
    assert several.whole_image_bytes == 2 * layers * size[0] * size[1]
    assert read_frame(encoded(scene(size), "JPEG", **options)).whole_image_bytes == 0


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_clean_bytes_hold_no_metadata_and_no_tail(hostile: Hostile) -> None:
    """Whatever the frame, its clean bytes hold no secret, no script, and nothing unknown."""
    frame = without_line_breaks(hostile.build())
    try:
        header = read_frame(frame)
    except BadPayload:
        assert not hostile.stored or format_of(frame) is not None
        return
    assert SCRIPT not in header.clean
    assert SECRET not in header.clean
    image = Image.open(io.BytesIO(header.clean), formats=(header.format,))
    assert image.size == (header.width_px, header.height_px)
    assert set(image.info) <= {
        *("jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"),
        *("adobe", "adobe_transform", "progressive", "progression", "interlace"),
    }


@given(st.lists(st.sampled_from(BITS) | st.binary(max_size=20), max_size=12))
def test_any_bytes_are_read_or_refused(parts: list[bytes]) -> None:
    """No frame raises anything but BadPayload."""
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"):
        try:
            header = read_frame(start + b"".join(parts))
        except BadPayload:
            continue
        assert 0 < header.width_px * header.height_px <= MAX_PIXELS
