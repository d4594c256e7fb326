"""`eventlog keys`: the folder of keys, and the key that signs this log's heads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from eventlog.cli import keys_copies, keys_lost
from eventlog.cli.context import Context
from eventlog.cli.evidence import Keys, keys_in, keys_of
from eventlog.cli.head import sign_now
from eventlog.cli.options import AsJson, AtDesk
from eventlog.errors import BadArgument, BadNote, KeysMissing, UnsafeFile
from eventlog.evidence import log_tree, proving, tree_secret
from eventlog.evidence import note as notes
from eventlog.evidence.keys import KeyPair, KeysDir, new_key
from eventlog.evidence.note import Note
from eventlog.evidence.signed_heads import DOMAIN, LogName, SignedHead, head_of, is_domain
from eventlog.evidence.small_files import read_small
from eventlog.facts import SigningKey
from eventlog.journal import table as journal
from eventlog.reactors.head_places import PlaceFailed, WitnessPlace
from eventlog.reactors.head_to import parse_places
from eventlog.record import Author

What = Annotated[
    Literal["init", "show", "list", "rotate", "backup", "restore", "lost"], Parameter(name="WHAT")
]
Folder = Annotated[
    Path | None,
    Parameter(name="PATH", help="init: the folder of keys; backup, restore: the second place."),
]
Second = Annotated[
    Path | None,
    Parameter(name="--copy", help="init: seal names too, and keep a copy of the keys here."),
]
Finish = Annotated[
    bool,
    Parameter(name="--finish", help="rotate: every witness knows the new key; drop the old one."),
]

Yes = Annotated[bool, Parameter(help="lost: confirm it; this can't be undone.")]


async def keys(
    what: What,
    folder: Folder = None,
    /,
    *,
    keys: Keys = None,
    copy: Second = None,
    finish: Finish = False,
    yes: Yes = False,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Make, show, list, change, back up or restore the keys of this log, or go on without them."""
    match what:
        case "init":
            await _init(context, folder or keys, copy)
        case "backup":
            return keys_copies.backup(context, keys, folder)
        case "restore":
            keys_copies.restore(context, keys, folder)
        case "lost":
            return keys_lost.lost(context, folder or keys, yes=yes)
        case "show":
            _show(context, keys, as_json=as_json)
        case "list":
            _list(context, folder or keys or context.keys_dir)
        case "rotate":
            await _rotate(context, keys, finish=finish)
    return 0


async def make(context: Context, folder: Path, copy: Path | None = None) -> None:
    """Make a log's keys; nothing where the folder has them.

    Args:
        context: The log.
        folder: The folder of keys.
        copy: The second place of the keys. None: names stay in clear.

    Raises BadArgument, DatabaseError.
    """
    with context.reading() as connection:
        held = keys_in(folder, journal.log_id(connection))
    if not held.has_signing_key():
        await _init(context, folder, copy)


async def _init(context: Context, folder: Path | None, copy: Path | None) -> None:
    folder = folder or context.keys_dir
    if folder is None:
        raise BadArgument("name the folder: eventlog keys init DIR")
    with context.reading() as connection:
        log_id = journal.log_id(connection)
    held = keys_in(folder, log_id)
    held.make(context.db_path)
    if held.has_signing_key():
        raise BadArgument(f"{held.file('signing')} exists already and was not changed")
    domain = context.settings.log_name or DOMAIN
    if not is_domain(domain):
        raise BadArgument(f"LOG_NAME is a domain like door.example, not {domain!r}")
    key = new_key(str(LogName(log_id, 0, domain)))
    secret = tree_secret.ensure(context.db_path, held.secret())
    held.write_secret(secret)
    held.write_signing_keys([key])
    await _append_key(context, key)
    if copy is not None:
        keys_copies.seal_names(context, held, copy)
    context.say(f"{folder} holds the key that signs this log's heads. Its public key:")
    context.say()
    context.say(f"  {key.public.encode()}")
    context.say()
    context.say("Give that line to everybody who checks proofs of this log: on paper, or by phone.")
    context.say(f"Then set KEYS_DIR={folder} where the log is written, and keep a copy of the")
    context.say("folder somewhere else: without it the log has to continue under a new name.")
    if copy is None:
        context.say("Names are in plain text in the journal; --copy FILE seals them.", "yellow")


