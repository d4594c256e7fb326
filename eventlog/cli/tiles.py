"""`eventlog tiles`: writes the log's tree as C2SP's tlog-tiles, for a static web server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from eventlog.cli.context import Context, counted
from eventlog.cli.evidence import Keys, keys_of
from eventlog.cli.head import sign_now
from eventlog.cli.options import AtDesk
from eventlog.evidence import tiles as write_tiles
from eventlog.evidence.signed_heads import SignedHead

Folder = Annotated[Path, Parameter(name="DIR", help="The folder that is served.")]


def tiles(folder: Folder, /, *, keys: Keys = None, context: AtDesk) -> int:
    """Write tiles and the newest head; a later run adds what is new."""
    head = _head(context, keys)
    with context.reading() as connection:
        written = write_tiles.write(connection, folder, head)
    context.say(f"{folder} has the tree of {counted(head.size, 'record')}: {written} files written")
    return 0


def _head(context: Context, given: Path | None) -> SignedHead:
    with context.reading() as connection:
        held = keys_of(context, given, connection)
    return sign_now(context, held)
