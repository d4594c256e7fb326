"""`eventlog events`: the list of events, with filters, from the read tables."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from cyclopts import Parameter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eventlog.cli import view_state as views
from eventlog.cli.context import Context
from eventlog.cli.event_hints import hints, person_of
from eventlog.cli.options import LIMIT, POSITION, AsJson, AtDesk
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument
from eventlog.projections import event_list, outcomes
from eventlog.projections.detections import DETECTIONS
from eventlog.projections.event_list import Before, EventFilter
from eventlog.projections.events import EVENTS
from eventlog.projections.persons import PERSONS
from eventlog.store.late_marks import late_events

Type = Annotated[
    Literal["motion", "ding"] | None,
    Parameter(name="--type", help="Only events that began with a motion, or with a ding."),
]
Outcome = Annotated[
    outcomes.Outcome | None,
    Parameter(help="Only with this outcome; refused also finds events that were granted later."),
]
Person = Annotated[
    str | None, Parameter(help="Only of this person, by name or by the name that is shown.")
]
Stranger = Annotated[bool, Parameter(help="Only where a face was seen and not recognised.")]
Since = Annotated[
    str | None, Parameter(help="From this date or time on: 2026-02-25T10:30, today, 2h ago, …")
]
Until = Annotated[str | None, Parameter(help="Before this date or time.")]
NextPage = Annotated[
    int | None,
    Parameter(
        validator=POSITION, help="Only events that follow this id in the list: the next page."
    ),
]
Limit = Annotated[int, Parameter(alias="-n", validator=LIMIT, help="How many at most. [20]")]

# A terminal that is narrower gets two lines for each event.
_TABLE_WIDTH: Final = 72


def events(
    *,
    camera: Annotated[str | None, Parameter(help="Only of this camera.")] = None,
    event_type: Type = None,
    person: Person = None,
    stranger: Stranger = False,
    label: Annotated[str | None, Parameter(help="Only where this was seen: person, dog, …")] = None,
    outcome: Outcome = None,
    granted: Annotated[bool, Parameter(help="The same as --outcome granted.")] = False,
    refused: Annotated[bool, Parameter(help="The same as --outcome refused.")] = False,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    before: NextPage = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """List the events that match every given filter, newest first."""
    wanted = EventFilter(
        camera_id=camera,
        event_type=event_type,
        stranger=stranger,
        label=label,
        outcome=_outcome(outcome, granted=granted, refused=refused),
        since=context.moment("--since", since),
        until=context.moment("--until", until),
    )
    with context.reading() as connection:
        views.remark(context, connection, (EVENTS, DETECTIONS, PERSONS))
        names = views.shown_names(connection)
        if person is not None:
            wanted = msgspec.structs.replace(wanted, person=person_of(person, names))
        place = None if before is None else _place(connection, before)
        # One more than is shown: then there are more.
        query = event_list.recent_events(wanted, before=place, limit=limit + 1)
        found = event_list.nest(connection.execute(*query))
        late = late_events(connection, found)
        found = [{**event, "late": event["id"] in late} for event in found]
        missing = [] if found else list(hints(context, connection, wanted, names))
    if missing or not (found or as_json):
        context.note(": ".join(filter(None, ["no such events", "; ".join(missing)])))
    more, found = len(found) > limit, found[:limit]
    if as_json:
        for event in found:
            context.json(event)
    elif found:
        print_events(context, found, views.labels(context, names))
        if more and found:
            context.note(f"there are more: --before {found[-1]['id']} goes on")
    return 0


def print_events(
    context: Context, found: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> None:
    """Events as a table, or as two lines each where the terminal is narrow. No id is ever cut.

    `names` is how each person is printed: see `view_state.labels`.
    """
    rows = [_row(context, event, names) for event in found]
    if context.out.width < _TABLE_WIDTH:
        for row in rows:
            _print_narrow(context, row)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("ID", justify="right", no_wrap=True)
    table.add_column(f"TIME ({context.settings.time_zone})", no_wrap=True)
    table.add_column("WHAT", no_wrap=True)
    table.add_column("WHO", overflow="fold")
    table.add_column("SEEN", overflow="fold")
    table.add_column("DOOR", no_wrap=True)
    table.add_column("CAMERA", overflow="fold")
    for row in rows:
        table.add_row(*row)
    context.draw(table)


class _Row(NamedTuple):
    """An event's cells, made safe."""

    id: str
    time: str
    what: str
    who: Text
    seen: str
    door: Text
    camera: str


def _row(context: Context, event: Mapping[str, Any], names: Mapping[str, str]) -> _Row:
    return _Row(
        str(event["id"]),
        _time(context, event),
        "rang" if event["event_type"] == "ding" else "moved",
        _who(event, names),
        safe(_seen(event["detections"])),
        _with_mark(_door(event), event),
        safe(event["camera_id"]),
    )


def _time(context: Context, event: Mapping[str, Any]) -> str:
    """When it was, marked where its own time can't be believed."""
    listed = context.time_text(datetime.fromisoformat(event.get("listed_at", event["recorded_at"])))
    return f"{listed} ?" if event.get("clock") else listed


def _print_narrow(context: Context, row: _Row) -> None:
    context.say(Text.assemble((f"{row.id}  ", "bold"), f"{row.time}  {row.what}"))
    rest = [cell for cell in (row.door, row.who, Text(row.seen), Text(row.camera)) if cell.plain]
    context.draw(Padding(Text(" · ").join(rest), (0, 0, 0, 2)))


def _who(event: Mapping[str, Any], names: Mapping[str, str]) -> Text:
    name = event["person_name"]
    if name is not None:
        return Text(safe(names.get(name, name)), "bold")
    return Text("stranger" if event["face_recognised"] == 0 else "", "yellow")


def _seen(detections: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(detection["label"] for detection in detections)
    return ", ".join(label if n == 1 else f"{n} {label}" for label, n in counts.items())


_ACTS: Final = {"failed": "failed", "timed_out": "timed out", "unknown": "not known"}


def _door(event: Mapping[str, Any]) -> Text:
    outcome, action = event["outcome"], event.get("lock_action", event["door_action"])
    opened = event.get("opened", action == "unlocked")
    if outcome in _ACTS:
        return Text(f"unlock {_ACTS[outcome]}", "red")
    if outcome == "trial":
        return Text("trial", "dim")
    if outcome == "refused":
        return Text("refused", "red")
    if action == "locked" and opened:
        return Text("unlocked, locked", "green")
    if outcome == "granted" and action == "none":
        return Text("granted", "green")
    return Text("" if action == "none" else str(action), "green" if opened else "")


def _with_mark(door: Text, event: Mapping[str, Any]) -> Text:
    """The cell of the door, with a mark where the event or its door action was added later."""
    if not event.get("late"):
        return door
    return Text(", ").join([cell for cell in (door, Text("added later", "yellow")) if cell.plain])


def _outcome(
    outcome: outcomes.Outcome | None, *, granted: bool, refused: bool
) -> outcomes.Outcome | None:
    asked: set[outcomes.Outcome | None] = {outcome} - {None}
    asked |= {"granted"} if granted else set()
    asked |= {"refused"} if refused else set()
    if len(asked) > 1:
        raise BadArgument("--outcome, --granted and --refused: give one of them")
    return next(iter(asked), None)


def _place(connection: sqlite3.Connection, event_id: int) -> Before:
    row = connection.execute("SELECT listed_at, id FROM events WHERE id = ?", (event_id,))
    place: Before | None = row.fetchone()
    if place is None:
        raise BadArgument(f"--before: there is no event {event_id}")
    return place
