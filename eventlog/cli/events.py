"""`eventlog events`: the list, with its filters, from the read tables."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from eventlog.cli import view_state as views
from eventlog.cli.context import Context
from eventlog.cli.options import LIMIT, POSITION, AsJson, AtDesk
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument
from eventlog.projections import event_list
from eventlog.projections.detections import DETECTIONS
from eventlog.projections.event_list import Before, EventFilter
from eventlog.projections.events import EVENTS
from eventlog.projections.persons import PERSONS

Type = Annotated[
    Literal["motion", "ding"] | None,
    Parameter(name="--type", help="Opened by a motion, or by a ding."),
]
Outcome = Annotated[
    Literal["granted", "refused", "none"] | None,
    Parameter(help="Where the lock granted, refused, or was not asked."),
]
Person = Annotated[
    str | None, Parameter(help="Of this person, by name or by the name that is shown.")
]
Stranger = Annotated[bool, Parameter(help="Where a face was seen and nobody was recognised.")]
NextPage = Annotated[
    int | None,
    Parameter(validator=POSITION, help="After this event's id in the list: the next page."),
]
Limit = Annotated[int, Parameter(alias="-n", validator=LIMIT, help="So many at most. [20]")]

# On a terminal that is narrower, the terminal itself breaks the lines.
_TABLE_WIDTH: Final = 72


def events(
    *,
    camera: Annotated[str | None, Parameter(help="Of this camera.")] = None,
    event_type: Type = None,
    person: Person = None,
    stranger: Stranger = False,
    label: Annotated[str | None, Parameter(help="Where this was seen: person, dog, …")] = None,
    outcome: Outcome = None,
    granted: Annotated[bool, Parameter(help="The same as --outcome granted.")] = False,
    refused: Annotated[bool, Parameter(help="The same as --outcome refused.")] = False,
    since: Annotated[str | None, Parameter(help="From this date or time on.")] = None,
    until: Annotated[str | None, Parameter(help="Before this date or time.")] = None,
    limit: Limit = 20,
    before: NextPage = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """List events that every given filter holds for, newest first."""
    with context.reading() as connection:
        views.remark(context, connection, (EVENTS, DETECTIONS, PERSONS))
        names = views.shown_names(connection)
        wanted = EventFilter(
            camera_id=camera,
            event_type=event_type,
            person=None if person is None else _named(person, names),
            stranger=stranger,
            label=label,
            outcome=_outcome(outcome, granted=granted, refused=refused),
            since=context.moment("--since", since),
            until=context.moment("--until", until),
        )
        place = None if before is None else _place(connection, before)
        # One more than is shown tells whether there are more.
        query = event_list.recent_events(wanted, before=place, limit=limit + 1)
        found = event_list.nest(connection.execute(*query))
    more, found = len(found) > limit, found[:limit]
    if as_json:
        for event in found:
            context.json(event)
    else:
        print_events(context, found, names)
        if more and found:
            context.note(f"there are more: --before {found[-1]['id']} goes on")
    return 0


def print_events(
    context: Context, found: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> None:
    """Events as a table, a line each where the terminal is wide enough. No id is ever cut."""
    if not found:
        context.note("no such events")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("ID", justify="right", no_wrap=True)
    table.add_column(f"TIME ({context.settings.time_zone})", no_wrap=True)
    table.add_column("WHAT", no_wrap=True)
    table.add_column("WHO", overflow="fold")
    table.add_column("SEEN", overflow="fold")
    table.add_column("DOOR", no_wrap=True)
    table.add_column("CAMERA", overflow="fold")
    for event in found:
        table.add_row(
            str(event["id"]),
            context.local(datetime.fromisoformat(event["recorded_at"])).strftime(
                "%Y-%m-%d %H:%M:%S"
            ),
            "rang" if event["event_type"] == "ding" else "moved",
            _who(event, names),
            safe(_seen(event["detections"])),
            _door(event),
            safe(event["camera_id"]),
        )
    context.draw(table, at_least=_TABLE_WIDTH)


def _who(event: Mapping[str, Any], names: Mapping[str, str]) -> Text:
    name = event["person_name"]
    if name is not None:
        return Text(safe(names.get(name, name)), "bold")
    return Text("stranger" if event["face_recognised"] == 0 else "", "yellow")


def _seen(detections: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(detection["label"] for detection in detections)
    return ", ".join(label if n == 1 else f"{n} {label}" for label, n in counts.items())


def _door(event: Mapping[str, Any]) -> Text:
    match event["outcome"], event["door_action"]:
        case "granted", action:
            return Text("unlocked" if action == "unlocked" else "granted", "green")
        case "refused", _:
            return Text("refused", "red")
        case _, action:
            return Text("" if action == "none" else str(action))


def _named(person: str, names: Mapping[str, str]) -> str:
    """The name of a person who is asked for by it, or by the one name that is shown for it."""
    if person in names:
        return person
    found = [name for name, shown in names.items() if shown == person]
    return found[0] if len(found) == 1 else person


def _outcome(
    outcome: Literal["granted", "refused", "none"] | None, *, granted: bool, refused: bool
) -> Literal["granted", "refused", "none"] | None:
    asked = {outcome} - {None}
    asked |= {"granted"} if granted else set()
    asked |= {"refused"} if refused else set()
    if len(asked) > 1:
        raise BadArgument("--outcome, --granted and --refused: give one of them")
    return next(iter(asked), None)


def _place(connection: sqlite3.Connection, event_id: int) -> Before:
    row = connection.execute("SELECT recorded_at, id FROM events WHERE id = ?", (event_id,))
    place: Before | None = row.fetchone()
    if place is None:
        raise BadArgument(f"--before: there is no event {event_id}")
    return place
