"""Converts a model's boxes to rectangles in the picture's pixels.

Pure. A box comes in pixels or in fractions of the picture; one that is not complete, or has no area
inside the picture, is not drawn. Knows no table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from eventlog.facts import Box


class Rectangle(Struct, frozen=True):
    """A rectangle in pixels of the picture, clipped to it; `face` is True for a face."""

    x: float
    y: float
    width: float
    height: float
    label: str
    face: bool


def of_detection(row: Mapping[str, Any], width_px: int, height_px: int) -> Rectangle | None:
    """The box of a row of the view `detections`."""
    prefix = "fraction" if row["box_unit"] == "fractions" else "bbox"
    corners = [row[f"{prefix}_{corner}"] for corner in ("x1", "y1", "x2", "y2")]
    sure = f" {row['confidence'] * 100:.0f} %" if row["scored"] else ""
    label = f"{row['label']}{sure}"
    corners = _fitted(
        corners, (row["frame_width"], row["frame_height"]), row["box_unit"], width_px, height_px
    )
    return _rectangle(corners, row["box_unit"], width_px, height_px, label, face=False)


def of_face(
    row: Mapping[str, Any], shown: str, frame: Box | None, width_px: int, height_px: int
) -> Rectangle | None:
    """The box of a row of the view `face_results`; `shown` is whose it is.

    `frame` is the fact's own box, which has the size of the frame.
    """
    corners = [row[f"box_{corner}"] for corner in ("x1", "y1", "x2", "y2")]
    if frame is not None:
        size = frame.frame_width, frame.frame_height
        corners = _fitted(corners, size, row["box_unit"], width_px, height_px)
    return _rectangle(corners, row["box_unit"], width_px, height_px, shown, face=True)


def _fitted(
    corners: Sequence[float | None],
    frame: tuple[int | None, int | None],
    unit: str | None,
    width_px: int,
    height_px: int,
) -> list[float | None]:
    """Corners in pixels of a frame whose size is known, as pixels of the picture."""
    if unit == "fractions" or not frame[0] or not frame[1]:
        return list(corners)
    scales = (width_px / frame[0], height_px / frame[1]) * 2
    return [
        None if corner is None else corner * scale
        for corner, scale in zip(corners, scales, strict=True)
    ]


def _rectangle(
    corners: Sequence[float | None],
    unit: str | None,
    width_px: int,
    height_px: int,
    label: str,
    *,
    face: bool,
) -> Rectangle | None:
    known = [corner for corner in corners if corner is not None]
    if len(known) != len(corners):
        return None
    if unit == "fractions":
        known = [
            corner * side for corner, side in zip(known, (width_px, height_px) * 2, strict=True)
        ]
    x1, x2 = sorted(min(max(x, 0.0), float(width_px)) for x in (known[0], known[2]))
    y1, y2 = sorted(min(max(y, 0.0), float(height_px)) for y in (known[1], known[3]))
    if x1 == x2 or y1 == y2:
        return None
    return Rectangle(round(x1, 2), round(y1, 2), round(x2 - x1, 2), round(y2 - y1, 2), label, face)
