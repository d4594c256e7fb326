"""`eventlog replay`: rebuilds or compares the read tables, or copies the log up to a time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from eventlog.cli import view_state as views
from eventlog.cli.context import Context, counted
from eventlog.cli.keys_copies import note_names
from eventlog.cli.options import AsJson, AtDesk, require_file
from eventlog.errors import BadArgument
from eventlog.followers.compare import Difference, check
from eventlog.followers.replay import Replay, Replayed, family
from eventlog.journal import table as journal
from eventlog.maintenance.archive import copy_until
from eventlog.projections.times import since_epoch_us
from eventlog.storage.paths import checked_path
from eventlog.storage.writer import Writer
from eventlog.store import opening

Names = Annotated[list[str] | None, Parameter(name="VIEW", help="Only these, and their parents.")]
Check = Annotated[
    bool,
    Parameter(name="--check", help="Change nothing: compare the live tables with a replay."),
]
Until = Annotated[
    str | None, Parameter(help="With --into: to this position, date or time of append.")
]
Into = Annotated[Path | None, Parameter(help="A new file for the log of that time.")]


async def replay(
    names: Names = None,
    /,
    *,
    check_only: Check = False,
    until: Until = None,
    into: Into = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Rebuild the read tables."""
    if (until is None) is not (into is None):
        raise BadArgument("--until and --into must be given together")
    if check_only and (names or into):
        raise BadArgument("--check compares all views, and takes neither VIEW nor --into")
    if names and into:
        raise BadArgument("--into makes all views, and takes no VIEW")
    if check_only:
        return _check(context, as_json=as_json)
    if until is not None and into is not None:
        require_file("--into", into)
        return await _as_it_stood(context, until, checked_path(into), as_json=as_json)
    return await _rebuild(context, names or None, as_json=as_json)


async def _rebuild(context: Context, names: Iterable[str] | None, *, as_json: bool) -> int:
    wanted = family(names)
    done = await rebuild(context, wanted)
    parked = sum(done.parked.values())
    if as_json:
        context.json(done)
    else:
        context.say(f"Rebuilt up to record {done.position}: {', '.join(done.views)}")
        if parked:
            context.say(f"{counted(parked, 'record')} parked: see eventlog parked", "red")
    return int(bool(parked))


async def rebuild(context: Context, wanted: list[Any]) -> Replayed:
    """Rebuild views of the context's log, with a progress bar. Raises DatabaseError."""
    with context.reading():
        context.require_writable()  # leave no lock file where there is no log
    writer = Writer(context.db_path)
    await writer.open(partial(opening.prepare, path=context.db_path))
    try:
        with context.progress("Replay") as told, context.opening(required=True) as names:
            return await Replay(writer, wanted, names).run(told)
    finally:
        await writer.close()


def _check(context: Context, *, as_json: bool) -> int:
    with context.progress("Replay for comparison") as told, context.opening() as names:
        differences = check(context.db_path, progress=told, names=names)
    if as_json:
        context.json({"ok": not differences, "differences": differences})
    else:
        print_differences(context, differences)
    return int(bool(differences))


def print_differences(context: Context, differences: list[Difference]) -> None:
    """Print what a comparison found, a line each."""
    for difference in differences:
        context.say(str(difference), "red")
    if not differences:
        context.say("OK: the live read tables equal a replay, row by row.", "green")


async def _as_it_stood(context: Context, until: str, into: Path, *, as_json: bool) -> int:
    position = _position(context, until)
    with context.progress("Copy") as told:
        head = copy_until(context.db_path, into, position, progress=told)
    note_names(context, "replay", into)
    await views.fill(into, context.keys_dir)
    if as_json:
        context.json({"into": str(into), "position": head.position, "hash": head.hash.hex()})
    else:
        context.say(f"{into} holds the log up to record {head.position}")
        context.say(f"Look at it with: eventlog events --db {into}", "dim")
    return 0


def _position(context: Context, until: str) -> int:
    """The position that --until names: a number, or the last append up to a moment."""
    if until.isascii() and until.isdigit():
        return int(until)
    moment = context.moment("--until", until)
    if moment is None:
        raise BadArgument("--until is a position, a date or a time")
    with context.reading() as connection:
        return journal.position_at(connection, since_epoch_us(moment))
