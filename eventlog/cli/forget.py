"""`eventlog forget`: forgets one person, and reports what is out of reach."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import anyio.to_thread
import msgspec
from cyclopts import Parameter

from eventlog.cli.context import Context, counted
from eventlog.cli.evidence import Keys, keys_of
from eventlog.cli.forget_report import Before, Report, afterwards, renew
from eventlog.cli.head import sign_before
from eventlog.cli.options import AsJson, AtDesk
from eventlog.errors import BadArgument, KeysMissing
from eventlog.evidence import copies
from eventlog.evidence.copies import Copy
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seals_file import SealsFile
from eventlog.facts import IdentityLinked
from eventlog.journal import sealing
from eventlog.maintenance.forgetting import forget as forgetting
from eventlog.maintenance.forgetting import handing_out, left_over, spelling, their_records
from eventlog.maintenance.forgetting.erasing import Person, find_person
from eventlog.maintenance.forgetting.forget import Reach, texts_of
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Author
from eventlog.run.config_file import DEFAULT_PATH
from eventlog.store.event_store import EventStore

# Whose records it holds is not in its name.
THEIRS: Final = Path("their-records.zip")

Name = Annotated[str, Parameter(name="NAME", help="The person's name, as in records.")]
Export = Annotated[
    bool,
    Parameter(
        name="--export", help="Write all that is stored about the person to a zip; erase nothing."
    ),
]
Into = Annotated[Path, Parameter(help="export: the new file. [their-records.zip]")]
Only = Annotated[bool, Parameter(help="Leave other names that are linked to this one.")]
KeepPictures = Annotated[bool, Parameter(help="Leave the pictures: others are in them too.")]
KnownFaces = Annotated[
    Path | None,
    Parameter(name="--known-faces", help="Delete the person's files in this folder too."),
]
Why = Annotated[
    Literal["asked", "consent_withdrawn", "retention", "mistake"],
    Parameter(name="--reason", help="Why, as the record says it. [asked]"),
]
ConfigPath = Annotated[
    Path, Parameter(name="--config", help="The running door's config. [/etc/eventlog.toml]")
]
Yes = Annotated[bool, Parameter(help="Do it without asking.")]


async def forget(
    name: Name,
    /,
    *,
    export: Export = False,
    into: Into = THEIRS,
    only: Only = False,
    keep_pictures: KeepPictures = False,
    known_faces: KnownFaces = None,
    reason: Why = "asked",
    config: ConfigPath = DEFAULT_PATH,
    yes: Yes = False,
    keys: Keys = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Forget a person: names, pictures, and what shows them; the visits stay, without a name."""
    context.require_writable()
    held = _sealed_keys(context, keys, name)
    author = Author("command", "forget")
    async with EventStore(
        str(context.db_path),
        str(context.thumbnails_dir),
        writer=author,
        keys_dir=str(held.path),
    ) as store:
        person = await find_person(store, name, only=only)
        if person is None:
            await forgetting.finish(store, Thumbnails(context.thumbnails_dir))
            for sentence in renew(held):
                context.note(sentence)
            raise BadArgument(_nobody(held, name))
        if export:
            await _hand_over(context, store, held, person, into)
            return 0
        found = await anyio.to_thread.run_sync(forgetting.reach, context.db_path, person)
        if found.held.in_clear:
            raise BadArgument(
                f"{counted(found.held.in_clear, 'record')} with the name in clear:"
                " nothing can change a record; `eventlog seal` makes a log with sealed names first"
            )
        faces: list[Path] = []
        if known_faces is not None:
            await anyio.to_thread.run_sync(_require_folder, known_faces)
            faces = left_over.known_faces(known_faces, texts_of(person))
        if not as_json:
            _say_plan(context, person, found, faces, keep=keep_pictures)
        if not yes and not _agreed(name):
            context.say("Nothing was changed: --yes does it.", "yellow")
            return 1
        done = await forgetting.forget(
            store,
            Thumbnails(context.thumbnails_dir),
            person,
            reason=reason,
            requested_at=datetime.now(UTC),
            keep_pictures=keep_pictures,
        )
    for face in faces:
        face.unlink(missing_ok=True)
    report = afterwards(context, held, person, Before(done, found.events), config)
    if as_json:
        context.json(msgspec.to_builtins(report))
    else:
        _say_report(context, report)
    sign_before(context)
    return int(not report.finished)


