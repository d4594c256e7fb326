"""The page of one person: distances of the last visits, and who else is this person.

The drawing shows each visit's nearest distance against the tolerance of that visit. Two names can
be made one and parted again; both are facts, appended by the form's target in `doors.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from markupsafe import Markup

from eventlog.dashboard import queries
from eventlog.dashboard.door_queries import rows
from eventlog.dashboard.local_time import exact, instant, with_offset
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import site_of
from eventlog.maintenance import face_history
from eventlog.projections import identities
from eventlog.record import ID_MAX

VISITS: Final = 60
WIDTH: Final = 300
HEIGHT: Final = 90
TOP_AT_LEAST: Final = 0.8  # the distance at the upper edge, unless one is larger

_PERSON: Final = "SELECT name FROM persons WHERE id = ?"


class Measured(NamedTuple):
    """A visit's nearest distance, and the tolerance that it was held against."""

    event_id: int
    at: str
    distance: float
    tolerance: float | None


@get("/people/{person_id:int}")
async def person(request: Request[Any, Any, Any], person_id: FromPath[int]) -> Response[str]:
    """The page."""
    site = site_of(request)

    def found(connection: sqlite3.Connection) -> dict[str, Any] | None:
        row = connection.execute(_PERSON, (person_id,)).fetchone() if person_id <= ID_MAX else None
        if row is None:
            return None
        name: str = row[0]
        linked = [
            one
            for one in rows(connection, identities.LISTED_COLUMNS, identities.listed())
            if name in (one["person"], one["same_as"]) and one["linked"]
        ]
        others = {one["person"] for one in linked} | {one["same_as"] for one in linked} | {name}
        return {
            "name": name,
            "labels": queries.names_to_show(connection, others),
            "linked": linked,
            "measured": face_history.distances(connection, name, VISITS),
        }

    known = await site.figures.run(found)
    if known is None:
        raise NotFoundException
    measured = [Measured(*row) for row in known["measured"]]
    label = known["labels"].get(known["name"], known["name"])
    return page(
        request,
        "person.html",
        id=person_id,
        label=label,
        name=known["name"],
        linked=known["linked"],
        labels=known["labels"],
        visits=[
            {**one._asdict(), "at": with_offset(one.at)}
            | {"exact": exact(instant(one.at), site.zone)}
            for one in reversed(measured)
        ],
        drawing=svg(measured),
    )


def svg(measured: Sequence[Measured]) -> Markup:
    """The distances, oldest on the left, each against its tolerance; "" where there are none."""
    if not measured:
        return Markup("")
    top = max(TOP_AT_LEAST, *(one.distance for one in measured))
    step = WIDTH / len(measured)

    def y(value: float) -> float:
        return round(HEIGHT - HEIGHT * min(value, top) / top, 2)

    limits = Markup("").join(
        Markup('<path class="limit" d="M{} {}h{}"/>').format(
            round(index * step, 2), y(one.tolerance), round(step, 2)
        )
        for index, one in enumerate(measured)
        if one.tolerance is not None
    )
    points = Markup("").join(
        Markup('<circle class="{}" cx="{}" cy="{}" r="2.5"/>').format(
            "within" if one.tolerance is None or one.distance <= one.tolerance else "beyond",
            round((index + 0.5) * step, 2),
            y(one.distance),
        )
        for index, one in enumerate(measured)
    )
    return Markup(
        '<svg class="distances" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>'
    ).format(WIDTH, HEIGHT, summary(measured), limits, points)


def summary(measured: Sequence[Measured]) -> str:
    """The drawing in a sentence, for screen readers."""
    largest = max(one.distance for one in measured)
    smallest = min(one.distance for one in measured)
    limits = sorted({one.tolerance for one in measured if one.tolerance is not None})
    held = f" against a tolerance of {' and '.join(f'{limit:g}' for limit in limits)}"
    visits = "1 visit" if len(measured) == 1 else f"{len(measured)} visits"
    return f"Distances of {visits}: {smallest:.2f} to {largest:.2f}{held if limits else ''}"
