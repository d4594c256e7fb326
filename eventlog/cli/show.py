"""`eventlog show`: one event from its records, and why the door opened or did not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from cyclopts import Parameter
from msgspec.structs import replace
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eventlog.cli import moments
from eventlog.cli import view_state as views
from eventlog.cli.context import Context
from eventlog.cli.options import AsJson, AtDesk
from eventlog.cli.record_json import opened_rows, record_as_json
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument, DatabaseError
from eventlog.evidence import outside
from eventlog.facts import Ding, Motion, Opener
from eventlog.followers.cursor import of_row
from eventlog.journal import table as journal
from eventlog.maintenance.verify.clock_jumps import jumps
from eventlog.projections import clocks, late, story, unlock_actions
from eventlog.projections.persons import PERSONS
from eventlog.projections.unlock_actions import UNLOCK_ACTIONS
from eventlog.record import ID_MAX, Record, StoredRecord, instant, is_instant

# A clock is set soon after a start, when the network comes: so many records on are looked at.
NEAR: Final = 2000
NOBODY: Final[Mapping[int, str | None]] = {}
_STYLES: Final = {"granted": "bold green", "refused": "bold red"}


def show(
    event: Annotated[int, Parameter(name="ID", help="The event's id.")],
    /,
    *,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Show one event."""
    with context.reading() as connection:
        stored = journal.read_event(connection, event) if 0 < event <= ID_MAX else []
        if not stored:
            raise BadArgument(f"there is no event {event}")
        names, people = _shown(context, connection, event)
        notes = clock_notes(connection, stored)
        with context.opening() as seals:
            records = opened_rows(stored, seals, connection)
    if as_json:
        context.json(_as_json(event, stored, records, notes))
    else:
        print_story(context, event, stored, names, notes, people=people, records=records)
    return 0


def _shown(
    context: Context, connection: sqlite3.Connection, event: int
) -> tuple[dict[str, str], dict[int, str | None]]:
    """The names to show, and whom the views show for each unlock action.

    Without the read tables, nothing: then only what the facts hold is shown.
    """
    try:
        views.remark(context, connection, (PERSONS, UNLOCK_ACTIONS))
    except DatabaseError as error:
        context.note(str(error))
        return {}, {}
    people = connection.execute(unlock_actions.PEOPLE, (event,)).fetchall()
    return views.labels(context, views.shown_names(connection)), dict(people)


def clock_notes(connection: sqlite3.Connection, stored: Sequence[StoredRecord]) -> list[str]:
    """Jumps of the wall clock soon after these records, which make their times uncertain."""
    first, last = stored[0].position, stored[-1].position
    near = journal.read_after(connection, first - 1, NEAR)
    return _doubts(stored[0]) + [
        f"the wall clock was set by {jump.by_us / 1e6:+.1f} s between records {jump.after} and"
        f" {jump.before}: the times of this event's records up to {min(last, jump.after)} are"
        " uncertain"
        for jump in jumps(near)
        if jump.after >= first
    ]


def _doubts(first: StoredRecord) -> list[str]:
    """What speaks against the event's own time, by the record that opened it."""
    record = story.read(first)
    if isinstance(record, story.Unread) or not isinstance(record.fact, Opener):
        return []
    doubt = clocks.doubt(replace(record, meta=first.meta), record.fact)
    if doubt is None:
        return []
    return [f"the event is listed by when it was appended: {clocks.WORDS[doubt]}"]


def print_story(
    context: Context,
    event: int,
    stored: Sequence[StoredRecord],
    names: dict[str, str],
    notes: Sequence[str] = (),
    *,
    people: Mapping[int, str | None] = NOBODY,
    records: Sequence[Record | story.Unread] | None = None,
) -> None:
    """Print the sentence, then a line for each record: position, time, content, hash.

    `records` are the rows with their names opened; None reads them here. `names` is how each
    person is printed: see `view_state.labels`.
    """
    if records is None:
        records = [story.read(row) for row in stored]
    told = story.tell(story.relabelled(records, people), names, late.remarks(stored))
    context.say(Text.assemble((f"Event {event}", "bold"), _headline(context, records)))
    context.say()
    context.draw(Padding(Text(safe(told.sentence), _STYLES.get(told.outcome, "bold")), (0, 2)))
    context.say()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("RECORD", justify="right", style="dim")
    table.add_column("TIME", no_wrap=True)
    table.add_column("WHAT", overflow="fold")
    table.add_column("HASH", style="dim", no_wrap=True)
    day = None
    for line, row in zip(told.lines, stored, strict=True):
        at = context.local(line.at) if line.happened else None
        table.add_row(str(line.position), _clock(at, day), safe(line.text), of_row(row).hash[:8])
        day = day if at is None else at.date()
    context.draw(table)
    context.say()
    context.say(f"Times are {context.settings.time_zone}. {_appended(context, stored[0])}", "dim")
    said = outside.anchored(outside.read(context.db_path), *_ends(stored), _short(context))
    if said is not None:
        context.say(f"Its records are {said}.", "dim")
    for note in notes:
        context.say(f"Note: {note}.", "yellow")


def _ends(stored: Sequence[StoredRecord]) -> tuple[int, int]:
    return stored[0].position, stored[-1].position


def _short(context: Context) -> Callable[[int], str]:
    """A time of today as the time of day, any other with its date."""

    def show(at_us: int) -> str:
        at = context.local(instant(at_us))
        today = context.local(datetime.now(UTC)).date()
        return f"{at:%H:%M}" if at.date() == today else f"{at:%Y-%m-%d %H:%M}"

    return show


def _appended(context: Context, first: StoredRecord) -> str:
    if not is_instant(first.appended_at):
        return "Its time of append is damaged and can't be shown."
    return f"The journal got it at {context.time_text(instant(first.appended_at))}."


def _headline(context: Context, records: Sequence[Record | story.Unread]) -> str:
    opener = records[0].fact if isinstance(records[0], Record) else None
    if not isinstance(opener, Opener):
        return ""
    when = context.time_text(opener.recorded_at, "%A, %Y-%m-%d %H:%M:%S")
    what = {Ding: "a ring", Motion: "a motion"}.get(type(opener), "an observation")
    return f" · {what} at {safe(opener.camera_id)} · {when}"


def _clock(at: datetime | None, day: object) -> str:
    """The time of day, with the date where it differs from that of the line before."""
    if at is None:
        return ""
    thousandths = f"{at:%f}"[:3]
    text = moments.text(at, f"%H:%M:%S.{thousandths}")
    return text if day in {None, at.date()} else f"{at.date().isoformat()} {text}"


def _as_json(
    event: int,
    stored: Sequence[StoredRecord],
    records: Sequence[Record | story.Unread],
    notes: Sequence[str],
) -> dict[str, Any]:
    told = story.tell(records, late=late.remarks(stored))
    return {
        "event_id": event,
        "outcome": told.outcome,
        "why": told.sentence,
        "notes": notes,
        "records": [
            {**record_as_json(record, str(of_row(row))), "hash": of_row(row).hash}
            for record, row in zip(records, stored, strict=True)
        ],
    }
