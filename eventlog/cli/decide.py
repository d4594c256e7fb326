"""`eventlog decide`: what would have happened with another tolerance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from eventlog.cli import view_state as views
from eventlog.cli.context import Context, counted
from eventlog.cli.events import Since, Until
from eventlog.cli.options import LIMIT, AsJson, AtDesk
from eventlog.cli.safe_text import safe
from eventlog.decision import what_if
from eventlog.decision.what_if import Answer
from eventlog.maintenance import face_history
from eventlog.projections.events import EVENTS
from eventlog.projections.face_results import FACE_RESULTS
from eventlog.projections.persons import PERSONS
from eventlog.projections.unlock_actions import UNLOCK_ACTIONS

Tolerance = Annotated[
    float, Parameter(help="The largest distance that opens; face_recognition's own is 0.6.")
]
Visits = Annotated[
    int, Parameter(validator=LIMIT, help="How many visits with a face to look at, at most. [10000]")
]


def decide(
    *,
    tolerance: Tolerance,
    since: Since = None,
    until: Until = None,
    visits: Visits = face_history.VISITS_MAX,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Say which openings and refusals would have differed, from the recorded distances.

    Nothing is written, and the lock is not asked.
    """
    what_if.require_tolerance(tolerance)
    begin, end = context.moment("--since", since), context.moment("--until", until)
    with context.reading() as connection:
        views.remark(context, connection, (EVENTS, FACE_RESULTS, UNLOCK_ACTIONS, PERSONS))
        found = what_if.visits_of(*face_history.history(connection, begin, end, visits))
        names = views.labels(context, views.shown_names(connection))
    answer = what_if.what_if(found, tolerance)
    if as_json:
        context.json({**_as_json(answer)})
        return 0
    context.say(
        f"With a tolerance of {tolerance:g}, of {counted(answer.openings, 'opening')} by face"
        f" {answer.closed} would have been refused, and of {counted(answer.refusals, 'refusal')}"
        f" {answer.opened} would have opened."
    )
    context.say(
        f"{counted(answer.visits, 'visit')} with a face; in {answer.recognised} a face would be"
        " known that was not, or the other way round."
    )
    if answer.unmeasured:
        context.say(f"{answer.unmeasured} have no recorded distance, and can't be decided again.")
    if answer.changes:
        context.say()
        _print(context, answer, names)
    return 0


def _as_json(answer: Answer) -> dict[str, object]:
    fields = {name: getattr(answer, name) for name in answer.__struct_fields__}
    return {**fields, "closed": answer.closed, "opened": answer.opened}


def _print(context: Context, answer: Answer, names: dict[str, str]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("EVENT", "TIME", "WAS", "WOULD BE", "WHO", "DISTANCE"):
        table.add_column(column, overflow="fold")
    for change in answer.changes:
        at = datetime.fromisoformat(change.at).replace(tzinfo=UTC)
        who = "" if change.person is None else names.get(change.person, change.person)
        trial = " (trial)" if change.trial else ""
        table.add_row(
            str(change.event_id),
            context.time_text(at),
            f"{change.was}{trial}",
            change.would,
            safe(who),
            f"{change.distance:.3f}",
        )
    context.draw(table)
    context.note("`eventlog show EVENT` shows the story of each")
