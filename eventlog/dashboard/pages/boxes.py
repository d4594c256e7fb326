"""Converts a model's boxes to rectangles in the picture's pixels.

Pure. A box comes in pixels or in fractions of the picture; one that is not complete, or has no area
inside the picture, is not drawn. Knows no table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct


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
    return _rectangle(corners, row["box_unit"], width_px, height_px, label, face=False)


def of_face(row: Mapping[str, Any], shown: str, width_px: int, height_px: int) -> Rectangle | None:
    """The box of a row of the view `face_results`; `shown` is whose it is."""
    corners = [row[f"box_{corner}"] for corner in ("x1", "y1", "x2", "y2")]
    return _rectangle(corners, row["box_unit"], width_px, height_px, shown, face=True)


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
