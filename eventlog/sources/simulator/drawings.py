"""Draws the pictures of the simulated camera.

Pillow is loaded when the first picture is drawn.
"""

from __future__ import annotations

from io import BytesIO
from math import sqrt
from random import Random
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH_PX: Final = 480
HEIGHT_PX: Final = 270

_GROUND_PX: Final = 200  # from the top to where the wall ends
_COATS: Final = ("#8c3b3b", "#3b5d8c", "#4f7a4a", "#8a6d3b", "#5b4a7a", "#3f6f73")
_SKINS: Final = ("#f0c8a0", "#d9a066", "#a8704a", "#7a4a2e")
_WOOD: Final = "#6b3f26"


class Scene(Struct, frozen=True):
    """What a picture shows: the hour's light, the things in it, and a seed for their looks."""

    hour: int
    labels: tuple[str, ...]
    seed: int


class Figure(Struct, frozen=True):
    """A thing in a picture, and where: its corners are x1, y1, x2, y2 in pixels."""

    label: str
    middle: int
    corners: tuple[int, int, int, int]

    @property
    def face(self) -> tuple[int, int, int, int]:
        """The corners of a person's face."""
        return _around(self.middle, _FACE)


def figures(scene: Scene) -> list[Figure]:
    """What a scene shows, from left to right, as `draw` draws it."""
    random = Random(scene.seed)  # noqa: S311 - an example needs no secrecy
    step = WIDTH_PX // (len(scene.labels) + 1)
    found = []
    for number, label in enumerate(scene.labels, start=1):
        middle = number * step + random.randrange(-20, 21)
        _, extent = _SHAPES.get(label, _OTHER)
        found.append(Figure(label, middle, _around(middle, extent)))
    return found


def draw(scene: Scene) -> bytes:
    """The picture of a scene, WIDTH_PX × HEIGHT_PX, as a PNG."""  # noqa: RUF002 - as one writes it
    from PIL import Image, ImageDraw  # noqa: PLC0415 - heavy, and few callers draw

    random = Random(scene.seed)  # noqa: S311 - an example needs no secrecy
    picture = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), "#cbbfae")
    pen = ImageDraw.Draw(picture)
    _door(pen)
    for figure in figures(scene):
        shape, _ = _SHAPES.get(figure.label, _OTHER)
        shape(pen, figure.middle, random)
    night = Image.new("RGB", picture.size, "#0b1530")
    lit = Image.blend(night, picture, _light(scene.hour))
    out = BytesIO()
    lit.save(out, "PNG")
    return out.getvalue()


def _light(hour: int) -> float:
    """How much of the colours an hour leaves: all at noon, a third at midnight."""
    return 0.35 + 0.65 * sqrt(max(0.0, 1.0 - abs(hour - 13) / 9))


def _door(pen: ImageDraw) -> None:
    for left in range(-20, WIDTH_PX, 60):
        for row, top in enumerate(range(0, _GROUND_PX, 24)):
            x = left + 30 * (row % 2)
            pen.rectangle((x, top, x + 60, top + 24), outline="#b5a894")
    pen.rectangle((0, _GROUND_PX, WIDTH_PX, HEIGHT_PX), fill="#8f8a80")
    pen.rectangle((330, 30, 430, _GROUND_PX), fill=_WOOD, outline="#3d2415", width=4)
    pen.rectangle((350, 50, 410, 100), fill="#bcd3dc", outline="#3d2415", width=3)
    pen.ellipse((340, 120, 352, 132), fill="#d8b24a")
    pen.polygon([(310, 215), (450, 215), (440, _GROUND_PX), (320, _GROUND_PX)], fill="#55504a")


def _person(pen: ImageDraw, x: int, random: Random) -> None:
    skin, coat = random.choice(_SKINS), random.choice(_COATS)
    for side in (-14, 6):
        pen.rounded_rectangle((x + side, 195, x + side + 9, 250), 4, fill="#2e2e38")
    pen.rounded_rectangle((x - 26, 120, x + 26, 205), 14, fill=coat)
    pen.ellipse((x - 20, 74, x + 20, 120), fill=skin)
    pen.pieslice((x - 21, 70, x + 21, 118), 180, 360, fill="#33261d")
    for side in (-8, 5):
        pen.ellipse((x + side, 97, x + side + 3, 100), fill="#221a14")


def _package(pen: ImageDraw, x: int, _random: Random) -> None:
    pen.rectangle((x - 28, 205, x + 28, 248), fill="#b98a52", outline="#7d5a30", width=2)
    pen.line((x, 205, x, 248), fill="#e6cfa8", width=6)


def _four_legs(pen: ImageDraw, x: int, random: Random) -> None:
    coat = random.choice(("#3a3a3a", "#c98d4b", "#8d8d8d"))
    pen.ellipse((x - 30, 208, x + 24, 236), fill=coat)
    pen.ellipse((x + 14, 194, x + 40, 218), fill=coat)
    pen.polygon([(x + 18, 200), (x + 20, 186), (x + 27, 196)], fill=coat)
    pen.polygon([(x + 29, 196), (x + 35, 186), (x + 37, 201)], fill=coat)
    for leg in (-22, -10, 6, 16):
        pen.rectangle((x + leg, 230, x + leg + 5, 250), fill=coat)


def _car(pen: ImageDraw, x: int, random: Random) -> None:
    paint = random.choice(_COATS)
    pen.rounded_rectangle((x - 70, 195, x + 70, 235), 12, fill=paint)
    pen.rounded_rectangle((x - 38, 172, x + 38, 205), 12, fill=paint)
    pen.rectangle((x - 30, 178, x + 30, 196), fill="#bcd3dc")
    for wheel in (-48, 26):
        pen.ellipse((x + wheel, 222, x + wheel + 24, 246), fill="#1d1d1d")


def _something(pen: ImageDraw, x: int, random: Random) -> None:
    paint = random.choice(_COATS)
    for wheel in (-40, 16):
        pen.ellipse((x + wheel, 212, x + wheel + 34, 246), outline="#222222", width=3)
    pen.line([(x - 23, 229), (x - 4, 200), (x + 33, 229), (x - 23, 229)], fill=paint, width=4)


# How far each reaches: to the left and right of its middle, and from the top of the picture.
_SHAPES: Final = {
    "person": (_person, (-26, 70, 26, 250)),
    "package": (_package, (-28, 205, 28, 248)),
    "cat": (_four_legs, (-30, 186, 40, 250)),
    "dog": (_four_legs, (-30, 186, 40, 250)),
    "car": (_car, (-70, 172, 70, 246)),
}
_OTHER: Final = (_something, (-40, 198, 50, 246))
_FACE: Final = (-21, 70, 21, 120)


def _around(middle: int, extent: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = extent
    return middle + left, top, middle + right, bottom
