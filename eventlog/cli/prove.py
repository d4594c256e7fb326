"""`eventlog prove`: makes proof files, and the program that checks them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from eventlog.cli.context import Context, counted
from eventlog.cli.evidence import Keys, keys_of, known_heads, read_file
from eventlog.cli.head import sign_now
from eventlog.cli.options import POSITION, AtDesk
from eventlog.errors import BadArgument, KeysMissing
from eventlog.evidence import proofs, proving
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.note import PublicKey
from eventlog.evidence.signed_heads import SignedHead, parse_head
from eventlog.evidence.stranger import source
from eventlog.journal import table as journal
from eventlog.record import StoredRecord

Which = Annotated[
    int | None, Parameter(name="POSITION", validator=POSITION, help="The record's position.")
]
Event = Annotated[
    int | None, Parameter(name="--event", validator=POSITION, help="Every record of this event.")
]
Into = Annotated[
    Path, Parameter(name="--into", help="The folder that the files are written into. [.]")
]
Between = Annotated[
    tuple[Path, Path] | None,
    Parameter(name="--between", help="The proof that the second head continues the first."),
]
Reveal = Annotated[
    list[str] | None,
    Parameter(
        name="--reveal",
        negative=(),
        help="Open a sealed name in the proof, by its field; repeatable.",
    ),
]
Verifier = Annotated[
    bool, Parameter(name="--verifier", help="Write the program that checks proofs.")
]


def prove(
    position: Which = None,
    /,
    *,
    event: Event = None,
    between: Between = None,
    verifier: Verifier = False,
    reveal: Reveal = None,
    into: Into = Path(),
    keys: Keys = None,
    context: AtDesk,
) -> int:
    """Write proofs that a stranger can check offline."""
    if verifier:
        _say_written(context, [_write(into, "evidence_verify.py", source())])
    elif between is not None:
        _between(context, between, into)
    elif (position is None) == (event is None):
        raise BadArgument("name one record by its position, or all of a visit by --event")
    else:
        _records(context, _rows(context, position, event), into, keys, reveal or [])
    return 0


def _records(
    context: Context,
    rows: Sequence[StoredRecord],
    into: Path,
    given: Path | None,
    fields: Sequence[str],
) -> None:
    head = _head(context, given, max(row.position for row in rows))
    written = []
    with context.reading() as connection:
        proved = [proving.prove(connection, context.db_path, head, row.position) for row in rows]
        held = keys_of(context, given, connection) if fields else None
    made = [(proof, into / f"record-{proof.position}.tlog-proof") for proof in proved]
    if held is not None:
        from eventlog.cli.reveal import reveal  # noqa: PLC0415 - hardly ever asked for

        made = reveal(context, held, made, fields)
    for proof, path in made:
        name = path.name
        written.append(_write(into, name, proofs.encode(proof)))
        if proof.columns[8] is not None or proof.columns[9] is not None:
            context.note(
                f"{name} shows the record's key and meta too: its digest covers them, and they"
                " can't be left out"
            )
    _say_written(context, written)
    context.say(f"The head covers {counted(head.size, 'record')}. A stranger checks with:")
    context.say()
    context.say(f"  python3 evidence_verify.py proof --key {_vkey(context, given)} {written[0]}")


def _rows(context: Context, position: int | None, event: int | None) -> list[StoredRecord]:
    with context.reading() as connection:
        if event is not None:
            rows = journal.read_event(connection, event)
            what = f"there is no event {event}"
        else:
            row = journal.read_one(connection, position or 0)
            rows = [] if row is None else [row]
            what = f"there is no record {position}"
    if not rows:
        raise BadArgument(what)
    return rows


def _head(context: Context, given: Path | None, position: int) -> SignedHead:
    """A head that reaches the record; signed now where none does."""
    with context.reading() as connection:
        held: KeysDir | None = None
        public: PublicKey | None = None
        try:
            held = keys_of(context, given, connection)
        except KeysMissing:
            heads = known_heads(context, None)
            if not heads:
                raise
            origin = heads[-1].origin
        else:
            held.require(context.db_path)
            public = held.signing_keys()[0].public
            origin = public.name
    found = next(proving.heads_over(known_heads(context, held), position, origin, public), None)
    if found is None and held is not None:
        found = sign_now(context, held)
    if found is None or found.size < position:
        raise BadArgument(f"no signed head reaches record {position} yet")
    return found


def _between(context: Context, files_: tuple[Path, Path], into: Path) -> None:
    heads = []
    for file in files_:
        with read_file(file) as data:
            heads.append(parse_head(data))
    with context.reading() as connection:
        path = proving.prove_between(connection, context.db_path, *heads)
    name = f"between-{heads[0].size}-{heads[1].size}.proof"
    _say_written(context, [_write(into, name, proofs.encode_path(path))])


def _vkey(context: Context, given: Path | None) -> str:
    try:
        with context.reading() as connection:
            return keys_of(context, given, connection).signing_keys()[0].public.encode()
    except KeysMissing:
        return "KEY"


# A proof replaces an earlier one of its name, and writes through no link and into no pipe.
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _write(into: Path, name: str, content: bytes) -> Path:
    path = into / name
    try:
        fd = os.open(path, _NEW, 0o644)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
    except OSError as error:
        raise BadArgument(f"{path} can't be written: {error.strerror}") from error
    return path


def _say_written(context: Context, written: list[Path]) -> None:
    for path in written:
        context.say(str(path))
    sys.stdout.flush()
