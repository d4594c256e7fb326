"""What would have happened with another tolerance, from the distances that were recorded.

Pure. Only what a face asked for can differ: a code, a key or an app opens as it did. A refusal for
another reason than the distance (the hours, the cooldown, a rule) stays a refusal. What was not
measured can't be decided again, and is counted. Knows no table; rows are those of
`maintenance/face_history.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from eventlog.errors import BadArgument

Verdict: TypeAlias = Literal["opened", "refused"]
TOLERANCE_MAX: Final = 10.0
# Reasons of a refusal that another tolerance could have changed.
_BY_DISTANCE: Final = frozenset({None, "tolerance"})


class Face(Struct, frozen=True):
    """A face that was measured: whose it was said to be, how far it was, and what was allowed."""

    name: str | None
    distance: float
    tolerance: float | None


class Asked(Struct, frozen=True):
    """A face that asked the lock to open, and what came of it."""

    granted: bool
    trial: bool
    person: str | None
    distance: float | None
    reason: str | None


class Visit(Struct, frozen=True):
    """One event with the faces that were measured in it, and what they asked."""

    event_id: int
    at: str
    faces: tuple[Face, ...]
    asked: tuple[Asked, ...]


class Change(Struct, frozen=True):
    """An event that would have gone another way: the distance decides, `person` may be None."""

    event_id: int
    at: str
    was: Verdict
    would: Verdict
    person: str | None
    distance: float
    trial: bool


class Answer(Struct, frozen=True):
    """What a tolerance would have changed.

    `openings` and `refusals` are the events that a face opened, or asked to and was refused;
    `unmeasured` those of them without a distance. `recognised` are events in which a face would be
    within the tolerance and was not, or the other way round, whether or not it asked for anything.
    """

    tolerance: float
    visits: int
    openings: int
    refusals: int
    unmeasured: int
    recognised: int
    changes: tuple[Change, ...]

    @property
    def closed(self) -> int:
        """How many openings would have been refusals."""
        return sum(change.would == "refused" for change in self.changes)

    @property
    def opened(self) -> int:
        """How many refusals would have been openings."""
        return sum(change.would == "opened" for change in self.changes)


def require_tolerance(tolerance: float) -> float:
    """A tolerance that a face can be compared with. Raises BadArgument."""
    if not math.isfinite(tolerance) or not 0 <= tolerance <= TOLERANCE_MAX:
        raise BadArgument(f"a tolerance is a number from 0 to {TOLERANCE_MAX:g}, usually near 0.5")
    return tolerance


def visits_of(
    faces: Iterable[Mapping[str, Any]], asked: Iterable[Mapping[str, Any]]
) -> list[Visit]:
    """Visits from rows of faces, which come event by event, and of what was asked."""
    actions: dict[int, list[Asked]] = {}
    for row in asked:
        if row["actor"] == "face" or (row["actor"] is None and row["distance"] is not None):
            actions.setdefault(row["event_id"], []).append(
                Asked(
                    granted=bool(row["granted"]),
                    trial=bool(row["dry_run"]),
                    person=row["person"],
                    distance=row["distance"],
                    reason=row["reason"],
                )
            )
    found = []
    for (event_id, at), rows in groupby(faces, lambda row: (row["event_id"], row["at"])):
        measured = tuple(
            Face(row["name"], row["distance"], row["tolerance"])
            for row in rows
            if row["distance"] is not None
        )
        found.append(Visit(event_id, at, measured, tuple(actions.get(event_id, ()))))
    return found


def what_if(visits: Sequence[Visit], tolerance: float) -> Answer:
    """What these visits would have come to. Raises BadArgument for what is not a tolerance."""
    limit = require_tolerance(tolerance)
    openings = refusals = unmeasured = recognised = 0
    changes: list[Change] = []
    for visit in visits:
        known = [face for face in visit.faces if face.name is not None]
        recognised += bool(known) != any(face.distance <= limit for face in visit.faces)
        if not visit.asked:
            continue
        was_open = any(one.granted for one in visit.asked)
        openings += was_open
        refusals += not was_open
        change, decided = _again(visit, limit, was_open=was_open)
        unmeasured += not decided
        if change is not None:
            changes.append(change)
    return Answer(limit, len(visits), openings, refusals, unmeasured, recognised, tuple(changes))


def _again(visit: Visit, limit: float, *, was_open: bool) -> tuple[Change | None, bool]:
    """How a visit would have gone another way, and whether its distances can say so at all."""
    measured = [(one, face) for one in visit.asked if (face := _behind(one, visit.faces))]
    decided = len(measured) == len(visit.asked)
    would = [(one, face) for one, face in measured if _opens(one, face, limit)]
    if was_open and not would and decided:
        one, face = min(
            ((one, face) for one, face in measured if one.granted),
            key=lambda pair: pair[1].distance,
        )
        return _change(visit, one, face, "opened", "refused"), decided
    if not was_open and would:
        one, face = min(would, key=lambda pair: pair[1].distance)
        return _change(visit, one, face, "refused", "opened"), decided
    return None, decided


def _behind(one: Asked, faces: Sequence[Face]) -> Face | None:
    """What an action was decided by: its own distance, else the nearest face of its person."""
    same = [face for face in faces if face.name == one.person] or list(faces)
    if one.distance is not None:
        exact = [face for face in same if face.distance == one.distance]
        tolerance = exact[0].tolerance if exact else None
        return Face(one.person, one.distance, tolerance)
    return min(same, key=lambda face: face.distance, default=None)


def _opens(one: Asked, face: Face, limit: float) -> bool:
    if one.granted:
        return face.distance <= limit
    if one.reason not in _BY_DISTANCE:
        return False
    # Refused although it was near enough: another rule refused it, and would again.
    near = face.name is not None if face.tolerance is None else face.distance <= face.tolerance
    return face.distance <= limit and (one.reason is not None or not near)


def _change(visit: Visit, one: Asked, face: Face, was: Verdict, would: Verdict) -> Change:
    person = one.person or face.name
    return Change(visit.event_id, visit.at, was, would, person, face.distance, one.trial)
