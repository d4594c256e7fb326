"""`eventlog demo`: shows the main functions on a log of its own.

It records a day at a front door, lists the events, shows one story, rebuilds the views and verifies
the log. Recorded payloads of real cameras go in as well where they are next to the checkout. On a
terminal it ends with the dashboard, while further visits come in. It reads no configuration.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eventlog.cli import demo_commands, demo_door, demo_proof
from eventlog.cli import serve as web
from eventlog.cli import view_state as views
from eventlog.cli.context import Context, Settings, counted
from eventlog.cli.demo_folder import emptied
from eventlog.cli.events import print_events
from eventlog.cli.options import AtDesk
from eventlog.cli.record_json import opened_rows
from eventlog.cli.replay import rebuild
from eventlog.cli.safe_text import safe
from eventlog.cli.show import print_story
from eventlog.cli.verify import verify_all
from eventlog.errors import BadArgument, KeysMissing
from eventlog.journal import table as journal
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.projections import VIEWS, event_list, story
from eventlog.projections.event_list import EventFilter
from eventlog.record import Author, StoredRecord
from eventlog.sources import SOURCES
from eventlog.sources.feed import feed
from eventlog.sources.reading import read
from eventlog.sources.simulator import play, play_live, sample_day
from eventlog.store.event_store import EventStore

FOLDER: Final = Path("run/demo")
SHOWN: Final = 12
_NAME_WIDTH: Final = 26

# Next to the checkout: payloads that were recorded at real doors.
RECORDED: Final = Path(__file__).parents[3] / "shared" / "data"
PAYLOADS: Final = (
    ("Frigate's list", "frigate", "frigate-hass-integration/events_front_door.json"),
    ("Ring's history", "ring", "home-assistant-core/ring/doorbot_history.json"),
    ("Ring's push", "ring", "home-assistant-core/ring/ding_active.json"),
)

PORT: Final = 8000
# Further visits while the dashboard is open: an hour's, or a bit more.
LIVE_VISITS: Final = 400
LIVE_SEED: Final = 8

Into = Annotated[
    Path, Parameter(help="The folder of the demo's log; its content is replaced. [run/demo]")
]


Serve = Annotated[
    bool | None,
    Parameter(
        negative="--no-serve",
        help="End with the dashboard, until Ctrl-C. [on a terminal]",
    ),
]


def demo(*, into: Into = FOLDER, serve: Serve = None, context: AtDesk) -> int:
    """Show the main job, on a log of its own."""
    if context.named:
        raise BadArgument(
            "the demo makes a log and pictures of its own, in the folder that --into names; it"
            " takes neither --db nor --thumbnails"
        )
    started = perf_counter()
    if serve:
        web.load()
    with emptied(into):
        context = _over(context, into)
        _title(context, "Recording a day at a front door")
        asyncio.run(_fill(context))
        _title(context, "The event list")
        _list(context)
        _title(context, "One event's story: why the door opened, or did not")
        event = _tell(context)
        _title(context, "Rebuilding the views from the journal, and verifying the log")
        code = asyncio.run(_rebuild(context))
        _title(context, "A record is proved to a stranger, and a forged one is found")
        code = _prove(context, event) or code
        _title(context, "What to try next")
        _row(context, "the log", str(context.db_path))
        _row(context, "its pictures", str(context.thumbnails_dir))
        context.say()
        demo_commands.say_next(context, event)
        context.say()
        context.say(f"That took {perf_counter() - started:.1f} s.", "dim")
        _title(context, "In a browser")
        if _is_terminal() if serve is None else serve:
            _serve(context)
        else:
            demo_commands.say_how_to_look(context, into, default=into == FOLDER)
    return code


def _over(context: Context, into: Path) -> Context:
    """The demo's own log in a folder, its names sealed by keys in a folder next to it."""
    keys = ""
    try:
        keys = str(demo_proof.new_keys_folder(into))
    except KeysMissing as error:
        context.note(f"{error}; names are in clear, and nothing is signed")
    settings = Settings(
        db_path=str(into / "events.db"),
        thumbnails_dir=str(into / "thumbnails"),
        time_zone="UTC",
        keys_dir=keys,
    )
    return Context(lambda: settings)


# ── the parts of the show ──────────────────────────────────────────────────────────────────


