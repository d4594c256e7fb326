"""Turns the bytes of a frame into the bytes of a clean JPEG, in bounded memory.

The clean JPEG has pixels and a JFIF header: no EXIF, comment, profile or bytes after the end. It is
upright, in grey or in colour. Alpha is dropped, so that the colours under it are visible. A JPEG
that would not fit into `MAX_MEMORY` is reduced to a half, a quarter or an eighth of its size.
`foreign.py` converts other formats, and what does not fit even then.

A JPEG that is cut short is kept as far as it decodes, and the rest is grey. The picture is marked:
`cut_short` is true, and the JPEG has the comment `CUT_SHORT`.

Pillow is imported when the first picture is made. Knows nothing of files and folders.
"""

from __future__ import annotations

import io
import os
from errno import EPERM
from fcntl import F_ADD_SEALS, F_SEAL_GROW, fcntl
from io import FileIO
from typing import TYPE_CHECKING, Final, NamedTuple

from eventlog.pictures import MAX_BYTES, Frame, foreign, read_frame, refused, without_line_breaks
from eventlog.pictures.converter import QUALITY, flat, upright
from eventlog.pictures.frame_header import UPRIGHT, Pixels

if TYPE_CHECKING:
    from PIL import Image

CUT_SHORT: Final = b"cut short"  # the comment of a picture whose frame ended early
MAX_MEMORY: Final = 64 * 1024 * 1024  # bytes for decoding and encoding, without the frame
_OVERHEAD: Final = 1_250_000  # bytes that decoder and encoder use
_ROW_BYTES: Final = 128  # bytes that they use for each pixel of a row
_SCALES: Final = (1, 2, 4, 8)  # the divisors that a JPEG decoder can apply

# Pillow's bytes per pixel: at the peak of decoding and converting, and afterwards.
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
    """A clean JPEG, its size in pixels, and whether its frame ended early."""

    jpeg: bytes
    width_px: int
    height_px: int
    cut_short: bool = False


def clean_picture(frame: bytes | bytearray | memoryview, *, keep_jpeg: bool = False) -> Picture:
    """The clean JPEG of a frame, at quality 85.

    Not all damage is noticed: a decoder fills in what is damaged inside a scan.

    Args:
        frame: A JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF of 8 MB and 36 megapixels at most. Of an
            animation, only the first picture is used.
        keep_jpeg: True keeps a JPEG byte for byte if it needs no change: grey or in colour,
            upright, without metadata or bytes after its end, and decodable. Bytes hidden between
            the pixels are kept too, so use it only for a camera that you trust. False, the default,
            encodes every frame again.

    Raises:
        BadPayload: No picture can be made of the frame; it says why.
    """
    if not isinstance(frame, (bytes, bytearray, memoryview)):
        raise refused("is not bytes")
    if memoryview(frame).nbytes > MAX_BYTES:
        raise refused(f"has more than {MAX_BYTES} bytes")
    source = without_line_breaks(bytes(frame))
    kind = foreign.format_of(source)
    if kind is not None:
        return _kept(foreign.convert(source, kind))
    header = read_frame(source)
    if keep_jpeg and _needs_no_change(header):
        scale = _scale(header, len(source), _SCALES[-1:])
        if scale is not None:
            _pixels(header, scale)
            return _kept(header)
    scale = _scale(header, len(source), _SCALES if header.format == "JPEG" else _SCALES[:1])
    if scale is None:
        kept = foreign.convert(header.clean, header.format, orientation=header.orientation)
        return _kept(kept)
    return _encoded(_pixels(header, scale), cut_short=header.cut_short)


def _kept(header: Frame) -> Picture:
    """A JPEG that is clean already."""
    return Picture(header.clean, header.width_px, header.height_px)


def _needs_no_change(header: Frame) -> bool:
    return header.plain and header.orientation == UPRIGHT and header.pixels != "cmyk"


def _scale(header: Frame, frame_bytes: int, scales: tuple[int, ...]) -> int | None:
    """The first scale at which the picture fits into MAX_MEMORY; None if it never does."""
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
    return None


def _pixels(header: Frame, scale: int) -> Image.Image:
    """The frame's pixels, upright, in grey or in colour."""
    # Pillow and its codecs may raise anything on damaged bytes, and may run out of memory.
    try:
        return upright(flat(_decoded(header, scale)), header.orientation)
    except Exception as error:
        raise refused(f"is damaged or cut short ({type(error).__name__})") from error


def _decoded(header: Frame, scale: int) -> Image.Image:
    from PIL import Image  # noqa: PLC0415 - 30 ms that an import of eventlog need not pay

    image = Image.open(io.BytesIO(header.clean), formats=(header.format,))
    if scale > 1:
        image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
    image.load()
    return image


def _encoded(image: Image.Image, *, cut_short: bool) -> Picture:
    width, height = image.size
    held = _OVERHEAD + width * (_ROW_BYTES + height * (1 if image.mode == "L" else 4))
    try:
        with _memory_file(min(MAX_BYTES, MAX_MEMORY - held)) as file:
            image.save(file, "JPEG", quality=QUALITY, comment=CUT_SHORT if cut_short else None)
            image.close()  # frees the pixels before the JPEG is copied
            size_bytes = file.tell()
            file.seek(0)
            return Picture(file.read(size_bytes), width, height, cut_short)
    except (OSError, MemoryError) as error:
        # EPERM is the file's seal: the JPEG has reached the limit.
        if isinstance(error, OSError) and error.errno == EPERM:
            raise refused("would be too large a JPEG") from error
        raise refused(f"could not be encoded ({type(error).__name__})") from error


def _memory_file(limit: int) -> FileIO:
    """A file in memory of at most `limit` bytes.

    While it encodes into a file, Pillow releases Python's global lock, so that an event loop on
    another thread goes on. For an object it does not.
    """
    file = FileIO(os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+")
    file.truncate(limit)
    fcntl(file.fileno(), F_ADD_SEALS, F_SEAL_GROW)
    return file
