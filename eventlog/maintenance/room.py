"""Computes how much space a log takes, and how much more each month.

A month is the last 30 days, by the times of append and those of the files. Reads a few rows and the
pictures' folder, however long the log is. Knows no rule.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventlog.journal import table as journal

MONTH_US: Final = 30 * 86_400_000_000
_APPENDED_AT: Final = "SELECT appended_at FROM journal WHERE position = ?"


class Room(Struct, frozen=True):
    """Bytes and counts: now, and what the last 30 days added.

    The database grows by records and by the rows of the views; `month_bytes` is its size shared out
    evenly among all records.
    """

    pictures: int
    picture_bytes: int
    database_bytes: int
    month_records: int
    month_bytes: int
    month_picture_bytes: int


def room(connection: sqlite3.Connection, db_path: Path, folder: Path, now_us: int) -> Room:
    """The room that a log takes. Raises SQLite's errors, and OSError.

    Args:
        connection: The log.
        db_path: Its file.
        folder: The pictures; a folder that is missing holds none.
        now_us: The wall time, microseconds since 1970.
    """
    pictures, picture_bytes, month_picture_bytes = _pictures(folder, (now_us - MONTH_US) / 1e6)
    end = journal.last_position(connection)
    begin = _position_at(connection, end, now_us - MONTH_US)
    database_bytes = db_path.stat().st_size
    return Room(
        pictures=pictures,
        picture_bytes=picture_bytes,
        database_bytes=database_bytes,
        month_records=end - begin,
        month_bytes=database_bytes * (end - begin) // max(1, end),
        month_picture_bytes=month_picture_bytes,
    )


def _pictures(folder: Path, since_s: float) -> tuple[int, int, int]:
    """How many there are, their bytes, and the bytes of those since a time."""
    count = size = new = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and entry.name.endswith((".jpg", ".webp")):
                    found = entry.stat(follow_symlinks=False)
                    count, size = count + 1, size + found.st_size
                    new += found.st_size if found.st_mtime >= since_s else 0
    except FileNotFoundError:
        return 0, 0, 0
    return count, size, new


def _position_at(connection: sqlite3.Connection, end: int, at_us: int) -> int:
    """The last position before a time, by bisection: times of append grow, but for a set clock."""
    low, high = 0, end
    while low < high:
        middle = (low + high + 1) // 2
        row = connection.execute(_APPENDED_AT, (middle,)).fetchone()
        if row is None or row[0] < at_us:
            low = middle
        else:
            high = middle - 1
    return low