def _sealed_keys(context: Context, given: Path | None, name: str) -> KeysDir:
    """The log's keys, where its names are sealed. Raises KeysMissing, BadArgument."""
    with context.reading() as connection:
        if given is None and context.keys_dir is None and sealing.read(connection) is not None:
            raise KeysMissing(
                "the names of this log are sealed: KEYS_DIR, or --keys, names the folder of keys"
            )
        held = keys_of(context, given, connection)
        if held.file("seals").exists():
            held.require(context.db_path)
            return held
        clear = left_over.in_records(connection, [name]).in_clear
    if clear:
        raise BadArgument(
            f"{counted(clear, 'record')} with the name in clear: nothing can change a record;"
            " `eventlog seal` makes a log with sealed names first"
        )
    raise KeysMissing(f"there is no seals file in {held.path}: no name of this log can be erased")


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise BadArgument(f"there is no folder {folder}")


def _nobody(held: KeysDir, name: str) -> str:
    with SealsFile(held.file("seals"), held.log_id) as seals:
        others = spelling.alike(seals.slots(), name, shown=True)
    if others:
        return f"there is no person {name!r} here. Did you mean {', '.join(map(repr, others))}?"
    return (
        f"there is no person {name!r} that could be forgotten; what earlier runs may have left is"
        " finished"
    )


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"Type the name to forget {name}: ").strip() == name
    except EOFError:
        return False


# ── what the person gets ───────────────────────────────────────────────────────────────────


async def _hand_over(
    context: Context, store: EventStore, held: KeysDir, person: Person, target: Path
) -> None:
    for link in await anyio.to_thread.run_sync(_hand_out, context, held, person, target):
        await store.append(link)
    await anyio.to_thread.run_sync(_export, context, held, person, target)


def _hand_out(
    context: Context, held: KeysDir, person: Person, target: Path
) -> list[IdentityLinked]:
    """Note the file, and seal with nothing that is in it any more; the links to append again."""
    if target.exists():
        raise BadArgument(f"{target} exists already; nothing is written over it")
    if not target.absolute().parent.is_dir():
        raise BadArgument(f"there is no folder {target.absolute().parent}")
    now_us = int(context.now().timestamp() * 1e6)
    copy = Copy(what="export", path=str(target.absolute()), at_us=now_us, seals=person.seals)
    copies.note(held.file("copies"), copy)
    with SealsFile(held.file("seals"), held.log_id) as seals, context.reading() as connection:
        return handing_out.retire(connection, seals, person.seals)


def _export(context: Context, held: KeysDir, person: Person, target: Path) -> None:
    """Write the person's file."""
    with SealsFile(held.file("seals"), held.log_id) as seals:
        slots = {slot.sealed: slot.text for slot in seals.slots() if slot.sealed in person.seals}
    thumbnails = Thumbnails(context.thumbnails_dir)
    records, saved = their_records.write(context.db_path, thumbnails, person, slots, target)
    context.say(
        f"{target} holds {counted(records, 'record')} and {counted(saved, 'picture')}. It has"
        " names in clear: give it to the person and keep none."
    )


# ── before and after ───────────────────────────────────────────────────────────────────────


def _say_plan(
    context: Context, person: Person, found: Reach, faces: Sequence[Path], *, keep: bool
) -> None:
    context.say(f"{person.name} is forgotten:", "bold")
    if person.also:
        context.say(f"  with {', '.join(person.also)}, which belong to the same person")
    context.say(f'  {counted(found.events, "visit")} will say "erased person"')
    if not keep:
        are = "is" if len(found.pictures) == 1 else "are"
        context.say(f"  {counted(len(found.pictures), 'picture')} of these visits {are} deleted")
    for face in faces:
        context.say(f"  {face} is deleted")


def _say_report(context: Context, report: Report) -> None:
    done = report.done
    context.say(
        f"{counted(done.overwritten, 'name')} overwritten, {counted(done.pictures, 'picture')}"
        " deleted."
    )
    if done.legacy:
        context.say(f"{counted(done.legacy, 'cell')} of older tables emptied.")
    if report.searched and not report.found:
        context.say("Found 0 times in the log's files.", "green")
    for path, count in report.found.items():
        context.say(f"Found {count} times in {path}.", "yellow")
    for sentence in report.left:
        context.say(f"Left: {sentence}.")
    if not report.finished:
        context.say(f"Not finished{': ' + done.why if done.why else ''}. Run it again.", "red")
