"""`eventlog ingest`: turns the events of other programs into facts, each once.

A file is read piece by piece, a pipe as long as it lasts: what is complete is stored before more
is read, so that Ctrl-C loses nothing. No log is made before there is something to put into it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import anyio
import msgspec
from cyclopts import Parameter

from eventlog import codecs
from eventlog.cli.context import Context, counted
from eventlog.cli.ingest_input import is_live, pieces
from eventlog.cli.options import STANDARD, AsJson, AtDesk, MustExist
from eventlog.errors import BadArgument, BadPayload
from eventlog.facts import Fact
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Author, Receipt, Record
from eventlog.sources import SOURCES
from eventlog.sources.adapter import Adapter, Settings
from eventlog.sources.explain import as_values, in_words
from eventlog.sources.feed import Feeder, Tally
from eventlog.sources.items import Refused, Unknown
from eventlog.sources.reading import Read, Reading
from eventlog.store.event_store import EventStore

SourceName = Literal[
    "august",
    "compreface",
    "double-take",
    "frigate",
    "home-assistant",
    "matter",
    "nuki",
    "onvif",
    "ring",
    "unifi-access",
    "unifi-protect",
    "zigbee2mqtt",
    "zwave-js",
]
Source = Annotated[
    SourceName, Parameter(name="SOURCE", help="The program that wrote the messages.")
]
Files = Annotated[
    list[Path],
    Parameter(
        name="FILE",
        help="JSON: one message, a list, or one a line; or lines of mosquitto_sub -v."
        " - is the standard input.",
    ),
]
Camera = Annotated[
    str | None,
    Parameter(help="The camera, or door, of messages that name none. [front_door]"),
]
Threshold = Annotated[
    float | None, Parameter(help="A face below this score is a stranger's. [the source's own]")
]
People = Annotated[
    list[str] | None,
    Parameter(name="--person", help="Frigate: a sub label that is a person's name; repeatable."),
]
Prefix = Annotated[
    str | None, Parameter(help="The first part of the source's MQTT topics. [the source's own]")
]
Explain = Annotated[bool, Parameter(help="Show the facts of each message, and write nothing.")]


async def ingest(
    source: Source,
    files: Files,
    /,
    *,
    camera: Camera = None,
    recognition_threshold: Threshold = None,
    person: People = None,
    prefix: Prefix = None,
    explain: Explain = False,
    must_exist: MustExist = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Take in the events of another program."""
    if not files:
        raise BadArgument("name at least one file, or - for the standard input")
    adapter = SOURCES[source]
    settings = _settings(adapter, camera, recognition_threshold, person, prefix)
    _require_readable(files)
    if explain:
        return await _explain(context, adapter, settings, files, as_json=as_json)
    context.require_writable()
    context.require_log(must_exist)
    code = 0
    async with _Log(context) as log:
        for file in files:
            reading = Reading(adapter, settings, live=is_live(file))
            code = max(code, await _ingest_file(context, log, reading, file, as_json=as_json))
    return code


