"""`eventlog seal`: seals the names of a log that has them in plain text."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import anyio.to_thread
import msgspec
from cyclopts import Parameter

from eventlog.cli import keys_copies
from eventlog.cli.context import Context, counted
from eventlog.cli.evidence import Keys
from eventlog.cli.options import AsJson, AtDesk
from eventlog.errors import BadArgument
from eventlog.maintenance import resealing
from eventlog.maintenance.sealed_copy import Resealed
from eventlog.record import Author
from eventlog.store.event_store import EventStore

Second = Annotated[
    Path, Parameter(name="--copy", help="The second place of the keys: a file on another disk.")
]


async def seal(*, copy: Second, keys: Keys = None, as_json: AsJson = False, context: AtDesk) -> int:
    """Write the log anew with its names sealed, and overwrite the old one. Stop the door first."""
    context.require_writable()
    folder = keys or context.keys_dir
    if folder is None:
        raise BadArgument("name the folder of keys: --keys DIR, or set KEYS_DIR")
    if not copy.absolute().parent.is_dir():
        raise BadArgument(f"there is no folder {copy.absolute().parent} for the copy of the keys")
    done = await anyio.to_thread.run_sync(_seal, context, folder, copy.absolute())
    async with EventStore(
        str(context.db_path),
        str(context.thumbnails_dir),
        writer=Author("command", "seal"),
        keys_dir=str(folder),
    ) as store:
        await store.caught_up(await store.reader.last_position())
    if as_json:
        plain = msgspec.to_builtins(done) | {
            "old_log_id": done.old_log_id.hex(),
            "new_log_id": done.new_log_id.hex(),
        }
        context.json(plain)
    else:
        _say(context, done, copy)
    return int(done.unread > 0)


def _seal(context: Context, folder: Path, copy: Path) -> Resealed:
    keep = partial(keys_copies.copy_to, place=copy)
    with context.progress("Seal names") as progress:
        return resealing.reseal(context.db_path, folder, keep=keep, progress=progress)


def _say(context: Context, done: Resealed, copy: Path) -> None:
    context.say(
        f"{context.db_path} holds {counted(done.records, 'record')}; the names in"
        f" {done.sealed} of them are sealed.",
        "green",
    )
    context.say(f"{copy} is the second place of its keys.")
    context.say(
        f"It is a new log: {done.new_log_id.hex()}. Proofs and heads of the old one are not its"
        " own; `eventlog keys init` makes the key that signs it."
    )
    if done.unread:
        context.say(
            f"{counted(done.unread, 'record')} could not be read; a name in them is in clear.",
            "yellow",
        )
    context.say("Older backups and copies of the log hold names in clear.", "dim")
