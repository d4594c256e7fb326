"""`eventlog export`, `import` and `backup`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter

from eventlog.cli import view_state as views
from eventlog.cli.context import Context, counted
from eventlog.cli.head import sign_before
from eventlog.cli.keys_copies import last_backup, note_names
from eventlog.cli.options import POSITION, STANDARD, AsJson, AtDesk, require_file
from eventlog.cli.streams import standard_input
from eventlog.errors import BadArgument
from eventlog.maintenance import archive
from eventlog.maintenance import backup as backups
from eventlog.maintenance.archive_lines import lines_of
from eventlog.maintenance.verify.findings import Report
from eventlog.storage.durable_files import written_whole
from eventlog.storage.error_translation import of_os_error

Out = Annotated[Path, Parameter(name="FILE", help="A new file; - is the standard output. [-]")]
In = Annotated[Path, Parameter(name="FILE", help="What export wrote; - is the standard input.")]
New = Annotated[Path, Parameter(name="FILE", help="A new file.")]
After = Annotated[
    int, Parameter(validator=POSITION, help="Only the records after this position. [0]")
]
OpenNames = Annotated[
    bool,
    Parameter(
        help="Write sealed names as text, for people: they can't be erased from the file later."
    ),
]
Until = Annotated[
    int | None, Parameter(validator=POSITION, help="Only the records up to this position.")
]


def export(
    file: Out = STANDARD,
    /,
    *,
    after: After = 0,
    until: Until = None,
    open_names: OpenNames = False,
    context: AtDesk,
) -> int:
    """Write the journal as lines of JSON: each record's bytes, and its decoded fact."""
    sign_before(context)
    with ExitStack() as stack:
        names = stack.enter_context(context.opening()) if open_names else None
        out = stack.enter_context(_written(context, file))
        if open_names:
            note_names(context, "export", None if file == STANDARD else file)
        told = stack.enter_context(context.progress("Export"))
        head = archive.export(
            context.db_path, out, after=after, until=until, progress=told, names=names
        )
    if file != STANDARD:
        context.say(f"{file} holds the journal up to record {head.position}")
    return 0


async def import_(file: In, /, *, as_json: AsJson = False, context: AtDesk) -> int:
    """Restore a log from an export, into a new file or a log without records."""
    with _read(file) as stream, context.progress("Import") as told:
        head = archive.import_archive(lines_of(stream), context.db_path, progress=told)
    await views.fill(context.db_path, context.keys_dir)
    if as_json:
        context.json({"position": head.position, "hash": head.hash.hex()})
    else:
        context.say(f"{context.db_path} holds {counted(head.position, 'record')}")
    return 0


def backup(file: New, /, *, as_json: AsJson = False, context: AtDesk) -> int:
    """Copy the journal while others write, and check the copy. The pictures are not in it."""
    require_file("FILE", file)
    sign_before(context)
    with context.progress("Check the copy") as told:
        report = backups.backup(context.db_path, file, progress=told)
    if as_json:
        context.json({"ok": report.ok, "records": report.records, "findings": report.findings})
    else:
        _tell(context, file, report)
    return int(not report.ok)


def _tell(context: Context, file: Path, report: Report) -> None:
    for finding in report.findings:
        context.say(f"{finding.where}: {finding.what}", "red")
    for note in report.notes:
        if note.position is None:
            context.say(f"{note.where}: {note.what}", "yellow")
    verdict = "no damage found" if report.ok else "and is damaged, as the log itself is"
    context.say(
        f"{file} holds {counted(report.records, 'record')}, {verdict}",
        "green" if report.ok else "bold",
    )
    context.say("The pictures are separate files: copy their folder as well.", "dim")
    if (names := last_backup(context)) is not None:
        context.say(f"The {names}", "dim")
    context.say("The read tables are not in it: the first start fills them again.", "dim")


# ── files and streams ──────────────────────────────────────────────────────────────────────


class _Sink:
    """Where an export is written. An error names that file, and not the log."""

    def __init__(self, file: Path, write: Callable[[bytes], object]) -> None:
        self._file = file
        self._write = write

    def write(self, data: bytes, /) -> None:
        """Write bytes. Raises DatabaseError."""
        try:
            self._write(data)
        except OSError as error:
            raise of_os_error(error, self._file) from error


@contextmanager
def _written(context: Context, file: Path) -> Iterator[archive.Sink]:
    """What to write to. A file gets its name when it is complete; an existing one is kept.

    Raises BadArgument if it can't be written.
    """
    if file == STANDARD:
        yield _Sink(Path("the standard output"), context.write_json)
        return
    try:
        if file.exists():
            raise BadArgument(f"{file} exists already; nothing is written over it")
        with written_whole(file) as out:
            yield _Sink(file, out.write)
    except OSError as error:
        raise BadArgument(f"{file} can't be written: {error.strerror}") from error


@contextmanager
def _read(file: Path) -> Iterator[BinaryIO]:
    """What to read lines from. Raises BadArgument if it can't be read."""
    if file == STANDARD:
        yield standard_input()
        return
    try:
        lines = file.open("rb")
    except OSError as error:
        raise BadArgument(f"{file} can't be read: {error.strerror}") from error
    with lines:
        yield lines