class _Log:
    """The log that is fed: opened, or made, when the first thing to put into it is there."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stack = AsyncExitStack()
        self._opened: EventStore | None = None
        self._turn = anyio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Append to the log; see `EventStore.append`."""
        if self._opened is None:  # a fact that may not enter makes no log
            for fact in facts:
                codecs.encode(fact)
        return await (await self._store()).append(*facts, event_id=event_id, key=key)

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with this key."""
        if self._opened is None and not await anyio.Path(self._context.db_path).exists():
            return None
        return await (await self._store()).receipt(key)

    async def subscribe(self, after: int = 0) -> AsyncIterator[Record]:
        """The records after a position, and those that come."""
        async for record in (await self._store()).subscribe(after):
            yield record

    async def _store(self) -> EventStore:
        async with self._turn:
            if self._opened is None:
                store = self._context.store(Author("command", "ingest"))
                self._opened = await self._stack.enter_async_context(store)
            return self._opened


async def _ingest_file(
    context: Context, log: _Log, reading: Reading, file: Path, *, as_json: bool
) -> int:
    """Feed one file, say what became of it, and answer the exit code that it gives."""
    feeder = Feeder(log, Thumbnails(context.thumbnails_dir))
    try:
        async with aclosing(_batches(reading, file)) as batches:
            async for batch in batches:
                await feeder.feed(item for one in batch for item in one.items)
    except BadPayload as error:
        context.note(f"{file}: {error}")
        if feeder.tally.facts or feeder.tally.known:
            _tell(context, file, feeder.tally, as_json=as_json)
        return 2
    except BaseException:  # Ctrl-C, a full disk: what is stored by now is said before it goes on
        _tell(context, file, feeder.tally, as_json=as_json)
        raise
    _tell(context, file, feeder.tally, as_json=as_json)
    return int(bool(feeder.tally.refused or feeder.tally.unknown))


async def _batches(reading: Reading, file: Path) -> AsyncGenerator[list[Read], None]:
    """What the messages of a file become, as many at a time as a piece of it completes."""
    async with aclosing(pieces(file)) as some:
        async for piece in some:
            if batch := list(reading.feed(piece)):
                yield batch
    for last in reading.feed(b"", end=True):
        yield [last]


async def _explain(
    context: Context, adapter: Adapter, settings: Settings, files: Iterable[Path], *, as_json: bool
) -> int:
    """Say what each message of the files would become."""
    code = 0
    for file in files:
        try:
            reading = Reading(adapter, settings, live=is_live(file))
            async with aclosing(_batches(reading, file)) as batches:
                async for batch in batches:
                    for one in batch:
                        _explain_one(context, file, one, as_json=as_json)
                        finding = any(isinstance(item, Refused | Unknown) for item in one.items)
                        code = max(code, int(finding))
                    context.out.file.flush()
        except BadPayload as error:
            context.note(f"{file}: {error}")
            code = 2
    return code


def _explain_one(context: Context, file: Path, one: Read, *, as_json: bool) -> None:
    if as_json:
        items = [as_values(item) for item in one.items]
        context.json({"file": str(file), "place": one.place, "items": items})
        return
    context.say(f"{file}, {one.place}:" if one.place else f"{file}:")
    for item in one.items:
        context.say(f"  {in_words(item)}", "red" if isinstance(item, Refused) else "")
    if not one.items:
        context.say("  nothing", "dim")


def _settings(
    adapter: Adapter,
    camera: str | None,
    threshold: float | None,
    people: list[str] | None,
    prefix: str | None,
) -> Settings:
    """The owner's settings. Raises BadArgument for one that the source does not heed."""
    given: dict[str, Any] = {
        "camera_id": camera,
        "recognition_threshold": threshold,
        "people": frozenset(people) if people else None,
    }
    names = {"camera_id": "--camera", "people": "--person"}
    for name, value in given.items():
        if value is not None and name not in adapter.takes:
            option = names.get(name, f"--{name.replace('_', '-')}")
            others = ", ".join(sorted(a.name for a in SOURCES.values() if name in a.takes))
            raise BadArgument(f"{option} is for {others}, not for {adapter.name}")
    if threshold is not None and not 0 <= threshold <= 1:
        raise BadArgument("--recognition-threshold is 0 to 1")
    if camera is not None and not 1 <= len(camera) <= 64:  # noqa: PLR2004 - a word's length
        raise BadArgument("--camera has 1 to 64 characters")
    kept = {name: value for name, value in given.items() if value is not None}
    return Settings(**kept, prefix=prefix)


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


def _tell(context: Context, file: Path, tally: Tally, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {"file": str(file), **msgspec.to_builtins(tally)}
        context.json(told)
        return
    context.say(
        f"{file}: {counted(tally.events, 'event')}, {counted(tally.facts, 'fact')} new;"
        f" {tally.known} known already"
    )
    shown = (
        ("skipped", tally.skipped, "dim"),
        ("unknown", tally.unknown, "red"),
        ("refused", tally.refused, "red"),
    )
    for what, counts, style in shown:
        for reason, count in sorted(counts.items()):
            context.say(f"  {count} {what}: {reason}", style)
