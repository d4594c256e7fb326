"""Reports what is left of a person after `eventlog forget`, by a search of the files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from eventlog.cli import keys_copies
from eventlog.cli.context import Context, counted
from eventlog.errors import BadArgument, EventLogError
from eventlog.evidence import copies
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seals import State
from eventlog.evidence.seals_file import SealsFile
from eventlog.maintenance.forgetting import left_over, scan, spelling
from eventlog.maintenance.forgetting.erasing import Person
from eventlog.maintenance.forgetting.forget import Forgotten, texts_of
from eventlog.maintenance.forgetting.left_over import Held
from eventlog.run.config import Config, Frigate
from eventlog.run.config_file import load

KNOWN_FACES: Final = Path("known_faces")
# Shorter texts are in any file by chance.
_SEARCHED_BYTES: Final = 4


class Before(NamedTuple):
    """What was done, and how many visits named the person before."""

    done: Forgotten
    events: int


class Report(Struct, frozen=True, kw_only=True):
    """What was done, in which files the texts are found, and what is out of reach.

    `searched` is whether there was a text that is long enough to be searched for.
    """

    done: Forgotten
    searched: bool
    found: dict[str, int]
    left: list[str]
    finished: bool


def afterwards(
    context: Context, held: KeysDir, person: Person, before: Before, config: Path
) -> Report:
    """Renew the second places, search the files, and list what is out of reach.

    No store of this process may be open: the search reads the database file.
    """
    texts = texts_of(person)
    left = [*renew(held)]
    found = _search(context, held, texts)
    users = {path for path in found if ".users" in path.name}
    left += [f"{path}: a user of the dashboard has that name" for path in sorted(users)]
    faces = left_over.known_faces(KNOWN_FACES, texts)
    left += [f"{face}: the next visit would name them again" for face in faces]
    names = scan.names_of(context.thumbnails_dir, texts)
    left += [f"the picture {name} has the name in its own" for name in names]
    left += [
        f"{other!r} is spelt almost the same, and is another person here:"
        f" eventlog forget {shlex.quote(other)}"
        for other in _spelt_alike(held, person)
    ]
    left += [
        f"{text!r} is too short to be searched for: any file has it by chance"
        for text in texts
        if not _is_searched(text)
    ]
    with context.reading() as connection:
        after = left_over.in_records(connection, texts)
    left += [
        *_in_records(after),
        *_in_config(config, texts),
        *_outside(before.events, held, person),
    ]
    left += _in_other_logs(held, texts)
    others = {path: count for path, count in found.items() if path not in users}
    returned = _is_recorded(held, person.name)
    if returned:
        left.append(f"{person.name!r} was recorded again meanwhile, as a new person")
    # A record that holds the text elsewhere, or a longer name, explains what is found.
    explained = after != Held() or _is_part_of_another(held, texts)
    return Report(
        done=before.done,
        searched=any(map(_is_searched, texts)),
        found={str(path): count for path, count in others.items()},
        left=left,
        finished=before.done.finished and not faces and not returned and (not others or explained),
    )


def renew(held: KeysDir) -> Iterator[str]:
    """Renew every second place of the keys; a sentence for each that could not be."""
    for copy in copies.read(held.file("copies")):
        if copy.what == "keys":
            try:
                keys_copies.renew(held, Path(copy.path))
            except EventLogError as error:
                yield f"{copy.path} still opens the name: {error}"


def _search(context: Context, held: KeysDir, texts: Sequence[str]) -> dict[Path, int]:
    more = [path for path in held.path.glob(f"{held.log_id.hex()}.*") if path.is_file()]
    wanted = [text for text in texts if _is_searched(text)]
    return scan.occurrences(scan.files_of(context.db_path, more), wanted) if wanted else {}


def _is_searched(text: str) -> bool:
    return len(text.encode()) >= _SEARCHED_BYTES


def _is_part_of_another(held: KeysDir, texts: Sequence[str]) -> bool:
    """Whether another person's name holds one of the texts, as Joanna holds anna."""
    with SealsFile(held.file("seals"), held.log_id) as seals:
        others = [slot.text for slot in seals.slots() if slot.state is not State.ERASED]
    return any(text in other for text in texts for other in others)


def _spelt_alike(held: KeysDir, person: Person) -> list[str]:
    with SealsFile(held.file("seals"), held.log_id) as seals:
        return spelling.alike(seals.slots(), person.name)


def _is_recorded(held: KeysDir, name: str) -> bool:
    with SealsFile(held.file("seals"), held.log_id) as seals:
        return seals.find(name) is not None


def _in_records(held: Held) -> Iterator[str]:
    for count, where in (
        (held.keys, "an idempotency key"),
        (held.metas, "a meta"),
        (held.others, "another field, as a rule"),
    ):
        if count:
            yield f"{counted(count, 'record')} with the text in {where}: records never change"


def _in_config(path: Path, texts: Sequence[str]) -> Iterator[str]:
    """Where the running door's config names the person."""
    try:
        config: Config = load(path)
    except BadArgument:
        return  # there is no running door here
    for name, source in config.source.items():
        if isinstance(source, Frigate):
            for text in texts:
                if text in source.people:
                    yield f"{path}: source.{name}.people has {text}"


def _in_other_logs(held: KeysDir, texts: Sequence[str]) -> list[str]:
    """The seals of other logs that have the name, as those of a salvaged copy."""
    others = [path for path in held.path.glob("*.seals") if path != held.file("seals")]
    found = scan.occurrences(others, [text for text in texts if _is_searched(text)])
    return [
        f"{path}, the names of another log, has the name: forget it there too" for path in found
    ]


def _outside(events: int, held: KeysDir, person: Person) -> Iterator[str]:
    """Copies that were made with this person's name, and what other systems know."""
    for copy in copies.read(held.file("copies")):
        is_theirs = not copy.seals or not set(person.seals).isdisjoint(copy.seals)
        if copy.what != "keys" and is_theirs:
            yield f"{copy.path}, made as {copy.what}, has names in it"
    visits = counted(events, "visit")
    yield (
        f"what others recorded of {visits}: Frigate, Ring, the lock, Home Assistant's history,"
        " messages on phones; a running door overwrites its retained MQTT messages itself"
    )
    yield "raw copies of the database, of the folder of keys and of pictures, wherever they are"
