"""Hostile and unusual frames, built here, each with its expected outcome.

Knows the formats and not our reader, so that the two can disagree.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from PIL import Image

SCRIPT: Final = b"<script>alert(1)</script>"
SECRET: Final = b"the house on the hill"
BIG: Final = (4000, 4000)


class Hostile(NamedTuple):
    """A frame with a name, and whether it gives a picture."""

    name: str
    build: Callable[[], bytes]
    stored: bool


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """An image as the bytes of a file of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def scene(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """A picture with a different colour in each corner, so that turns and losses show."""
    image = Image.new("RGB", size, (128, 128, 128))
    half = (size[0] // 2, size[1] // 2)
    image.paste((200, 30, 30), (0, 0, *half))
    image.paste((30, 200, 30), (half[0], 0, size[0], half[1]))
    image.paste((30, 30, 200), (0, half[1], half[0], size[1]))
    return image.convert(mode)


def tiff(*entries: tuple[int, int, int, int], order: str = "<") -> bytes:
    """An EXIF block with one directory: tag, kind, count and value of each entry."""
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    body = struct.pack(f"{order}H", len(entries))
    for tag, kind, count, value in entries:
        short = kind == 3
        body += struct.pack(
            f"{order}HHI" + ("HH" if short else "I"), tag, kind, count, value, *[0] * short
        )
    return start + body + bytes(4)


def segment(marker: int, body: bytes) -> bytes:
    """A JPEG segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(image: Image.Image | None = None, *, extra: bytes = b"", **options: Any) -> bytes:
    """A JPEG with further segments behind its first marker."""
    plain = encoded(image or scene(), "JPEG", **options)
    return plain[:2] + extra + plain[2:]


def exif_jpeg(orientation: int, image: Image.Image | None = None, order: str = "<") -> bytes:
    """A JPEG whose EXIF holds an orientation and the house's position."""
    block = tiff((0x0112, 3, 1, orientation), (0x8825, 4, 1, 38), order=order)
    position = struct.pack(f"{order}HHHI4sI", 1, 1, 2, 2, b"N\0\0\0", 0)
    block += position + SECRET
    return jpeg(image, extra=segment(0xE1, b"Exif\0\0" + block))


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk."""
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png(
    size: tuple[int, int],
    *,
    depth: int = 8,
    colour: int = 2,
    data: bytes | None = None,
    before: bytes = b"",
    end: bytes = chunk(b"IEND", b""),
) -> bytes:
    """A PNG by its parts; without data, all of it is black."""
    if data is None:
        layers = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
        row = b"\0" + bytes((size[0] * layers * depth + 7) // 8)
        squeeze = zlib.compressobj(9)
        data = b"".join(squeeze.compress(row) for _ in range(size[1])) + squeeze.flush()
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", data) if data else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + body + end


def _patched(at_marker: bytes, offset: int, value: bytes) -> bytes:
    """A JPEG with other bytes at an offset behind a marker."""
    whole = bytearray(jpeg())
    at = whole.index(at_marker) + offset
    whole[at : at + len(value)] = value
    return bytes(whole)


def _scans(image: Image.Image, times: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    whole = encoded(image, "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    tables = whole.rindex(b"\xff\xc4", 0, last)
    return whole[:-2] + whole[tables:-2] * times + whole[-2:]


def _exif_bomb() -> bytes:
    """EXIF whose entries all point at all of it: read in full, it takes gigabytes."""
    entries = [(0x9000 + i, 7, 60_000, 0) for i in range(5_000)]
    block = b"Exif\0\0" + tiff((0x0112, 3, 1, 1), *entries)
    return jpeg(extra=segment(0xE1, block) * 20)


def _noise_tile(size: tuple[int, int]) -> bytes:
    """A small PNG that makes a large JPEG: the same noise again and again."""
    grey = Image.effect_noise((50, 50), 90)
    tile = Image.merge("RGB", (grey, grey.transpose(Image.Transpose.ROTATE_90), grey))
    row = Image.new("RGB", (size[0], 50))
    for x in range(0, size[0], 50):
        row.paste(tile, (x, 0))
    whole = Image.new("RGB", size)
    for y in range(0, size[1], 50):
        whole.paste(row, (0, y))
    return encoded(whole, "PNG", compress_level=1)


def _flat(mode: str, kind: str, size: tuple[int, int] = BIG, **options: Any) -> bytes:
    return encoded(Image.new(mode, size), kind, **options)


def _turned_giant() -> bytes:
    return exif_jpeg(6, Image.new("RGB", BIG))


def _animated() -> bytes:
    frames = [scene().transpose(Image.Transpose.ROTATE_180) for _ in range(3)]
    return encoded(scene(), "PNG", save_all=True, append_images=frames)


def _text_bomb() -> bytes:
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1_000_000), 9))
    return png((8, 8), before=text * 200)


def _profile_bomb() -> bytes:
    return png((8, 8), before=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(50_000_000), 9)))


def _two_pictures() -> bytes:
    return encoded(scene(), "MPO", save_all=True, append_images=[scene((32, 32))])


def _interlaced() -> bytes:
    body = zlib.compress(b"".join(b"\0" + bytes(3 * width) for width in (1, 1, 2, 2)) + bytes(400))
    header = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 1)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def _in_pieces() -> bytes:
    return png((8, 8), before=chunk(b"teXt", b"") * 10_000)


def _transparent() -> bytes:
    image = scene(mode="P")
    return encoded(image, "PNG", transparency=0)


def _noise() -> Image.Image:
    return Image.effect_noise((300, 300), 50).convert("RGB")


def _exif() -> bytes:
    return b"Exif\0\0" + tiff((0x0112, 3, 1, 1)) + SECRET


def _moving(kind: str) -> bytes:
    later = [scene().transpose(Image.Transpose.ROTATE_180) for _ in range(3)]
    return encoded(scene(), kind, save_all=True, append_images=later)


def _vast_webp() -> bytes:
    """A lossless WebP whose header promises 268 megapixels."""
    body = b"\x2f" + (16_383 | 16_383 << 14).to_bytes(4, "little") + bytes(64)
    part = b"VP8L" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(part)) + b"WEBP" + part


def _vast_gif() -> bytes:
    side = b"\xff\xff"
    data = b"\x02\x02\x4c\x01\0;"
    return b"GIF89a" + side * 2 + b"\x80\0\0" + bytes(6) + b"," + bytes(4) + side * 2 + b"\0" + data


def _vast_bmp() -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + header + bytes(64)


def _tiff_bomb() -> bytes:
    """A directory of 5,000 entries that each point at four gigabytes."""
    return tiff(*((0x9000 + i, 7, 2**32 - 1, 8) for i in range(5_000)))


REFUSED: Final = (
    ("nothing", bytes),
    ("text", lambda: b"not a picture"),
    ("a script", lambda: SCRIPT),
    ("SVG", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    ("a WebP cut in its pixels", lambda: encoded(_noise(), "WEBP")[:9_000]),
    ("a WebP of 16,384 pixels a side", _vast_webp),
    ("a WebP of its first bytes", lambda: b"RIFF\0\0\0\0WEBP"),
    ("a GIF of its first bytes", lambda: b"GIF89a"),
    ("a GIF of 65,535 pixels a side", _vast_gif),
    ("a GIF cut in its pixels", lambda: encoded(_noise(), "GIF")[:9_000]),
    ("a BMP of 2^31 pixels a side", _vast_bmp),
    ("a BMP cut in its pixels", lambda: encoded(_noise(), "BMP")[:9_000]),
    ("a TIFF of its first bytes", lambda: b"II*\0"),
    ("a TIFF cut in its pixels", lambda: encoded(_noise(), "TIFF", compression="tiff_lzw")[:9_000]),
    ("a TIFF whose directory is a bomb", _tiff_bomb),
    ("an AVIF of its first bytes", lambda: b"\0\0\0\x20ftypavif"),
    ("a JPEG of its first marker", lambda: b"\xff\xd8\xff"),
    ("a JPEG that ends at once", lambda: b"\xff\xd8\xff\xd9"),
    ("a JPEG cut in its tables", lambda: jpeg()[:100]),
    ("a JPEG whose segment is longer than it", lambda: jpeg(extra=b"\xff\xfe\xff\xff")[:600]),
    ("a JPEG whose segment has no length", lambda: jpeg(extra=b"\xff\xfe\0\0")),
    ("a JPEG with junk between segments", lambda: jpeg(extra=b"junk")),
    ("a JPEG of 65,535 pixels a side", lambda: _patched(b"\xff\xc0", 5, b"\xff\xff\xff\xff")),
    ("a JPEG of no height", lambda: _patched(b"\xff\xc0", 5, b"\0\0")),
    ("a JPEG of 12 bits", lambda: _patched(b"\xff\xc0", 4, b"\x0c")),
    ("a JPEG of five layers", lambda: _patched(b"\xff\xc0", 9, b"\x05")),
    ("a JPEG of layers without size", lambda: _patched(b"\xff\xc0", 11, b"\0")),
    ("a JPEG in arithmetic coding", lambda: _patched(b"\xff\xc0", 1, b"\xc9")),
    ("a JPEG with two sizes", lambda: jpeg(extra=segment(0xC0, b"\x08\0\x08\0\x08\x01\x01\x11\0"))),
    ("a JPEG of 5,000 comments", lambda: jpeg(extra=segment(0xFE, b"x") * 5_000)),
    ("a JPEG of 120,000 tables", lambda: jpeg(extra=segment(0xDB, bytes(65) * 1_000) * 120)),
    ("a JPEG of 2,000 scans", partial(_scans, Image.new("RGB", (800, 600)), 2_000)),
    ("a frame of 9 MB", lambda: jpeg() + bytes(9_000_000)),
    ("a PNG of 13,000 pixels a side", partial(png, (13_000, 13_000), depth=1, colour=0)),
    ("a PNG of 2^31 - 1 pixels a side", partial(png, (2**31 - 1, 2**31 - 1), data=b"x")),
    ("a PNG of 70,000 pixels in a row", partial(png, (70_000, 1))),
    ("a PNG of no width", partial(png, (0, 9), data=b"x")),
    ("a PNG of its signature", lambda: b"\x89PNG\r\n\x1a\n"),
    ("a PNG cut in its pixels", lambda: encoded(scene(), "PNG")[:-30]),
    ("a PNG without its end", partial(png, (8, 8), end=b"")),
    ("a PNG whose data is cut", partial(png, (8, 8), data=zlib.compress(bytes(200))[:-8])),
    ("a PNG of broken data", partial(png, (8, 8), data=b"not compressed at all")),
    ("a PNG without data", partial(png, (8, 8), data=b"")),
    ("a PNG without its palette", partial(png, (8, 8), colour=3)),
    ("a PNG of three bits", partial(png, (8, 8), depth=3, colour=0)),
    ("a PNG with a wrong checksum", lambda: png((8, 8))[:-1] + b"x"),
    ("a PNG of 10,000 chunks", _in_pieces),
    ("a PNG that makes a JPEG of 20 MB", partial(_noise_tile, (4000, 3900))),
)
STORED: Final = (
    ("a JPEG cut in its pixels", lambda: jpeg(Image.effect_noise((300, 300), 50))[:-5_000]),
    ("a JPEG without its end", lambda: jpeg()[:-2]),
    ("a JPEG behind a line break", lambda: b"\r\n" + jpeg()),
    ("a JPEG of two lenses", partial(_flat, "RGB", "JPEG", (7680, 2160))),
    (
        "a progressive JPEG of 16 megapixels",
        partial(_flat, "RGB", "JPEG", progressive=True, subsampling=0),
    ),
    ("a PNG of 16 megapixels with alpha", partial(_flat, "RGBA", "PNG")),
    ("a PNG of two lenses", partial(_flat, "RGB", "PNG", (7680, 2160))),
    ("a WebP", lambda: encoded(scene(), "WEBP", lossless=True)),
    ("a WebP of 8 megapixels", partial(_flat, "RGB", "WEBP", (3840, 2160))),
    ("a WebP with EXIF and XMP", lambda: encoded(scene(), "WEBP", exif=_exif(), xmp=SECRET)),
    ("a WebP with a script behind it", lambda: encoded(scene(), "WEBP") + SCRIPT),
    ("a WebP with alpha", lambda: encoded(scene(mode="RGBA"), "WEBP")),
    ("an animated WebP", partial(_moving, "WEBP")),
    ("a GIF", lambda: encoded(scene(mode="P"), "GIF", comment=SECRET)),
    ("an animated GIF", partial(_moving, "GIF")),
    ("a BMP", lambda: encoded(scene(), "BMP")),
    ("a BMP of two levels", lambda: encoded(scene(mode="1"), "BMP")),
    ("a TIFF", lambda: encoded(scene(), "TIFF", description=SECRET.decode())),
    ("a TIFF in CMYK", lambda: encoded(scene(mode="CMYK"), "TIFF")),
    ("a TIFF of 16 bits in grey", partial(_flat, "I;16", "TIFF", (64, 48))),
    ("a TIFF of two pictures", partial(_moving, "TIFF")),
    ("a JPEG with a script behind it", lambda: jpeg() + SCRIPT),
    ("a JPEG with a script as comment", lambda: jpeg(extra=segment(0xFE, SCRIPT))),
    ("a JPEG with position and orientation", partial(exif_jpeg, 6)),
    ("a JPEG with an EXIF bomb", _exif_bomb),
    ("a JPEG with XMP and a profile", lambda: jpeg(icc_profile=SECRET * 99, xmp=SECRET)),
    ("a JPEG with 7 MB of metadata", lambda: jpeg(extra=segment(0xE5, bytes(65_000)) * 107)),
    ("a JPEG of two pictures", _two_pictures),
    ("a JPEG in CMYK", partial(_flat, "CMYK", "JPEG", (64, 48))),
    ("a JPEG in grey", lambda: jpeg(scene(mode="L"))),
    ("a progressive JPEG", lambda: jpeg(progressive=True)),
    ("a JPEG of one pixel", partial(_flat, "RGB", "JPEG", (1, 1))),
    ("a JPEG of 16 megapixels", partial(_flat, "RGB", "JPEG")),
    ("a JPEG of 16 megapixels in several scans", partial(_flat, "RGB", "JPEG", progressive=True)),
    ("a JPEG of 16 megapixels in many scans", lambda: _scans(Image.new("RGB", BIG), 10)),
    ("a JPEG of 14 megapixels in CMYK", partial(_flat, "CMYK", "JPEG", (3900, 3600))),
    ("a JPEG of 16 megapixels on its side", _turned_giant),
    ("a JPEG of 65,500 pixels in a row", partial(_flat, "RGB", "JPEG", (65_500, 200))),
    ("a PNG", lambda: encoded(scene(), "PNG")),
    ("an animated PNG", _animated),
    ("an interlaced PNG", _interlaced),
    ("a PNG with a script behind it", lambda: encoded(scene(), "PNG") + SCRIPT),
    ("a PNG of two levels", lambda: encoded(scene(mode="1"), "PNG")),
    ("a PNG of 16 bits in grey", partial(_flat, "I;16", "PNG", (64, 48))),
    ("a PNG of 16 bits in colour", partial(png, (8, 8), depth=16)),
    ("a PNG in grey with alpha", lambda: encoded(scene(mode="LA"), "PNG")),
    ("a PNG in colour with alpha", lambda: encoded(scene(mode="RGBA"), "PNG")),
    ("a PNG with a palette", lambda: encoded(scene(mode="P"), "PNG")),
    ("a PNG with a transparent palette", _transparent),
    ("a PNG with 200 MB of text", _text_bomb),
    ("a PNG with a profile of 50 MB", _profile_bomb),
    ("a PNG that holds too few rows", partial(png, (8, 8), data=zlib.compress(bytes(50)))),
    ("a PNG of 16 megapixels", partial(_flat, "RGB", "PNG")),
    ("a PNG of 16 megapixels in two levels", partial(_flat, "1", "PNG")),
    ("a PNG of 12 megapixels with a palette", partial(_flat, "P", "PNG", (3500, 3500))),
    ("a PNG of 65,500 pixels in a column", partial(_flat, "RGB", "PNG", (200, 65_500))),
)
HOSTILE: Final = tuple(
    Hostile(name, build, stored)
    for group, stored in ((REFUSED, False), (STORED, True))
    for name, build in group
)
