"""What every command gets: the path of the log, and the ways to print.

Answers go to the standard output: text for people, JSON for programs. Remarks and errors go to the
standard error, a line each. Only terminals get colours and progress bars; output to a pipe is
neither cut nor coloured. Knows no command.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console, RenderableType
from rich.text import Text

from eventlog.cli import moments
from eventlog.cli.safe_text import ascii_json, safe
from eventlog.cli.streams import Output, Remarks
from eventlog.errors import BadArgument, DatabaseMissing, ReadOnly
from eventlog.followers.opening import Opening
from eventlog.journal.progress import Progress
from eventlog.maintenance.seals_in_use import opening_of, seals_dir
from eventlog.record import Author
from eventlog.storage.error_translation import translated
from eventlog.storage.paths import checked_path
from eventlog.storage.read_only import opened, read_only
from eventlog.storage.system_zone import system_zone
from eventlog.store import opening

if TYPE_CHECKING:
    from eventlog.store.event_store import EventStore

# The width of output that does not go to a terminal: wide enough for every line.
_UNCUT: Final = 100_000


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of a deployment: the paths, and the IANA zone in which times are shown.

    An empty `time_zone` is the machine's.
    `host` and `port` are where the dashboard listens; the port is text, as it was found.
    `must_exist` forbids `serve` and `ingest` to make a new log.
    `keys_dir` is the folder of keys, `head_to` says where signed heads go, `log_name` is the domain
    that the log's name begins with; each is empty where it is not set.
    """

    db_path: str
    thumbnails_dir: str
    time_zone: str = ""
    host: str = "127.0.0.1"
    port: str = "8000"
    must_exist: bool = False
    keys_dir: str = ""
    head_to: str = ""
    log_name: str = ""


