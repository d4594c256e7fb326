"""`eventlog salvage`: copies the undamaged records of a damaged log into a new one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import anyio.to_thread
import msgspec
from cyclopts import Parameter

from eventlog.cli import view_state as views
from eventlog.cli.context import Context, counted
from eventlog.cli.options import AsJson, AtDesk, require_file
from eventlog.maintenance.salvage.names import carry_names
from eventlog.maintenance.salvage.salvage import Range, SalvageReport
from eventlog.maintenance.salvage.salvage import salvage as carry

New = Annotated[Path, Parameter(name="NEWLOG", help="A new file; the damaged log is only read.")]


async def salvage(new: New, /, *, as_json: AsJson = False, context: AtDesk) -> int:
    """Copy the undamaged records of a damaged log into a new one.

    A record that is missing or not proved is a finding.
    """
    require_file("NEWLOG", new)
    with context.progress("Read pages") as told:
        report = carry(context.db_path, new, progress=told)
    if report.old_log_id is not None and context.keys_dir is not None:
        old_id = bytes.fromhex(report.old_log_id)
        await anyio.to_thread.run_sync(carry_names, new, old_id, context.keys_dir)
    await views.fill(new, context.keys_dir)
    if as_json:
        context.json({**msgspec.to_builtins(report), "complete": report.complete})
    else:
        _tell(context, new, report)
    return int(not report.complete or bool(report.unproved))


def _tell(context: Context, new: Path, report: SalvageReport) -> None:
    context.say(
        f"{new} holds {counted(report.carried, 'record')} of"
        f" {'' if report.end_known else 'at least '}{report.end}:"
        f" {report.proved} proved, {report.repaired} with a repaired hash",
        "green" if report.complete else "bold",
    )
    if report.unproved:
        context.say(f"Behind a missing record, so not proved: {_ranges(report.unproved)}")
    if report.missing:
        context.say(f"Missing, by the old log's positions: {_ranges(report.missing)}", "red")
    if report.cut_appends:
        context.say(f"{counted(report.cut_appends, 'append')} incomplete now", "red")
    if report.lost_keys:
        context.say(
            f"{counted(report.lost_keys, 'idempotency key')} were used twice, and are dropped"
        )
    if report.unreadable_pages:
        context.say(
            f"{counted(report.unreadable_pages, 'page')} could not be read from the disk", "red"
        )
    if not report.end_known:
        context.say("There is no head file, so records lost at the end can't be noticed.", "yellow")
    if report.header_damaged:
        context.say(f"The file's header is damaged; its pages have {report.page_size} bytes", "dim")
    if report.wal_damaged:
        context.say("The WAL is damaged; what could be read of it was taken", "dim")
    context.say(f"The new log has its own id: {report.new_log_id}", "dim")


def _ranges(some: Sequence[Range]) -> str:
    """Positions as text: 3, 7 to 9."""
    return ", ".join(
        str(part.first) if part.first == part.last else f"{part.first} to {part.last}"
        for part in some
    )
