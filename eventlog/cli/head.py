"""`eventlog head`: the newest signed head, and which records it covers."""

from __future__ import annotations

import time
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from eventlog.cli.context import Context
from eventlog.cli.evidence import Keys, keys_of, known_heads
from eventlog.cli.options import AsJson, AtDesk
from eventlog.errors import EventLogError, EvidenceError, SignerBusy
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.signed_heads import DOMAIN, LogName, SignedHead, head_of, parse_name
from eventlog.evidence.signing import HeadSigner
from eventlog.facts import EraBegun
from eventlog.journal import table as journal
from eventlog.reactors import head_posts
from eventlog.reactors.head_to import parse_places
from eventlog.record import Author

# How long another process is given to sign what it was asked for.
ASK_S: Final = 10.0
_LOOK_S: Final = 0.05

Now = Annotated[bool, Parameter(name="--now", help="Sign what is in the journal now.")]
Line = Annotated[bool, Parameter(name="--line", help="Print only the short line for people.")]
Qr = Annotated[bool, Parameter(name="--qr", help="The line as a QR code as well.")]
NewEra = Annotated[
    Literal["restored", "lost", "key-lost"] | None,
    Parameter(
        name="--new-era",
        help="Continue under a new name after the log lost records, or its key.",
    ),
]


async def head(
    *,
    now: Now = False,
    line: Line = False,
    qr: Qr = False,
    new_era: NewEra = None,
    keys: Keys = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Show the newest signed head."""
    with context.reading() as connection:
        held = keys_of(context, keys, connection)
        end = journal.last_position(connection)
    held.require(context.db_path)
    if new_era is not None:
        newest: SignedHead | None = await _begin_era(context, held, new_era)
    elif now:
        newest = sign_now(context, held)
    else:
        newest = _newest(context, held)
    if newest is None:
        raise EvidenceError("no head is signed yet: eventlog head --now signs one")
    if as_json:
        context.json(
            {
                "name": newest.origin,
                "size": newest.size,
                "root": newest.root.hex(),
                "line": newest.line(),
                "note": newest.note.encode().decode(),
                "unsigned": max(0, end - newest.size),
            }
        )
    elif line:
        context.say(newest.line())
    else:
        _print(context, newest, end)
    if qr:
        _print_qr(context, newest.line())
    return 0


def sign_now(context: Context, held: KeysDir) -> SignedHead:
    """A head over all that is in the journal: signed here, or by the notary that runs.

    Raises EvidenceError, DatabaseError.
    """
    places = parse_places(context.settings.head_to, context.db_path)
    try:
        with HeadSigner(context.db_path, held) as signer:
            head_posts.hold_against(signer, context.db_path, places)
            signer.read_to_end()
            signer.sign()
            for name, wrong in head_posts.hand_out(signer, context.db_path, places).items():
                context.note(f"{name} has it" if wrong is None else f"{name}: {wrong}")
            return signer.sign()
    except SignerBusy:
        return _ask(context, held)


def sign_before(context: Context) -> None:
    """Sign what is there, where heads are signed at all, before it leaves as a copy."""
    if context.keys_dir is None:
        return
    try:
        with context.reading() as connection:
            held = keys_of(context, None, connection)
        sign_now(context, held)
    except EventLogError as error:
        context.note(f"no head is signed before this: {error}")


def _ask(context: Context, held: KeysDir) -> SignedHead:
    with context.reading() as connection:
        end = journal.last_position(connection)
    held.ask()
    give_up = time.monotonic() + ASK_S
    while time.monotonic() < give_up:
        signed = held.signed()
        if signed is not None and head_of(signed).size >= end:
            return head_of(signed)
        time.sleep(_LOOK_S)
    held.answered()
    raise EvidenceError(
        f"the process that signs this log has not signed record {end} within {ASK_S:g} s:"
        " eventlog status says what keeps it"
    )


def _newest(context: Context, held: KeysDir) -> SignedHead | None:
    signed = held.signed()
    heads = [] if signed is None else [head_of(signed)]
    return heads[-1] if heads else max(known_heads(context, None), key=_size, default=None)


def _size(found: SignedHead) -> int:
    return found.size


async def _begin_era(context: Context, held: KeysDir, why: str) -> SignedHead:
    """Begin a new era, as the owner says that records were lost: a new name for the log."""
    reason: Literal["restored", "lost", "key_lost"] = (
        "restored" if why == "restored" else "lost" if why == "lost" else "key_lost"
    )
    before = _newest(context, held)
    pairs = [] if reason == "key_lost" else held.signing_keys()
    names = [LogName(held.log_id, 0, context.settings.log_name or DOMAIN)]
    names += [parse_name(pair.name) for pair in pairs]
    names += [] if before is None else [parse_name(before.origin)]
    name = max(names, key=_era)
    renamed = name.in_era(name.era + 1)
    pair = new_key(str(renamed)) if reason == "key_lost" else pairs[0].renamed(str(renamed))
    fact = EraBegun(
        era=renamed.era,
        reason=reason,
        previous_size=None if before is None else before.size,
        previous_root=None if before is None else before.root,
    )
    writer = Author("command", "head")
    with HeadSigner(context.db_path, held, new_era=True) as signer:
        async with context.store(writer) as store:
            await store.append(fact, key=f"era:{renamed.era}")
        found = signer.begin_era([pair])
    context.say(f"Era {renamed.era} has begun. Its public key is another, as its name is:")
    context.say()
    context.say(f"  {pair.public.encode()}")
    context.say()
    context.say("Give it to everybody who checks this log, and to each of its witnesses.")
    return found


def _era(name: LogName) -> int:
    return name.era


def _print(context: Context, found: SignedHead, end: int) -> None:
    context.out.file.write(found.note.encode().decode())
    context.say()
    context.say(found.line())
    later = end - found.size
    if later > 0:
        context.say(f"Records 1 to {found.size} are in it; {later} came after.", "yellow")
    else:
        context.say(f"Records 1 to {found.size} are in it: all there are.", "green")


def _print_qr(context: Context, text: str) -> None:
    from eventlog.evidence.qr import as_text  # noqa: PLC0415 - rarely used

    context.out.file.write(as_text(text) + "\n")