class Context:
    """One run of the command line. `load` is asked for the settings only when one is needed."""

    def __init__(
        self,
        load: Callable[[], Settings],
        *,
        db: Path | None = None,
        thumbnails: Path | None = None,
    ) -> None:
        self._load = load
        self._db = db
        self._thumbnails = thumbnails
        self.out = _console(cast("TextIO", Output(sys.stdout)))
        self.err = _console(cast("TextIO", Remarks(sys.stderr)))

    # ── paths ─────────────────────────────────────────────────────────────────────────────

    @cached_property
    def settings(self) -> Settings:
        """The deployment's settings, the zone being the machine's where none is set."""
        loaded = self._load()
        return loaded if loaded.time_zone else replace(loaded, time_zone=system_zone())

    @cached_property
    def db_path(self) -> Path:
        """The log's database: as the command line says, else as the deployment does.

        Raises BadArgument, MissingFolder and NotADatabase if the path can't be that of a log.
        """
        path = self.settings.db_path if self._db is None else self._db
        try:
            return checked_path(path)
        except OSError as error:  # a name too long, a folder that may not be looked into
            raise BadArgument(f"{path} can't be looked at: {error.strerror}") from error

    @property
    def keys_dir(self) -> Path | None:
        """The folder of keys; None if heads are not signed."""
        return Path(self.settings.keys_dir) if self.settings.keys_dir else None

    @cached_property
    def thumbnails_dir(self) -> Path:
        """The thumbnails folder, found in the same way."""
        return Path(self.settings.thumbnails_dir) if self._thumbnails is None else self._thumbnails

    @property
    def named(self) -> bool:
        """Whether the command line itself names a log or a folder of pictures."""
        return self._db is not None or self._thumbnails is not None

    def require_writable(self) -> None:
        """Raise ReadOnly where a log that is there can't be written."""
        if self.db_path.exists() and read_only(self.db_path):
            raise ReadOnly(f"{self.db_path} can't be written: it, or its folder, is read-only")

    def require_log(self, must_exist: bool | None) -> None:  # noqa: FBT001 - an option, as it was given
        """Look at the log before anything is written: what can't be one is refused.

        Args:
            must_exist: Whether a missing log is an error; None leaves that to the setting
                MUST_EXIST.

        Raises:
            DatabaseMissing: There is no log, and there must be one.
            NotADatabase, ForeignDatabase, NewerDatabase: The file is something else.
        """
        path = self.db_path
        holds_something = path.exists() and path.stat().st_size > 0
        if holds_something:
            opening.require_usable(path)
        elif self.settings.must_exist if must_exist is None else must_exist:
            raise DatabaseMissing(
                f"there is no log at {self.db_path}, and --must-exist (or MUST_EXIST) forbids to"
                " make one (is its disk mounted?)"
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The log, open for reading, on a read-only disk too. Raises DatabaseError."""
        with opened(self.db_path) as log, translated(self.db_path):
            yield log.connection

    # ── names ──────────────────────────────────────────────────────────────────────────────

    def opening(self, *, required: bool = False) -> AbstractContextManager[Opening]:
        """What opens the sealed names of this log; see `seals_in_use.opening_of`."""
        return opening_of(self.db_path, self.keys_dir, required=required)

    def store(self, author: Author) -> EventStore:
        """A store of this log, not open yet, that signs its appends with an author."""
        from eventlog.store.event_store import EventStore  # noqa: PLC0415 - slow to load

        folder = seals_dir(self.db_path, self.keys_dir)
        paths = str(self.db_path), str(self.thumbnails_dir)
        return EventStore(*paths, writer=author, keys_dir=folder)

    # ── times ──────────────────────────────────────────────────────────────────────────────

    @cached_property
    def zone(self) -> tzinfo:
        """The zone that times are shown in, and that those are in which name none."""
        return moments.zone(self.settings.time_zone)

    def local(self, moment: datetime) -> datetime:
        """A moment in the zone that times are shown in; a naive one is UTC."""
        return moments.local(moment, self.zone)

    def time_text(self, moment: datetime, form: str = moments.SECONDS) -> str:
        """A moment as text, in the zone that times are shown in."""
        return moments.text(self.local(moment), form)

    def moment(self, name: str, text: str | None) -> datetime | None:
        """The moment that an option's text names, in UTC; see `moments.parse`."""
        return None if text is None else moments.parse(name, text, self.zone, self.now())

    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)

    # ── printing ───────────────────────────────────────────────────────────────────────────

    def say(self, text: str | Text = "", style: str = "") -> None:
        """Print a line of the answer, made safe. A `Text` was made safe when it was built."""
        self.out.print(Text(safe(text), style) if isinstance(text, str) else text)

    def draw(self, drawing: RenderableType) -> None:
        """Print a table, as wide as the terminal; piped lines end without blanks."""
        if self.out.is_terminal:
            self.out.print(drawing)
            return
        with self.out.capture() as drawn:
            self.out.print(drawing)
        for line in drawn.get().splitlines():
            self.out.file.write(line.rstrip() + "\n")

    def json(self, value: Any) -> None:  # noqa: ANN401 - whatever JSON has
        """The answer, or one of many, as one line of JSON, in ASCII whatever the encoding is."""
        self.out.file.write(ascii_json(msgspec.json.encode(value).decode()) + "\n")

    def write_json(self, encoded: bytes) -> None:
        """Bytes of JSON as they are; on a terminal in ASCII."""
        if self.out.is_terminal:
            self.out.file.write(ascii_json(encoded.decode()))
        else:
            Output(sys.stdout).write_bytes(encoded)

    def note(self, text: str) -> None:
        """Print a remark to the standard error, in one line."""
        self.err.print(Text.assemble(("eventlog: ", "bold"), safe(text)))

    @contextmanager
    def progress(self, doing: str) -> Iterator[Progress]:
        """A bar on the standard error while the block runs, if that is a terminal.

        Yields a function that takes how much is done, and of how much.
        """
        if not self.err.is_terminal:
            yield _ignore
            return
        from rich import progress  # noqa: PLC0415 - slow to load, and only terminals need it

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
        )
        with progress.Progress(*columns, console=self.err, transient=True) as bars:
            task = bars.add_task(doing, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)


def _console(file: TextIO) -> Console:
    plain = Console(file=file, highlight=False, markup=False, emoji=False)
    if plain.is_terminal and file.isatty():
        return plain
    return Console(file=file, highlight=False, markup=False, emoji=False, width=_UNCUT)


def _ignore(_done: int, _total: int) -> None:
    """Do nothing: there is no bar."""


def counted(count: int, noun: str) -> str:
    """How many of what."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shown_size(size_bytes: int) -> str:
    """Bytes as people read them."""
    size, unit = float(size_bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:  # noqa: PLR2004 - as kilo means
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
