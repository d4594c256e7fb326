"""`eventlog ingest`: the events of another program become facts, each once."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
import msgspec
from cyclopts import Parameter

from eventlog.cli.context import Context, counted
from eventlog.cli.options import STANDARD, AsJson, AtDesk
from eventlog.errors import BadArgument, BadPayload
from eventlog.record import Author
from eventlog.sources import ring
from eventlog.sources.feed import Item, Tally, feed
from eventlog.sources.frigate import files as frigate
from eventlog.store.event_store import EventStore

Read = Callable[[bytes], Iterator[Item]]

Source = Annotated[
    Literal["frigate", "ring"], Parameter(name="SOURCE", help="The program that wrote the files.")
]
Files = Annotated[
    list[Path],
    Parameter(
        name="FILE",
        help="JSON: one message, a list, or one a line; - is the standard input.",
    ),
]
Camera = Annotated[
    str | None, Parameter(help="Ring: the camera of rings that name no device. [front_door]")
]
Threshold = Annotated[
    float | None, Parameter(help="Frigate: a face below this score names nobody. [0.9]")
]


async def ingest(
    source: Source,
    files: Files,
    /,
    *,
    camera: Camera = None,
    recognition_threshold: Threshold = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Take in the events of another program."""
    if not files:
        raise BadArgument("name at least one file, or - for the standard input")
    read = _reader(source, camera, recognition_threshold)
    _require_readable(files)
    context.require_writable()
    if not await anyio.Path(context.db_path).exists():
        context.note(f"a new log is made at {context.db_path}")
    code = 0
    writer = Author("command", "ingest")
    async with EventStore(
        str(context.db_path), str(context.thumbnails_dir), writer=writer
    ) as store:
        for file in files:
            try:
                tally = await feed(store, read(await _bytes(file)))
            except BadPayload as error:
                context.note(f"{file}: {error}")
                code = 2
                continue
            code = code or int(bool(tally.refused))
            _tell(context, file, tally, as_json=as_json)
    return code


def _reader(source: str, camera: str | None, threshold: float | None) -> Read:
    if source == "ring":
        if threshold is not None:
            raise BadArgument("--recognition-threshold is Frigate's")
        return ring.read if camera is None else partial(ring.read, camera_id=camera)
    if camera is not None:
        raise BadArgument("--camera is for Ring: Frigate's events name their own")
    if threshold is None:
        return frigate.read
    if not 0 <= threshold <= 1:
        raise BadArgument("--recognition-threshold is 0 to 1")
    return partial(frigate.read, recognition_threshold=threshold)


def _require_readable(files: Iterable[Path]) -> None:
    """Raise BadArgument for a file that can't be read, before a log is made for it."""
    for file in files:
        if file == STANDARD:
            continue
        # Not opened yet: a pipe's writer would take that for its reader's end.
        if file.is_dir():
            wrong = errno.EISDIR
        elif not file.exists():
            wrong = errno.ENOENT
        elif not os.access(file, os.R_OK):
            wrong = errno.EACCES
        else:
            continue
        raise BadArgument(f"{file} can't be read: {os.strerror(wrong)}")


async def _bytes(file: Path) -> bytes:
    """A file's bytes. Raises BadArgument where it can't be read."""
    if file == STANDARD:
        return await anyio.to_thread.run_sync(sys.stdin.buffer.read)
    try:
        return await anyio.Path(file).read_bytes()
    except OSError as error:
        raise BadArgument(f"{file} can't be read: {error.strerror}") from error


def _tell(context: Context, file: Path, tally: Tally, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {"file": str(file), **msgspec.to_builtins(tally)}
        context.json(told)
        return
    context.say(
        f"{file}: {counted(tally.events, 'event')}, {counted(tally.facts, 'fact')} new;"
        f" {tally.known} known already"
    )
    for what, counts in (("skipped", tally.skipped), ("refused", tally.refused)):
        for reason, count in sorted(counts.items()):
            context.say(f"  {count} {what}: {reason}", "red" if what == "refused" else "dim")
