"""`eventlog keys lost`: the owner's word that some names are lost, so that the log goes on."""

from __future__ import annotations

from pathlib import Path

from eventlog.cli.context import Context, counted
from eventlog.cli.evidence import keys_in
from eventlog.errors import BadArgument
from eventlog.evidence import copies, keys_backup
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.seals_file import SealsFile
from eventlog.journal import sealing
from eventlog.journal import table as journal
from eventlog.maintenance import lost_seals


def lost(context: Context, folder: Path | None, *, yes: bool) -> int:
    """Mark the seals that the seals file lacks as lost; 1 where that was not confirmed."""
    context.require_writable()
    folder = folder or context.keys_dir
    if folder is None:
        raise BadArgument("name the folder of keys: eventlog keys lost DIR, or set KEYS_DIR")
    with context.reading() as connection:
        state = sealing.read(connection)
        held = keys_in(folder, journal.log_id(connection))
        if state is None:
            raise BadArgument("the names of this log are in clear: none can be lost")
        seals = held.file("seals")
        known: set[bytes] = set()
        if seals.exists():
            with SealsFile(seals, held.log_id, seals_id=state.seals_id) as file:
                known = {slot.sealed for slot in file.slots()}
        missing = lost_seals.missing(connection, known)
    if not missing.seals and seals.exists():
        context.say("No name is lost: the seals file knows every seal.", "green")
        return 0
    _require_no_copy(held, missing.seals)
    names, records = counted(len(missing.seals), "name"), counted(missing.records, "record")
    if not yes:
        context.say(f"{names} in {records} can't be opened. Is there a backup of the keys? It")
        context.say("brings them back: eventlog keys restore FILE.")
        context.say(
            "Nothing was changed: --yes marks them as lost; this can't be undone.", "yellow"
        )
        return 1
    held.make(context.db_path)
    if not seals.exists():
        SealsFile.create(seals, held.log_id, seals_id=state.seals_id).close()
    with SealsFile(seals, held.log_id, seals_id=state.seals_id) as file:
        file.mark_lost(missing.seals)
    context.say(
        f"{names} in {records} are lost. New names are sealed again, and the views continue."
    )
    context.say("Programs that have the log open go on after a restart. Visits that the views had")
    context.say("before still show their names, until: eventlog replay")
    context.say("Now make a backup of the keys: eventlog keys backup FILE", "yellow")
    return 0


def _require_no_copy(held: KeysDir, missing: frozenset[bytes]) -> None:
    """Raise BadArgument where a backup of the keys that is known opens a name that is missing."""
    for copy in copies.read(held.file("copies")):
        place = Path(copy.path)
        if copy.what != "keys" or not place.exists():
            continue
        backup = keys_backup.read(place)
        if backup.log_id == held.log_id and not missing.isdisjoint(keys_backup.opened_by(backup)):
            raise BadArgument(
                f"{place} opens some of the names: move {held.path} away, then eventlog keys"
                f" restore {place}"
            )
