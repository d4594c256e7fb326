"""`eventlog demo`: the main job at once, on a log of its own that never mixes with the owner's.

A day at a front door goes in, the list and one story come out, the views are rebuilt and all of
it is verified. Where recorded payloads lie beside the checkout, those of real cameras go in as
well. Knows no configuration: the owner's log is never asked for.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eventlog import journal, queries, story
from eventlog.cli import views
from eventlog.cli.desk import Desk, Settings, counted
from eventlog.cli.events import print_events
from eventlog.cli.options import AtDesk
from eventlog.cli.replay import rebuild
from eventlog.cli.safe_text import safe
from eventlog.cli.show import print_story
from eventlog.cli.verify import verify_all
from eventlog.errors import BadArgument
from eventlog.ingest import SOURCES, feed
from eventlog.projections import VIEWS
from eventlog.queries import EventFilter
from eventlog.record import StoredRecord
from eventlog.sample import play, sample_day
from eventlog.store import EventStore
from eventlog.thumbnails import Thumbnails

FOLDER: Final = Path("run/demo")
MARK: Final = ".eventlog-demo"
SHOWN: Final = 12
_NAME_WIDTH: Final = 26

# Beside the checkout: payloads that were recorded at real doors.
RECORDED: Final = Path(__file__).parents[3] / "shared" / "data"
PAYLOADS: Final = (
    ("Frigate's list", "frigate", "frigate-hass-integration/events_front_door.json"),
    ("Ring's history", "ring", "home-assistant-core/ring/doorbot_history.json"),
    ("Ring's push", "ring", "home-assistant-core/ring/ding_active.json"),
)

Into = Annotated[Path, Parameter(help="The folder of the demo's log; it is made anew. [run/demo]")]


def demo(*, into: Into = FOLDER, desk: AtDesk) -> int:
    """Show the main job, on a log of its own."""
    started = perf_counter()
    _make_anew(into)
    settings = Settings(
        db_path=str(into / "events.db"), thumbnails_dir=str(into / "thumbnails"), time_zone="UTC"
    )
    desk = Desk(lambda: settings)
    _title(desk, "A day at a front door goes in")
    asyncio.run(_fill(desk))
    _title(desk, "The event list")
    _list(desk)
    _title(desk, "One event's story: why the door opened, or did not")
    event = _tell(desk)
    _title(desk, "The views are rebuilt from the journal, and all is verified")
    code = asyncio.run(_rebuild(desk))
    _title(desk, "What to try next")
    _next(desk, event)
    desk.say()
    desk.say(f"That took {perf_counter() - started:.1f} s.", "dim")
    return code


def _make_anew(folder: Path) -> None:
    """Make the folder empty. Raises BadArgument where it holds what no demo has made."""
    try:
        if folder.exists() and any(folder.iterdir()):
            if not (folder / MARK).exists():
                raise BadArgument(f"{folder} holds something else than a demo; it stays untouched")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text("This folder is emptied by `eventlog demo`.\n", encoding="utf-8")
    except OSError as error:
        raise BadArgument(f"{folder}: {error.strerror}") from error


# ── the parts of the show ──────────────────────────────────────────────────────────────────


async def _fill(desk: Desk) -> None:
    async with EventStore(str(desk.db_path), str(desk.thumbnails_dir)) as store:
        for what, source, name in PAYLOADS:
            if (RECORDED / name).is_file():
                data = (RECORDED / name).read_bytes()
                first = await feed(store, SOURCES[source](data))
                again = await feed(store, SOURCES[source](data))
                told = f"{counted(first.events, 'event')}; fed again: {again.events}"
                _row(desk, f"recorded: {what}", told)
        day = sample_day(datetime.now(UTC).date() - timedelta(days=1))
        events = await play(store, Thumbnails(desk.thumbnails_dir), day)
        _row(desk, "yesterday, made up", f"{counted(events, 'event')}, with faces and pictures")
        position = await store.reader.last_position()
    _row(desk, "in the journal", f"{counted(position, 'record')}, each on the disk when answered")


def _list(desk: Desk) -> None:
    with desk.reading() as connection:
        names = views.shown_names(connection)
        found = queries.nest(connection.execute(*queries.recent_events(limit=SHOWN)))
        (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
    print_events(desk, found, names)
    desk.say(f"{len(found)} of {counted(count, 'event')}", "dim")


def _tell(desk: Desk) -> int:
    """The longest story with a door that opened, and a sentence of one that did not."""
    with desk.reading() as connection:
        names = views.shown_names(connection)
        opened = _stories(connection, "granted")
        refused = _stories(connection, "refused")
    event = max(opened, key=lambda event: len(opened[event]))
    print_story(desk, event, opened[event], names)
    desk.say()
    for other in sorted(refused)[-2:]:
        told = story.tell([story.read(row) for row in refused[other]], names)
        line = Text.assemble((f"Event {other}. ", "bold"), safe(told.sentence))
        desk.draw(Padding(line, (0, 2)))
    return event


def _stories(
    connection: sqlite3.Connection, outcome: Literal["granted", "refused"]
) -> dict[int, list[StoredRecord]]:
    found = connection.execute(*queries.recent_events(EventFilter(outcome=outcome)))
    ids = [event["id"] for event in queries.nest(found)]
    return {event: journal.read_event(connection, event) for event in ids}


async def _rebuild(desk: Desk) -> int:
    done = await rebuild(desk, list(VIEWS))
    _row(desk, "rebuilt", ", ".join(done.views))
    report = verify_all(desk)
    _row(desk, "verified", f"{counted(report.records, 'record')}, the chain, views and pictures")
    for finding in report.findings:
        desk.say(f"  {finding.where}: {finding.what}", "red")
    desk.say("  All is whole." if report.ok else "  It is not whole.", "green")
    return int(not report.ok)


def _next(desk: Desk, event: int) -> None:
    _row(desk, "the log", str(desk.db_path))
    _row(desk, "its pictures", str(desk.thumbnails_dir))
    desk.say()
    program = f"{_program()} --db {desk.db_path}"
    for command in (
        "events --refused",
        f"show {event}",
        "tail --follow",
        f"verify --thumbnails {desk.thumbnails_dir}",
    ):
        desk.draw(Padding(Text(f"{program} {command}", "cyan"), (0, 2)))


def _program() -> str:
    """How the command line is called from here."""
    beside = Path(sys.executable).with_name("eventlog")
    if not beside.exists():
        return f"{sys.executable} -m eventlog"
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)


def _title(desk: Desk, text: str) -> None:
    desk.say()
    desk.say(text, "bold cyan")
    desk.say()


def _row(desk: Desk, name: str, text: str) -> None:
    """A name and what there is to say of it, side by side."""
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=_NAME_WIDTH)
    row.add_column()
    row.add_row(name, text)
    desk.draw(Padding(row, (0, 0, 0, 2)))