async def _append_key(context: Context, key: KeyPair, *, retired: bool = False) -> int:
    """Put the public key into the journal; answers the record's position."""
    vkey = key.public.encode()
    writer = Author("command", "keys")
    async with context.store(writer) as store:
        receipt = await store.append(
            SigningKey(vkey=vkey, retired=retired),
            key=f"signing_key:{key.public.key_id.hex()}:{int(retired)}",
        )
    return receipt.positions[0]


def _show(context: Context, given: Path | None, *, as_json: bool) -> None:
    with context.reading() as connection:
        held = keys_of(context, given, connection)
    held.require(context.db_path)
    pairs = held.signing_keys()
    witness = held.witness_key()
    if as_json:
        context.json(
            {
                "signing": [pair.public.encode() for pair in pairs],
                "witness": None if witness is None else witness.public.encode(),
            }
        )
        return
    for number, pair in enumerate(pairs):
        context.say(pair.public.encode())
        if number:
            context.note("the last key is on its way out: keys rotate --finish drops it")
    if witness is not None:
        context.say(witness.public.encode())


def _list(context: Context, folder: Path | None) -> None:
    if folder is None or not folder.is_dir():
        raise BadArgument("name the folder of keys: eventlog keys list DIR, or set KEYS_DIR")
    for path in sorted(folder.glob("*.signing")):
        try:
            held = KeysDir(folder, bytes.fromhex(path.stem))
            lines = [pair.public.encode() for pair in held.signing_keys()]
        except (ValueError, BadNote, KeysMissing, UnsafeFile) as error:
            context.note(f"{path.name}: {error}")
            continue
        for line in lines:
            context.say(f"signs    {line}")
    for path in sorted((folder / "seen").glob("*.vkey")):
        try:
            lines = (read_small(path) or b"").decode("utf-8", "replace").split()
            lines = [notes.parse_public_key(line).encode() for line in lines]
        except (BadNote, UnsafeFile) as error:
            context.note(f"{path.name}: {error}")
            continue
        for line in lines:
            context.say(f"seen     {line}")


async def _rotate(context: Context, given: Path | None, *, finish: bool) -> None:
    with context.reading() as connection:
        held = keys_of(context, given, connection)
    held.require(context.db_path)
    pairs = held.signing_keys()
    if finish:
        await _finish(context, held, pairs)
        return
    if len(pairs) > 1:
        position = await _append_key(context, pairs[0])  # a kill may have come before it
        raise BadArgument(
            "a rotation is going on: keys rotate --finish ends it. The record that names the new"
            f" key is proved by eventlog prove {position}"
        )
    key = new_key(pairs[0].name)
    held.write_signing_keys([key, pairs[0]])
    position = await _append_key(context, key)
    context.say("Heads carry two signatures from now on. The new public key:")
    context.say()
    context.say(f"  {key.public.encode()}")
    context.say()
    context.say("Each witness has to learn it: eventlog witness add KEY, on their machine; or by")
    context.say(f"eventlog witness add --follow FILE, with the file of: eventlog prove {position}")
    context.say("When they all have: eventlog keys rotate --finish")


async def _finish(context: Context, held: KeysDir, pairs: list[KeyPair]) -> None:
    """End a rotation, unless a witness would refuse the heads of the new key alone."""
    if len(pairs) == 1:
        raise BadArgument("no rotation is going on: one key signs")
    await _append_key(context, pairs[-1], retired=True)
    # The last head must have the new signature before the old key is deleted, or it could not
    # be recognised as this log's own.
    last = sign_now(context, held)
    if not pairs[0].public.signs(last.note):
        raise BadArgument("the process that signs this log has to read the new key: restart it")
    _require_known(context, last, pairs[0])
    held.write_signing_keys(pairs[:1])
    context.say(f"Only {pairs[0].public.encode()} signs now.")


def _require_known(context: Context, last: SignedHead, pair: KeyPair) -> None:
    """Raise BadArgument where a witness of HEAD_TO does not take a head of this key alone."""
    alone = head_of(Note(last.note.text, (pair.sign(last.note.text),)))
    with log_tree.reading(context.db_path) as connection:

        def prove_from(old: int) -> list[bytes]:
            return proving.path_between(connection, context.db_path, old, alone.size)

        for place in parse_places(context.settings.head_to, context.db_path):
            if not isinstance(place, WitnessPlace):
                continue
            try:
                place.take(alone, prove_from)
            except PlaceFailed as error:
                raise BadArgument(
                    f"the old key is kept: {error}. Remove a witness that no longer exists"
                    " from HEAD_TO first"
                ) from error
