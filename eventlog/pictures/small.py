"""Makes small renditions for lists, once: of a picture, and of a face in it.

None has more than 320 pixels on its longer side. It is stored in the picture's folder, under the
picture's name with another ending. A JPEG's comment, and what follows a WebP, has the digests of
what it was made of and of its own bytes, so that one that is damaged, or of another picture, is
noticed and made again. Knows nothing of events and facts.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eventlog.pictures.jpeg import SOI
from eventlog.storage.durable_files import open_plain, replace

if TYPE_CHECKING:
    from PIL import Image

SIDE_PX: Final = 320
QUALITY: Final = 70
ENDING: Final = ".320.jpg"
CARD_PX: Final = (256, 144)  # a card shows 16:9, 128 pixels wide
CARD_QUALITY: Final = 45  # 30 of them in a list weigh 115 kB
CARD_ENDING: Final = ".card.webp"
FACES_KEPT: Final = 16  # of one picture; more are cut out again each time
_DIGEST: Final = 32  # bytes of a SHA-256
_COMMENT: Final = b"\xff\xfe" + (2 + 2 * _DIGEST).to_bytes(2, "big")
_BODY_AT: Final = len(SOI) + len(_COMMENT) + 2 * _DIGEST
_MAX_BYTES: Final = 1_000_000

_log: Final = logging.getLogger(__name__)


def name_for(picture_name: str) -> str:
    """The name of the small rendition's file."""
    return picture_name.removesuffix(".jpg") + ENDING


def small_jpeg(path: Path, picture: bytes) -> bytes:
    """The small rendition of a picture, read from its file, or made and stored there.

    If the file can't be written, the rendition is made at each call.

    Args:
        path: The picture's file.
        picture: The content of that file, a clean JPEG.

    Raises:
        ValueError: The picture can't be decoded.
    """
    of = hashlib.sha256(picture).digest()
    return _kept(path.with_name(name_for(path.name)), of, lambda: _made(picture, of))


def _card_name(picture_name: str) -> str:
    return picture_name.removesuffix(".jpg") + CARD_ENDING


def card_webp(path: Path, picture: bytes) -> bytes:
    """The middle of a picture for a card of a list, kept like the small rendition.

    A WebP of at most 256 x 144 pixels in the card's proportions; see `small_jpeg`.
    """
    of = hashlib.sha256(picture).digest()
    return _kept(path.with_name(_card_name(path.name)), of, lambda: _card(picture, of))[
        : -2 * _DIGEST
    ]


def face_jpeg(path: Path, picture: bytes, number: int, corners: tuple[int, int, int, int]) -> bytes:
    """The face in a picture, kept like the small rendition.

    Args:
        path: The picture's file.
        picture: The content of that file, a clean JPEG.
        number: The face's number among those of the picture, from 0.
        corners: The left, upper, right and lower edge of what is cut out, in pixels.

    Raises:
        ValueError: The picture can't be decoded.
    """
    # What is kept under a number belongs to these corners of this picture alone.
    of = hashlib.sha256(picture + repr(corners).encode()).digest()
    if number >= FACES_KEPT:
        return _made(picture, of, corners)
    name = _face_name(path.name, number)
    return _kept(path.with_name(name), of, lambda: _made(picture, of, corners))


def _face_name(picture_name: str, number: int) -> str:
    return f"{picture_name.removesuffix('.jpg')}.face{number}{ENDING}"


def _kept(kept: Path, of: bytes, make: Callable[[], bytes]) -> bytes:
    """What a file keeps of that picture, else what is made and stored there."""
    found = _read(kept, of)
    if found is not None:
        return found
    made = make()
    try:
        replace(kept, made)
    except OSError as error:
        # On a full or read-only disk it only takes longer.
        why = os.strerror(error.errno) if error.errno is not None else type(error).__name__
        _log.info("a small picture is not kept: %s", why)
    return made


def remove(path: Path) -> None:
    """Remove the small renditions of a picture and of its faces. Raises OSError."""
    path.with_name(name_for(path.name)).unlink(missing_ok=True)
    path.with_name(_card_name(path.name)).unlink(missing_ok=True)
    for number in range(FACES_KEPT):
        path.with_name(_face_name(path.name, number)).unlink(missing_ok=True)


def _read(path: Path, of: bytes) -> bytes | None:
    """The bytes of a rendition, if it is undamaged and of that picture."""
    try:
        with open_plain(path) as file:
            content = file.read(_MAX_BYTES)
    except OSError:
        return None
    start = SOI + _COMMENT + of + hashlib.sha256(content[_BODY_AT:]).digest()
    end = of + hashlib.sha256(content[: -2 * _DIGEST]).digest()
    return content if content.startswith(start) or content.endswith(end) else None


def _made(picture: bytes, of: bytes, corners: tuple[int, int, int, int] | None = None) -> bytes:
    def draw(image: Image.Image, file: io.BytesIO) -> None:
        if corners is None:
            image.draft(None, (SIDE_PX, SIDE_PX))  # decodes a part of the pixels only
        else:
            image = image.crop(corners)
        image.thumbnail((SIDE_PX, SIDE_PX))
        image.info.clear()
        image.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)

    body = _drawn(picture, draw)[len(SOI) :]
    return SOI + _COMMENT + of + hashlib.sha256(body).digest() + body


def _card(picture: bytes, of: bytes) -> bytes:
    def draw(image: Image.Image, file: io.BytesIO) -> None:
        from PIL import ImageOps  # noqa: PLC0415 - as in _drawn

        image.draft(None, (2 * CARD_PX[0], 2 * CARD_PX[1]))
        fits = min(1, image.width / CARD_PX[0], image.height / CARD_PX[1])  # never made larger
        size = (round(CARD_PX[0] * fits) or 1, round(CARD_PX[1] * fits) or 1)
        shown = ImageOps.fit(image.convert("RGB"), size)
        shown.save(file, "WEBP", quality=CARD_QUALITY, method=6)

    body = _drawn(picture, draw)
    return body + of + hashlib.sha256(body).digest()


def _drawn(picture: bytes, draw: Callable[[Image.Image, io.BytesIO], None]) -> bytes:
    """What is drawn of a picture into a file. Raises ValueError if it can't be decoded."""
    from PIL import Image  # noqa: PLC0415 - takes 30 ms, and is needed for pictures only

    file = io.BytesIO()
    # A decoder may raise anything on damaged bytes.
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG",)) as image:
            draw(image, file)
    except Exception as error:
        raise ValueError(f"the picture can't be decoded ({type(error).__name__})") from error
    return file.getvalue()
