"""Lists doubts about a log that works: silent cameras, no recent verification. Pure.

"All is well" is a promise, so it is made only where cameras recorded lately and the log was
verified. A camera without events may work or not: that is not known, so it is a doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from eventlog.dashboard.local_time import instant, local

SILENT_AFTER: Final = timedelta(days=7)  # without an event
VERIFIED_FOR: Final = timedelta(days=35)  # a verification says something for so long
UNSURE: Final = "It works, but this needs a look."


def doubts(
    cameras: Iterable[tuple[str, str]],
    verified: Mapping[str, Any] | None,
    now: datetime,
    door: ZoneInfo,
) -> list[str]:
    """Sentences, none where all is known to be well.

    `cameras` are names with the time of the last event; `verified` is what the last `verify` left,
    its time under "at" and whether it found nothing under "ok".
    """
    seen = list(cameras)
    found = [] if seen else ["No camera has recorded anything yet."]
    for name, at in seen:
        last = instant(at)
        if now - last > SILENT_AFTER:
            day = local(last, door)
            found.append(f"The camera {name} has recorded nothing since {_day(day)}.")
    return [*found, *_of_verification(verified, now, door)]


def _of_verification(
    verified: Mapping[str, Any] | None, now: datetime, door: ZoneInfo
) -> list[str]:
    if verified is None:
        return ["The log was never verified on this machine."]
    if not verified["ok"]:
        return ["The last verification found damage."]
    at = verification_time(verified)
    if at is None or now - at <= VERIFIED_FOR:
        return []
    return [f"The log was last verified on {_day(local(at, door))}."]


def verification_time(verified: Mapping[str, Any]) -> datetime | None:
    """When the last verification was; None if its text is not a time."""
    try:
        at = datetime.fromisoformat(str(verified["at"]))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B} {at.year}"
