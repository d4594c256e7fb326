"""Which releases of SQLite have the fault that can damage a WAL. Knows no connection."""

from __future__ import annotations

from typing import Final

# Releases without the fault that damages a WAL when a commit and a WAL checkpoint meet.
FIXED_IN: Final = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


def has_wal_fault(version: str) -> bool:
    """Whether a release has the fault of 3.7.0 to 3.51.2.

    The lock file separates commits from WAL checkpoints, so the fault does no harm as long as every
    writer holds it.
    """
    number = tuple(int(part) for part in version.split("."))
    if number >= FIXED_IN[0]:
        return False
    return not any(number[:2] == fixed[:2] and number >= fixed for fixed in FIXED_IN)
