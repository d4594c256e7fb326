"""A program that decodes pictures of other formats, in its own process with little memory.

It reads a frame from standard input and writes a JPEG to standard output. A decoder that uses too
much memory or time, or crashes, ends only this process. Of an animation, only the first picture is
read. EXIF, comments, profiles and alpha are dropped.

`foreign.py` runs it as a file. Knows Pillow, and imports nothing of eventlog.
"""

from __future__ import annotations

import io
import resource
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image

CPU_SECONDS: Final = 10
MAX_INPUT_PX: Final = 36_000_000  # 7680 x 4320, a frame of 8K, has 33 million
MAX_OUTPUT_PX: Final = 16_000_000
QUALITY: Final = 85
_PAGE: Final = resource.getpagesize()


def main() -> None:
    """Convert standard input: `converter.py FORMAT ORIENTATION MEMORY_BYTES`.

    ORIENTATION is EXIF's, 1 to 8; 0 reads it from the frame. If no picture can be made, the exit
    code is 1 and the name of the error is on standard error.
    """
    kind, orientation, memory_bytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("error")
    frame = sys.stdin.buffer.read()
    from PIL import Image, JpegImagePlugin  # noqa: F401, PLC0415 - before the memory is limited

    _limit(memory_bytes)
    # A decoder may raise anything, and may run out of memory.
    try:
        sys.stdout.buffer.write(convert(frame, kind, orientation))
    except Exception as error:  # noqa: BLE001 - whatever it is, its name is the answer
        sys.stderr.write(type(error).__name__)
        sys.exit(1)


def convert(frame: bytes, kind: str, orientation: int) -> bytes:
    """A frame of one of Pillow's formats as a clean JPEG, upright, of MAX_OUTPUT_PX at most."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - takes 30 ms

    image: Image.Image = Image.open(io.BytesIO(frame), formats=(kind,))
    width, height = image.size
    if width * height > MAX_INPUT_PX:
        raise Image.DecompressionBombError
    if width * height > MAX_OUTPUT_PX:
        image.draft(None, (width // 2, height // 2))  # a JPEG is divided while it is decoded
    image.load()
    image = upright(image, orientation) if orientation else ImageOps.exif_transpose(image)
    image.info.clear()  # it holds a comment, and a transparent colour that `convert` would use
    image = flat(image)
    if image.width * image.height > MAX_OUTPUT_PX:
        image = image.reduce(2)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def flat(image: Image.Image) -> Image.Image:
    """The picture in grey or in colour, the two modes that are stored."""
    if image.mode in {"L", "RGB"}:
        return image
    if image.mode.startswith("I;16"):
        # `convert` alone would make every value over 255 white.
        return image.point(lambda value: value / 256).convert("L")
    return image.convert("L" if image.mode in {"1", "LA"} else "RGB")


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture turned as its EXIF orientation asks."""
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


def _limit(memory_bytes: int) -> None:
    """Limit further memory and processor time, and forbid writing files."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    data = pages * _PAGE + memory_bytes
    for what, most in (
        (resource.RLIMIT_DATA, data),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (limit, hard))


if __name__ == "__main__":
    main()
