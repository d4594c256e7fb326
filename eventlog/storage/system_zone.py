"""Finds the machine's time zone, by its IANA name: from TZ, /etc/localtime or /etc/timezone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ETC: Final = Path("/etc")
# All names of one zone. A slim container may have no database that knows them.
UTC_NAMES: Final = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal"})


def system_zone(etc: Path = ETC) -> str:
    """The name of the machine's zone; UTC if it names none, or none that exists.

    `etc` is the folder that holds `localtime` and `timezone`.
    """
    for name in (os.environ.get("TZ", "").lstrip(":"), _linked(etc), _written(etc)):
        if _is_zone(name):
            return "UTC" if name in UTC_NAMES else name
    return "UTC"


def _linked(etc: Path) -> str:
    try:
        target = str((etc / "localtime").readlink())
    except OSError:
        return ""
    return target.partition("zoneinfo/")[2]


def _written(etc: Path) -> str:
    try:
        return (etc / "timezone").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _is_zone(name: str) -> bool:
    if not name or name.startswith("/"):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
