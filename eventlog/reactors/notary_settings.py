"""Makes the notary of a log from a deployment's settings: HEAD_TO, the keys and credentials."""

from __future__ import annotations

import os
from pathlib import Path

from eventlog.evidence.keys import KeysDir
from eventlog.journal.nudge import Nudge
from eventlog.reactors.head_to import parse_places
from eventlog.reactors.notary import Notary
from eventlog.reactors.witnessed_teller import AppendFact


def of_log(
    db_path: Path,
    log_id: bytes,
    folder: Path,
    head_to: str,
    *,
    append: AppendFact | None = None,
    nudge: Nudge | None = None,
) -> Notary:
    """The notary of a log, from a deployment's settings.

    Args:
        db_path: The database file.
        log_id: The log's id, 16 bytes.
        folder: The folder of keys.
        head_to: Where heads are sent, in the form of HEAD_TO.
        append: Appends facts about heads; None appends none.
        nudge: Given when the journal has grown; None polls.

    Raises:
        BadArgument: `head_to` names no place.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    keys = KeysDir(folder, log_id, credentials=Path(credentials) if credentials else None)
    return Notary(db_path, keys, parse_places(head_to, db_path), append=append, nudge=nudge)
