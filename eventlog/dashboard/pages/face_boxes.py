"""Where a face is in its picture, with some room around it. Pure."""

from __future__ import annotations

from typing import Final

from eventlog.facts import Box

ROOM: Final = 0.35  # of the face's longer side, on each side


def corners(box: Box, width_px: int, height_px: int) -> tuple[int, int, int, int] | None:
    """A square around a face in pixels of the picture; None if the face is not in it.

    A box in pixels is of the frame that was looked at; where its size is known, it is scaled to the
    picture's.
    """
    known = [one for one in (box.x1, box.y1, box.x2, box.y2) if one is not None]
    if len(known) != 4 or not width_px or not height_px:  # noqa: PLR2004 - two corners
        return None
    across, down = 1.0, 1.0
    if box.unit == "fractions":
        across, down = float(width_px), float(height_px)
    elif box.frame_width and box.frame_height:
        across, down = width_px / box.frame_width, height_px / box.frame_height
    # So large that no product of it overflows, and larger than any picture.
    x1, x2 = sorted(min(max(x * across, -1e6), 1e6) for x in (known[0], known[2]))
    y1, y2 = sorted(min(max(y * down, -1e6), 1e6) for y in (known[1], known[3]))
    if x1 == x2 or y1 == y2 or x2 <= 0 or y2 <= 0 or x1 >= width_px or y1 >= height_px:
        return None
    half = max(x2 - x1, y2 - y1) * (0.5 + ROOM)
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    left, upper = max(0, round(middle_x - half)), max(0, round(middle_y - half))
    right, lower = min(width_px, round(middle_x + half)), min(height_px, round(middle_y + half))
    return (left, upper, right, lower) if left < right and upper < lower else None
