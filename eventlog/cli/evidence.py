"""Shared by the commands on heads, proofs and keys: the folder of keys, and how a head is shown."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter

from eventlog.cli.context import Context
from eventlog.errors import BadArgument, BadNote, EventLogError, KeysMissing
from eventlog.evidence import heads_file
from eventlog.evidence import note as notes
from eventlog.evidence.keys import KeyPair, KeysDir
from eventlog.evidence.note import PublicKey
from eventlog.evidence.signed_heads import SignedHead, head_of, parse_line
from eventlog.journal import table as journal
from eventlog.maintenance.verify.evidence import Evidence
from eventlog.record import instant
from eventlog.storage.paths import heads_path

# Many years of heads; a device without an end must not fill the memory.
READ_MAX: Final = 64 * 1024 * 1024
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN: Final = re.compile(r"([0-9]{1,6})([smhd])")

Keys: TypeAlias = Annotated[
    Path | None, Parameter(name="--keys", help="The folder of keys. [KEYS_DIR]")
]


def keys_of(context: Context, given: Path | None, connection: sqlite3.Connection) -> KeysDir:
    """The log's files in the folder of keys. Raises KeysMissing if no folder is named."""
    folder = given or context.keys_dir
    if folder is None:
        raise KeysMissing(
            "heads are not signed: no folder of keys is set."
            " Make one (eventlog keys init DIR), then set KEYS_DIR=DIR"
        )
    return keys_in(folder, journal.log_id(connection))


def keys_in(folder: Path, log_id: bytes) -> KeysDir:
    """A log's files in this folder; systemd's credentials come first."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    return KeysDir(folder, log_id, credentials=Path(credentials) if credentials else None)


def signing_keys(keys: KeysDir) -> Sequence[KeyPair]:
    """The keys that sign. Raises KeysMissing, BadNote."""
    return keys.signing_keys()


def known_heads(context: Context, keys: KeysDir | None) -> list[SignedHead]:
    """Every head that is here: next to the log, and the newest next to the keys."""
    heads = heads_file.read_heads(heads_path(context.db_path))
    signed = None if keys is None else keys.signed()
    if signed is not None:
        heads.append(head_of(signed))
    return heads


@contextmanager
def read_file(file: Path) -> Iterator[bytes]:
    """The bytes of a file that was named on the command line. Raises BadNote."""
    try:
        with file.open("rb") as opened:
            data = opened.read(READ_MAX + 1)
    except OSError as error:
        raise BadNote(f"{file} can't be read: {error.strerror}") from error
    if len(data) > READ_MAX:
        raise BadNote(f"{file} is too large: heads, proofs and keys take a few kilobytes each")
    yield data


def at_us(context: Context, microseconds: int) -> str:
    """A time in microseconds since 1970, as it is shown."""
    return context.local(instant(microseconds)).strftime("%Y-%m-%d %H:%M:%S")


# ── what was kept outside ──────────────────────────────────────────────────────────────────


def kept_outside(
    context: Context,
    files: Sequence[Path],
    lines: Sequence[str],
    keys: Sequence[str],
    require: str | None,
) -> Evidence:
    """What `verify` is to hold the log against. Raises BadNote, BadArgument."""
    heads: list[tuple[str, SignedHead]] = []
    for file in files:
        with read_file(file) as data:
            found = list(heads_file.heads_in(data))
        if not found:
            raise BadNote(f"there is no signed head in {file}")
        heads += [(str(file), head) for head in found]
    return Evidence(
        heads=tuple(heads),
        lines=tuple((f"head line {number}", parse_line(line)) for number, line in enumerate(lines)),
        keys=tuple(_public_keys(context, keys)),
        require_s=None if require is None else _seconds(require),
        now_us=time.time_ns() // 1000,
    )


def _public_keys(context: Context, given: Sequence[str]) -> Iterator[PublicKey]:
    """The keys that were named, as text or in files; else those in the folder of keys."""
    for text in given:
        path = Path(text)
        if "+" not in text or path.exists():
            with read_file(path) as data:
                text = data.decode("utf-8", "replace")  # noqa: PLW2901 - the file's text instead
        yield from map(notes.parse_public_key, text.split())
    if given or context.keys_dir is None:
        return
    with suppress(EventLogError), context.reading() as connection:
        # A user who may not read the keys still sees what the rows say of the heads.
        held = keys_of(context, None, connection)
        yield from held.public_keys()


def _seconds(text: str) -> float:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise BadArgument(f"--require-head: {text!r} is not a span; write 90s, 30m, 1h or 2d")
    return float(int(found[1]) * _UNITS[found[2]])
