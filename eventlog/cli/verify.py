"""`eventlog verify`: checks that what is stored is undamaged.

Its result is kept in DB_PATH.verified, for the dashboard's health page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import msgspec
from cyclopts import Parameter

from eventlog.cli.context import Context, counted
from eventlog.cli.evidence import kept_outside
from eventlog.cli.options import AsJson, AtDesk
from eventlog.followers.compare import check
from eventlog.maintenance.seals_in_use import opening_of
from eventlog.maintenance.verify.evidence import Evidence
from eventlog.maintenance.verify.findings import Finding, Report
from eventlog.maintenance.verify.log import verify as verify_log
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.storage.paths import lock_path, verified_path
from eventlog.storage.side_files import open_side_file

Views = Annotated[
    bool, Parameter(negative="--no-views", help="Compare the views with a replay. [yes]")
]
Pictures = Annotated[
    bool, Parameter(negative="--no-pictures", help="Compare the pictures with their digests. [yes]")
]
Heads = Annotated[
    list[Path] | None,
    Parameter(name="--heads", help="Signed heads that were kept elsewhere: a file of them."),
]
HeadLines = Annotated[
    list[str] | None,
    Parameter(name="--head-line", help="A head's line that was kept on a phone or paper."),
]
Key = Annotated[
    list[str] | None,
    Parameter(name="--key", help="A public key, of the log or of a witness. [those in KEYS_DIR]"),
]
RequireHead = Annotated[
    str | None,
    Parameter(
        name="--require-head", help="Fail unless an outside head is younger than this: 30m, 1h, 2d."
    ),
]


def verify(
    *,
    views: Views = True,
    pictures: Pictures = True,
    heads: Heads = None,
    head_line: HeadLines = None,
    key: Key = None,
    require_head: RequireHead = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Check that what is stored is undamaged. A finding names a position, a table or a file."""
    evidence = kept_outside(context, heads or [], head_line or [], key or [], require_head)
    report = verify_all(context, views=views, pictures=pictures, evidence=evidence)
    if as_json:
        context.json(
            {
                "ok": report.ok,
                "records": report.records,
                "findings": report.findings,
                "notes": report.notes,
                "omitted": report.omitted,
                "omitted_notes": report.omitted_notes,
            }
        )
    else:
        _print(context, report, views=views, pictures=pictures)
    return int(not report.ok)


def verify_all(
    context: Context,
    *,
    views: bool = True,
    pictures: bool = True,
    evidence: Evidence | None = None,
) -> Report:
    """Verify the context's log with a progress bar, and keep the result. Raises what it raises."""
    with context.progress("Verify") as told:
        report = verify_log(
            context.db_path,
            thumbnails=Thumbnails(context.thumbnails_dir).check if pictures else None,
            check_views=partial(_differences, context) if views else None,
            progress=told,
            heads=evidence,
        )
    _keep(context, report, all_of_it=views and pictures)
    return report


def _keep(context: Context, report: Report, *, all_of_it: bool) -> None:
    """Keep the result next to the log, where its folder can be written.

    Not next to a copy: only a log that was written at this path has a lock file.
    """
    path = context.db_path
    if not (lock_path(path).exists() and os.access(lock_path(path).parent, os.W_OK)):
        return
    found = len(report.findings) + report.omitted
    nothing = "no damage found" if all_of_it else "no damage found in what was checked"
    wrong = counted(found, "finding") if found else nothing
    kept = {
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "ok": report.ok,
        "said": f"{counted(report.records, 'record')}, {wrong}",
    }
    try:
        _put(verified_path(path), msgspec.json.encode(kept))
    except OSError as error:
        context.note(f"the result can't be kept for the dashboard: {error.strerror}")


def _put(path: Path, content: bytes) -> None:
    """Replace a file completely or not at all. Raises OSError."""
    spare = path.with_name(f"{path.name}-{uuid4().hex}")
    try:
        with os.fdopen(open_side_file(spare, os.O_WRONLY, make=True), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        spare.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error says more
            spare.unlink()
        raise


def _differences(context: Context) -> Iterator[str]:
    with (
        context.progress("Verify the views") as told,
        opening_of(context.db_path, context.keys_dir, ours=False, required=True) as names,
    ):
        yield from map(str, check(context.db_path, ours=False, progress=told, names=names))


def _print(context: Context, report: Report, *, views: bool, pictures: bool) -> None:
    for note in report.notes:
        context.say(f"note: {_line(note)}", "dim")
    if report.omitted_notes:
        context.say(f"and {counted(report.omitted_notes, 'more note')}", "dim")
    for finding in report.findings:
        context.say(_line(finding), "yellow" if finding.severity == "relaxed" else "red")
    if report.omitted:
        context.say(f"and {report.omitted} more", "red")
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
        context.say(f"OK: no damage found in {looked}.", "green")
    else:
        found = len(report.findings) + report.omitted
        context.say(f"Damage found: {counted(found, 'finding')} in {looked}.", "bold")


def _line(finding: Finding) -> str:
    return f"{finding.where}: {finding.what}"