async def _fill(context: Context) -> None:
    writer = Author("command", "demo")
    async with EventStore(
        str(context.db_path),
        str(context.thumbnails_dir),
        writer=writer,
        keys_dir=context.settings.keys_dir or None,
    ) as store:
        for what, source, name in PAYLOADS:
            if (RECORDED / name).is_file():
                data = (RECORDED / name).read_bytes()
                first = await feed(store, read(SOURCES[source], data))
                again = await feed(store, read(SOURCES[source], data))
                told = f"{counted(first.events, 'event')}; fed again: {again.events}"
                _row(context, f"recorded: {what}", told)
        day = sample_day(datetime.now(UTC).date() - timedelta(days=1))
        events = await play(store, Thumbnails(context.thumbnails_dir), day)
        _row(context, "yesterday, made up", f"{counted(events, 'event')}, with faces and pictures")
        position = await store.reader.last_position()
    _row(
        context,
        "in the journal",
        f"{counted(position, 'record')}, each on the disk before it was acknowledged",
    )
    if context.keys_dir is not None:
        _row(context, "names", f"sealed in the journal, and kept in {context.keys_dir.name}/")


def _list(context: Context) -> None:
    with context.reading() as connection:
        names = views.labels(context, views.shown_names(connection))
        found = event_list.nest(connection.execute(*event_list.recent_events(limit=SHOWN)))
        (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
    print_events(context, found, names)
    context.say(f"{len(found)} of {counted(count, 'event')}", "dim")


def _tell(context: Context) -> int:
    """The longest story with a door that opened, and a sentence of one that did not."""
    with context.reading() as connection:
        names = views.labels(context, views.shown_names(connection))
        opened = _stories(connection, "granted")
        refused = _stories(connection, "refused")
        event = max(opened, key=lambda event: len(opened[event]))
        last = sorted(refused)[-2:]
        with context.opening() as seals:
            told_of = {
                one: opened_rows({**opened, **refused}[one], seals, connection)
                for one in (event, *last)
            }
    print_story(context, event, opened[event], names, records=told_of[event])
    context.say()
    for other in last:
        told = story.tell(told_of[other], names)
        line = Text.assemble((f"Event {other}. ", "bold"), safe(told.sentence))
        context.draw(Padding(line, (0, 2)))
    return event


def _stories(
    connection: sqlite3.Connection, outcome: Literal["granted", "refused"]
) -> dict[int, list[StoredRecord]]:
    found = connection.execute(*event_list.recent_events(EventFilter(outcome=outcome)))
    ids = [event["id"] for event in event_list.nest(found)]
    return {event: journal.read_event(connection, event) for event in ids}


async def _rebuild(context: Context) -> int:
    done = await rebuild(context, list(VIEWS))
    _row(context, "rebuilt", ", ".join(done.views))
    report = verify_all(context)
    _row(context, "verified", f"{counted(report.records, 'record')}, the chain, views and pictures")
    for finding in report.findings:
        context.say(f"  {finding.where}: {finding.what}", "red")
    context.say("  OK: no damage found." if report.ok else "  Damage found.", "green")
    return int(not report.ok)


def _prove(context: Context, event: int) -> int:
    try:
        return demo_proof.prove_one(context, event)
    except KeysMissing as error:
        context.say(f"  {error}", "yellow")
        return 0


def _is_terminal() -> bool:
    """Whether it runs on a terminal, where somebody can press Ctrl-C."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _serve(context: Context) -> None:
    """The dashboard of the demo's log, with visits that come as time goes by."""
    try:
        commands = web.load()
    except BadArgument as error:
        context.say(str(error))
        return

    async def visit(store: EventStore) -> None:
        pictures = Thumbnails(context.thumbnails_dir)
        await play_live(store, pictures, visits=LIVE_VISITS, seed=LIVE_SEED)

    context.say("A visit comes in every few seconds. Ctrl-C ends the demo.")
    if demo_door.can_run():
        demo_door.run(context, context.db_path.parent, PORT, visit)
        _say_stopped(context)
        return
    context.say()
    try:
        _run(commands, context, PORT, visit)
    except OSError as error:
        if not web.is_taken(error):
            raise
        context.say(
            f"Another program listens at port {PORT}, so the system chose a free one.", "dim"
        )
        _run(commands, context, 0, visit)
    _say_stopped(context)


def _say_stopped(context: Context) -> None:
    context.say()
    context.say(f"Stopped. The log stays at {context.db_path} until the next demo.", "dim")


def _run(commands: ModuleType, context: Context, port: int, visit: web.Alongside) -> None:
    web.run(commands, context, host="127.0.0.1", port=port, sign_in_link=True, alongside=visit)


def _title(context: Context, text: str) -> None:
    context.say()
    context.say(text, "bold cyan")
    context.say()


def _row(context: Context, name: str, text: str) -> None:
    """A name and what there is to say of it, side by side."""
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=_NAME_WIDTH)
    row.add_column()
    row.add_row(name, text)
    context.draw(Padding(row, (0, 0, 0, 2)))
