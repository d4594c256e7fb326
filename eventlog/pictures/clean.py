"""Bytes of a frame → bytes of a clean JPEG, in bounded memory.

The picture that comes out holds pixels and a JFIF header: no EXIF, comment, profile or tail. It
stands upright, in grey or in colour. Its pixels are the frame's; alpha is dropped, so that
the colours under it show. Only a JPEG whose full size would not fit into `MAX_MEMORY` comes out
at a half, a quarter or an eighth of it.

Pillow is imported when the first picture is made. Knows nothing of files and folders.
"""

from __future__ import annotations

import io
import os
from errno import EPERM
from fcntl import F_ADD_SEALS, F_SEAL_GROW, fcntl
from io import FileIO
from typing import TYPE_CHECKING, Final, NamedTuple

from eventlog.pictures import MAX_BYTES, Frame, read_frame, refused
from eventlog.pictures.frame_header import UPRIGHT, Pixels

if TYPE_CHECKING:
    from PIL import Image

QUALITY: Final = 85
MAX_MEMORY: Final = 64 * 1024 * 1024  # bytes besides the frame, for decoding and encoding
_OVERHEAD: Final = 1_250_000  # bytes that decoder and encoder take for themselves
_ROW_BYTES: Final = 128  # bytes that they take for each pixel of a row
_SCALES: Final = (1, 2, 4, 8)  # what a JPEG can be divided by while it is decoded

# Bytes for each pixel, as Pillow holds them: at the peak of decoding and converting, and after.
_BYTES_PER_PX: Final[dict[Pixels, tuple[int, int]]] = {
    "grey": (1, 1),
    "colour": (4, 4),
    "cmyk": (8, 4),
    "bilevel": (2, 1),
    "grey16": (5, 1),
    "palette": (5, 4),
    "grey and alpha": (5, 1),
    "colour and alpha": (8, 4),
}


class Picture(NamedTuple):
    """A clean JPEG and its size in pixels."""

    jpeg: bytes
    width_px: int
    height_px: int


def clean_picture(frame: bytes | bytearray | memoryview, *, keep_jpeg: bool = False) -> Picture:
    """The clean JPEG of a frame, at quality 85.

    With `keep_jpeg`, a JPEG that needs no change is answered byte for byte: grey or in colour,
    upright, without metadata or a tail, and decodable to its end. Whoever asks for it trusts
    the camera, because bytes between the pixels are kept as well.

    A decoder fills in what is damaged inside a scan, so that not all damage is noticed here.

    Raises BadPayload, which says why, for a frame that no picture can be made of.
    """
    if not isinstance(frame, (bytes, bytearray, memoryview)):
        raise refused("is not bytes")
    if memoryview(frame).nbytes > MAX_BYTES:
        raise refused(f"has more than {MAX_BYTES} bytes")
    source = bytes(frame)
    header = read_frame(source)
    if keep_jpeg and _needs_no_change(header):
        _pixels(header, _scale(header, len(source), _SCALES[-1:]))
        return Picture(source, header.width_px, header.height_px)
    scale = _scale(header, len(source), _SCALES if header.format == "JPEG" else _SCALES[:1])
    return _encoded(_pixels(header, scale))


def _needs_no_change(header: Frame) -> bool:
    return header.plain and header.orientation == UPRIGHT and header.pixels != "cmyk"


def _scale(header: Frame, frame_bytes: int, scales: tuple[int, ...]) -> int:
    """The first scale to divide the picture's sides by that lets all of it fit into MAX_MEMORY."""
    peak, after = _BYTES_PER_PX[header.pixels]
    row = header.width_px
    if header.orientation != UPRIGHT:
        peak, row = max(peak, 2 * after), max(row, header.height_px)
    own = _OVERHEAD + _ROW_BYTES * row + len(header.clean)
    for scale in scales:
        pixels = header.width_px * header.height_px // scale**2
        decoding = header.whole_image_bytes + pixels * peak
        encoding = pixels * after + min(MAX_BYTES, 2 * frame_bytes)
        if own + max(decoding, encoding) <= MAX_MEMORY:
            return scale
    raise refused("would take too much memory")


def _pixels(header: Frame, scale: int) -> Image.Image:
    """The frame's pixels, upright, in grey or in colour."""
    # Pillow and its codecs raise what they like on damaged bytes, and run out of memory.
    try:
        return _upright(_flat(_decoded(header, scale)), header.orientation)
    except Exception as error:
        raise refused(f"is damaged or cut short ({type(error).__name__})") from error


def _decoded(header: Frame, scale: int) -> Image.Image:
    from PIL import Image  # noqa: PLC0415 - 30 ms that an import of eventlog need not pay

    image = Image.open(io.BytesIO(header.clean), formats=(header.format,))
    if scale > 1:
        image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
    image.load()
    return image


def _flat(image: Image.Image) -> Image.Image:
    """The picture in grey or colour, the two modes that are stored."""
    if image.mode in {"L", "RGB"}:
        return image
    if image.mode == "I;16":
        # Conversion alone would clip: every value over 255 would be white.
        return image.point(lambda value: value / 256).convert("L")
    return image.convert("L" if image.mode in {"1", "LA"} else "RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    from PIL.Image import Transpose  # noqa: PLC0415 - as above

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation)
    return image if turn is None else image.transpose(turn)


def _encoded(image: Image.Image) -> Picture:
    width, height = image.size
    held = _OVERHEAD + width * (_ROW_BYTES + height * (1 if image.mode == "L" else 4))
    try:
        with _memory_file(min(MAX_BYTES, MAX_MEMORY - held)) as file:
            image.save(file, "JPEG", quality=QUALITY)
            image.close()  # its pixels make room for the second copy of the JPEG
            size_bytes = file.tell()
            file.seek(0)
            return Picture(file.read(size_bytes), width, height)
    except (OSError, MemoryError) as error:
        # The file's seal answers EPERM.
        if isinstance(error, OSError) and error.errno == EPERM:
            raise refused("would be too large a JPEG") from error
        raise refused(f"could not be encoded ({type(error).__name__})") from error


def _memory_file(limit: int) -> FileIO:
    """A file in memory that takes `limit` bytes and no more.

    Pillow holds on to Python's own lock while it encodes into an object, but not into a file; so
    an event loop beside it goes on.
    """
    file = FileIO(os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+")
    file.truncate(limit)
    fcntl(file.fileno(), F_ADD_SEALS, F_SEAL_GROW)
    return file
