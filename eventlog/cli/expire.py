"""`eventlog expire`: deletes pictures by age or by the space that they take."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import Parameter

from eventlog.cli.context import Context, counted, shown_size
from eventlog.cli.evidence import keys_of
from eventlog.cli.forget_report import renew
from eventlog.cli.options import AsJson, AtDesk
from eventlog.errors import BadArgument, DatabaseMissing
from eventlog.journal import clock
from eventlog.maintenance import retention
from eventlog.maintenance.forgetting.forget import forget_unseen
from eventlog.maintenance.retention import Expired
from eventlog.maintenance.retention_rule import KEEP_UNLOCKS_US, Rule, age_us, size_bytes
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Author

Pictures = Annotated[
    str | None, Parameter(help="Delete pictures that are older, as 90d (days), 12w or 2y. [never]")
]
Bytes = Annotated[
    str | None,
    Parameter(name="--bytes", help="Delete the oldest while all take more, as 8GB. [no limit]"),
]
KeepUnlocks = Annotated[
    str | None,
    Parameter(help="Keep pictures of openings, refused requests and rings this long. [365d]"),
]
Strangers = Annotated[
    str | None, Parameter(help="Another age for visits with a stranger's face. [as --pictures]")
]
Label = Annotated[
    list[str] | None,
    Parameter(help="Another age for visits with a label, such as car=7d; repeatable."),
]
Unseen = Annotated[
    str | None,
    Parameter(help="Forget persons without a newer record, such as 3y. [never]"),
]
DryRun = Annotated[bool, Parameter(help="Say what would be deleted, and delete nothing.")]
TrustClock = Annotated[
    bool, Parameter(help="Trust the wall clock even if the journal contradicts it.")
]


async def expire(
    *,
    pictures: Pictures = None,
    bytes_max: Bytes = None,
    keep_unlocks: KeepUnlocks = None,
    strangers: Strangers = None,
    label: Label = None,
    unseen: Unseen = None,
    dry_run: DryRun = False,
    trust_clock: TrustClock = False,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Delete pictures that are older, or that take more room, than you allow. Facts stay.

    Each deletion is recorded as a fact before the file goes.
    """
    rule = _rule(pictures, bytes_max, keep_unlocks, strangers, label, unseen=unseen)
    if not context.db_path.exists():
        raise DatabaseMissing(f"there is no log at {context.db_path}")
    with context.progress("Read the journal") as progress, context.reading() as connection:
        folder = Thumbnails(context.thumbnails_dir)
        found = retention.look(connection, rule, folder, trust_clock=trust_clock, progress=progress)
    known, chosen = found.known, found.chosen
    unfinished = 0
    if not dry_run:
        context.require_writable()
        with context.progress("Delete pictures") as progress:
            author = Author("command", "expire")
            async with context.store(author) as store:
                unfinished = await retention.expire(store, folder, known, chosen, progress=progress)
    result = retention.summary(known, chosen, unfinished=unfinished)
    forgotten = None if unseen is None else await _forget(context, unseen, dry_run=dry_run)
    if as_json:
        plain = {**msgspec.to_builtins(result), "dry_run": dry_run, "persons": forgotten}
        context.json(plain)
        return 0
    _say(context, result, dry_run=dry_run)
    if forgotten is not None:
        verb = "Would forget" if dry_run else "Forgot"
        context.say(f"{verb} {counted(forgotten, 'person')} not recorded for {unseen}.")
    return 0


async def _forget(context: Context, unseen: str, *, dry_run: bool) -> int:
    """Forget who was not recorded for so long; how many persons."""
    before_us = clock.now_us() - age_us("--unseen", unseen)
    async with context.store(Author("command", "expire")) as store:
        folder = Thumbnails(context.thumbnails_dir)
        count = await forget_unseen(store, folder, before_us, dry_run=dry_run)
    if count and not dry_run:
        with context.reading() as connection:
            held = keys_of(context, None, connection)
        for sentence in renew(held):
            context.note(sentence)
    return count


def _say(context: Context, result: Expired, *, dry_run: bool) -> None:
    removed = result.by_age + result.by_bytes
    verb = "Would delete" if dry_run else "Deleted"
    context.say(
        f"{verb} {counted(removed, 'picture')} ({shown_size(result.bytes_freed)}):"
        f" {result.by_age} for their age, {result.by_bytes} to make room."
    )
    if result.unfinished:
        context.say(f"Deleted {counted(result.unfinished, 'file')} that an earlier run had left.")
    context.say(f"{counted(result.kept, 'picture')} kept ({shown_size(result.kept_bytes)}).")


def _rule(
    pictures: str | None,
    bytes_max: str | None,
    keep_unlocks: str | None,
    strangers: str | None,
    labels: list[str] | None,
    *,
    unseen: str | None,
) -> Rule:
    ages: dict[str, int] = {}
    for one in labels or ():
        name, sign, age = one.rpartition("=")
        if not sign or not name:
            raise BadArgument(f"--label: {one!r} should be a label and an age, as car=7d")
        ages[name] = age_us("--label", age)
    asked = (pictures, bytes_max, strangers, unseen)
    if all(one is None for one in asked) and not ages:
        raise BadArgument(
            "say what may be deleted: --pictures 90d, --bytes 8GB, --strangers 1y, --label car=7d"
            " or --unseen 3y"
        )
    return Rule(
        age_us=None if pictures is None else age_us("--pictures", pictures),
        bytes_max=None if bytes_max is None else size_bytes("--bytes", bytes_max),
        keep_unlocks_us=KEEP_UNLOCKS_US
        if keep_unlocks is None
        else age_us("--keep-unlocks", keep_unlocks),
        strangers_us=None if strangers is None else age_us("--strangers", strangers),
        labels=ages,
    )
