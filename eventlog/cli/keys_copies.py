"""`eventlog keys backup` and `restore`: a second copy of the keys, which open the names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from eventlog.cli.context import Context, counted
from eventlog.cli.evidence import at_us, keys_of
from eventlog.errors import BadArgument, EventLogError
from eventlog.evidence import copies, keys_backup
from eventlog.evidence.copies import Copy
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seals_file import SealsFile


def seal_names(context: Context, keys: KeysDir, copy: Path) -> None:
    """Begin to seal names: the seals file, and a copy of it in a second place, or neither.

    Raises BadArgument if the second place can't be one, DatabaseError.
    """
    seals = keys.file("seals")
    if seals.exists():
        raise BadArgument(f"{seals} is there already: eventlog keys backup FILE copies it")
    SealsFile.create(seals, keys.log_id).close()
    try:
        _write(context, keys, copy)
    except EventLogError:
        seals.unlink()
        raise
    context.say("Names are sealed from the next record on.", "green")


def backup(context: Context, given: Path | None, file: Path | None) -> int:
    """Copy the keys to a second place, or renew every copy that is known; 1 where one failed."""
    with context.reading() as connection:
        keys = keys_of(context, given, connection)
    keys.require(context.db_path)
    if file is not None:
        _write(context, keys, file)
        return 0
    places = [Path(one.path) for one in copies.read(keys.file("copies")) if one.what == "keys"]
    if not places:
        raise BadArgument("no second place is known yet: eventlog keys backup FILE")
    failed = 0
    for place in places:
        try:
            _say(context, keys, place, renew(keys, place))
        except EventLogError as error:
            failed += 1
            context.note(str(error))
    return int(failed > 0)


def restore(context: Context, given: Path | None, file: Path | None) -> None:
    """Put the keys back from their second place."""
    folder = given or context.keys_dir
    if file is None or folder is None:
        raise BadArgument("name both: eventlog keys restore FILE --keys DIR")
    held = keys_backup.restore(file, folder, context.db_path)
    context.say(f"{folder} holds the keys of log {held.log_id.hex()} again")
    context.say(f"as of {at_us(context, held.made_at_us)}, with {counted(held.names, 'name')}.")


def last_backup(context: Context, given: Path | None = None) -> str | None:
    """A sentence on the last backup of the keys; None if there are no keys, or no names."""
    try:
        with context.reading() as connection:
            keys = keys_of(context, given, connection)
        newest = copies.newest_of_keys(keys.file("copies"))
    except EventLogError:
        return None
    if not keys.file("seals").exists():
        return None
    if newest is None:
        return "names are not in it, and there is no backup of the keys: eventlog keys backup FILE"
    at = at_us(context, newest.at_us)
    return f"names are not in it; last keys backup: {at} to {newest.path}"


def note_names(context: Context, what: Literal["export", "replay"], file: Path | None) -> None:
    """Note a file that gets all names in clear, so that `forget` can name it. DatabaseError.

    None is the standard output.
    """
    if context.keys_dir is None:
        return
    with context.reading() as connection:
        keys = keys_of(context, None, connection)
    if keys.file("seals").exists():
        path = "the standard output" if file is None else str(file.absolute())
        copies.note(keys.file("copies"), Copy(what=what, path=path, at_us=time.time_ns() // 1000))


def renew(keys: KeysDir, place: Path) -> int:
    """Renew a second place that is there; how many names are in it. BadArgument, DatabaseError."""
    if not place.exists():
        raise BadArgument(f"{place} is not there: is its disk plugged in?")
    return copy_to(keys, place)


def copy_to(keys: KeysDir, place: Path) -> int:
    """Copy the keys to a second place, and note it; how many names are in it.

    Raises BadArgument, DatabaseError.
    """
    now_us = time.time_ns() // 1000
    held = keys_backup.write(keys, place, now_us)
    copies.note(keys.file("copies"), Copy(what="keys", path=str(place), at_us=now_us))
    return held.names


def _write(context: Context, keys: KeysDir, file: Path) -> None:
    place = file.absolute()
    _say(context, keys, place, copy_to(keys, place))


def _say(context: Context, keys: KeysDir, place: Path, names: int) -> None:
    context.say(f"{place} holds the keys and {counted(names, 'name')}")
    if place.stat().st_dev == keys.path.stat().st_dev:
        context.say("It is on the same disk as the keys: a disk that dies takes both.", "yellow")
