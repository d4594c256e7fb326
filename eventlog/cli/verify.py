"""`eventlog verify`: whether all that is stored is whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from eventlog.checks.findings import Finding, Report
from eventlog.cli.desk import Desk, counted
from eventlog.cli.options import AsJson, AtDesk
from eventlog.replay_check import check
from eventlog.thumbnails import Thumbnails
from eventlog.verify import verify as verify_log

Views = Annotated[
    bool, Parameter(negative="--no-views", help="Hold the views against a replay. [yes]")
]
Pictures = Annotated[
    bool, Parameter(negative="--no-pictures", help="Hold the pictures against their digests. [yes]")
]


def verify(
    *, views: Views = True, pictures: Pictures = True, as_json: AsJson = False, desk: AtDesk
) -> int:
    """Check that all that is stored is whole; the findings name a position, a table or a file."""
    report = verify_all(desk, views=views, pictures=pictures)
    if as_json:
        desk.json(
            {
                "ok": report.ok,
                "records": report.records,
                "findings": report.findings,
                "notes": report.notes,
                "omitted": report.omitted,
            }
        )
    else:
        _print(desk, report, views=views, pictures=pictures)
    return int(not report.ok)


def verify_all(desk: Desk, *, views: bool = True, pictures: bool = True) -> Report:
    """What `verify` says of the desk's log, with a bar. Raises what it raises."""
    with desk.progress("Verify") as told:
        return verify_log(
            desk.db_path,
            thumbnails=Thumbnails(desk.thumbnails_dir).check if pictures else None,
            check_views=partial(_differences, desk) if views else None,
            progress=told,
        )


def _differences(desk: Desk) -> Iterator[str]:
    with desk.progress("Verify the views") as told:
        yield from map(str, check(desk.db_path, told=told))


def _print(desk: Desk, report: Report, *, views: bool, pictures: bool) -> None:
    for note in report.notes:
        desk.say(f"note: {_line(note)}", "dim")
    for finding in report.findings:
        desk.say(_line(finding), "yellow" if finding.severity == "relaxed" else "red")
    if report.omitted:
        desk.say(f"and {report.omitted} more", "red")
    looked_at = [
        counted(report.records, "record"),
        "the chain",
        "the head file",
        "the schema",
        "the database file",
        *(["the views"] if views else []),
        *(["the pictures"] if pictures else []),
    ]
    looked = f"{', '.join(looked_at[:-1])} and {looked_at[-1]}"
    if report.ok:
        desk.say(f"Whole: {looked}.", "green")
    else:
        found = len(report.findings) + report.omitted
        desk.say(f"Looked at {looked}: {counted(found, 'finding')}.", "bold")


def _line(finding: Finding) -> str:
    return f"{finding.where}: {finding.what}"
