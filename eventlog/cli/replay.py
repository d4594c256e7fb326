"""`eventlog replay`: the read tables made anew, compared, or made as they stood at a moment."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from eventlog.cli import view_state as views
from eventlog.cli.context import Desk, counted
from eventlog.cli.options import AsJson, AtDesk
from eventlog.errors import BadArgument
from eventlog.followers.compare import Difference, check
from eventlog.followers.replay import Replay, Replayed, family
from eventlog.journal import table as journal
from eventlog.maintenance.archive import copy_until
from eventlog.projections.times import since_epoch_us
from eventlog.storage.paths import checked_path
from eventlog.storage.writer import Writer
from eventlog.store import opening as schema

Names = Annotated[list[str] | None, Parameter(name="VIEW", help="Only these, and their parents.")]
Check = Annotated[
    bool,
    Parameter(name="--check", help="Swap nothing: say whether the live ones agree."),
]
Until = Annotated[
    str | None, Parameter(help="With --into: to this position, date or time of append.")
]
Into = Annotated[Path | None, Parameter(help="A new file for the log as it stood then.")]


async def replay(
    names: Names = None,
    /,
    *,
    check_only: Check = False,
    until: Until = None,
    into: Into = None,
    as_json: AsJson = False,
    desk: AtDesk,
) -> int:
    """Rebuild the read tables."""
    if (until is None) is not (into is None):
        raise BadArgument("--until and --into belong together")
    if check_only and (names or into):
        raise BadArgument("--check compares all views, and takes neither VIEW nor --into")
    if names and into:
        raise BadArgument("--into makes all views, and takes no VIEW")
    if check_only:
        return _check(desk, as_json=as_json)
    if until is not None and into is not None:
        return await _as_it_stood(desk, until, checked_path(into), as_json=as_json)
    return await _rebuild(desk, names or None, as_json=as_json)


async def _rebuild(desk: Desk, names: Iterable[str] | None, *, as_json: bool) -> int:
    wanted = family(names)
    done = await rebuild(desk, wanted)
    parked = sum(done.parked.values())
    if as_json:
        desk.json(done)
    else:
        desk.say(f"Rebuilt up to record {done.position}: {', '.join(done.views)}")
        if parked:
            desk.say(f"{counted(parked, 'record')} parked: see eventlog parked", "red")
    return int(bool(parked))


async def rebuild(desk: Desk, wanted: list[Any]) -> Replayed:
    """Rebuild views of the desk's log, with a bar. Raises DatabaseError."""
    with desk.reading():
        desk.insist_writable()  # and no lock file is left beside what is no log
    writer = Writer(desk.db_path)
    await writer.open(partial(schema.prepare, path=desk.db_path))
    try:
        with desk.progress("Replay") as told:
            return await Replay(writer, wanted).run(told)
    finally:
        await writer.close()


def _check(desk: Desk, *, as_json: bool) -> int:
    with desk.progress("Replay, beside the live views") as told:
        differences = check(desk.db_path, progress=told)
    if as_json:
        desk.json({"ok": not differences, "differences": differences})
    else:
        print_differences(desk, differences)
    return int(bool(differences))


def print_differences(desk: Desk, differences: list[Difference]) -> None:
    """What a check found, a line each."""
    for difference in differences:
        desk.say(str(difference), "red")
    if not differences:
        desk.say("The live views are what a replay makes of the journal, row by row.", "green")


async def _as_it_stood(desk: Desk, until: str, into: Path, *, as_json: bool) -> int:
    position = _position(desk, until)
    with desk.progress("Copy") as told:
        head = copy_until(desk.db_path, into, position, progress=told)
    await views.fill(into)
    if as_json:
        desk.json({"into": str(into), "position": head.position, "hash": head.hash.hex()})
    else:
        desk.say(f"{into} holds the log as it stood at record {head.position}")
        desk.say(f"Look at it with: eventlog events --db {into}", "dim")
    return 0


def _position(desk: Desk, until: str) -> int:
    """The position that --until names: as a number, or as a moment that appends are held to."""
    if until.isascii() and until.isdigit():
        return int(until)
    moment = desk.moment("--until", until)
    if moment is None:
        raise BadArgument("--until is a position, a date or a time")
    with desk.reading() as connection:
        return journal.position_at(connection, since_epoch_us(moment))
