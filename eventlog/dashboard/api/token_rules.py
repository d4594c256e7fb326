"""What a program may append with its token, and under which idempotency keys.

A token appends what happens at a door: facts of the kinds and cameras that it is limited to, to
events that are not too old for it. What the log says of itself, and how persons are called, is not
said through a door. A token's keys are its own, so that no key can be taken beforehand: `k` of
token 4 is kept as `token:4:k`. A token that is granted a source's keys shares those. A key that a
record of before this rule holds still finds it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from eventlog import codecs
from eventlog.dashboard.accounts.tokens import RESERVED, Token
from eventlog.dashboard.accounts.visitor import Visitor
from eventlog.errors import BadRecord, EventLogError, UnknownEvent
from eventlog.facts import Fact, kind_of
from eventlog.journal import clock
from eventlog.journal import table as journal
from eventlog.journal.append import KEY_LENGTH_MAX, check_key
from eventlog.projections.late import seconds_between
from eventlog.record import StoredRecord

# What the log, its parts and its owner say, and no camera, lock or feed.
BOOKKEEPING: Final = frozenset(
    {
        *("unclean_stop", "part_stopped", "part_back", "source_silent", "source_back"),
        *("person_erased", "picture_removed", "rule_armed", "era_begun"),
        *("signing_key", "head_witnessed", "head_seen"),
    }
)
# Who a person is, is for the household to say.
NAMING: Final = frozenset({"person_named", "identity_linked"})

# What speaks of doors and devices also where it is in an event; a face or an unlock is of the
# event's camera. A token for some cameras appends these where it was granted the kind by name.
OF_NO_CAMERA: Final = frozenset({"lock_state", "door_state", "device_state", "face_enrolled"})


class NotAllowed(EventLogError):
    """An append that this token or account may not make; `index` is the fact at fault."""

    def __init__(self, sentence: str, index: int | None = None) -> None:
        self.index = index
        super().__init__(sentence)


class HiddenConflict(EventLogError):
    """A key that was used before, for a program that may not read the other append."""


def check_facts(visitor: Visitor, facts: Sequence[Fact]) -> None:
    """Raise NotAllowed for a fact that does not come in through this door."""
    token = visitor.token
    for index, fact in enumerate(facts):
        kind = kind_of(type(fact))
        if kind in BOOKKEEPING:
            raise NotAllowed(f"{kind} is for the log itself to say", index)
        if token is None:
            continue
        if kind in NAMING:
            raise NotAllowed(f"{kind} is for the household to say, not for a token", index)
        limits = token.limits
        if limits.kinds is not None and kind not in limits.kinds:
            raise NotAllowed(f"this token may not append {kind}", index)
        camera = getattr(fact, "camera_id", None)
        if camera is not None and limits.cameras is not None and camera not in limits.cameras:
            raise NotAllowed("this token may not append for this camera", index)
        if limits.cameras is not None and limits.kinds is None and kind in OF_NO_CAMERA:
            raise NotAllowed(f"this token appends for its cameras, and {kind} is of none", index)


def check_event(
    connection: sqlite3.Connection, token: Token, facts: Sequence[Fact], event_id: int | None
) -> None:
    """Raise NotAllowed where a token may not join an event: of another camera, or too old.

    Raises UnknownEvent if there is none. A token for some cameras names one in each fact, or
    joins an event of one.
    """
    limits = token.limits
    if event_id is None:
        if limits.cameras is not None and not any(hasattr(fact, "camera_id") for fact in facts):
            raise NotAllowed("this token may append for its cameras only, and no fact names one")
        return
    opener = journal.opener_of(connection, event_id)
    if opener is None:
        raise UnknownEvent(event_id)
    if limits.cameras is not None and _camera_of(opener) not in limits.cameras:
        raise NotAllowed("this token may not join an event of this camera")
    if limits.join_s is not None and _age_s(opener) > limits.join_s:
        raise NotAllowed("this event is too old for this token to join")


def stored_key(connection: sqlite3.Connection, token: Token, key: str) -> str:
    """The key that a token's append is kept under. Raises BadKey."""
    check_key(key)
    space = token.limits.key_space
    if space is not None and key.startswith(f"{space}:"):
        return key
    found = journal.meta_of_key(connection, key)
    if found is not None and codecs.decode_author(found[0]) is None:
        return key  # of before writers were kept: a feed finds what it appended then
    own = f"token:{token.id}:{key}"
    if len(own) > KEY_LENGTH_MAX:
        own = f"token:{token.id}:#{sha256(key.encode()).hexdigest()}"
    return own


def may_be_told(visitor: Visitor, key: str | None) -> bool:
    """Whether a visitor may know which append has a key: its own, or any if it may read."""
    token = visitor.token
    return token is None or token.may_read or (key or "").startswith(f"token:{token.id}:")


def check_own_key(key: str | None) -> None:
    """Raise NotAllowed for a key of an account that belongs to the log or to a token."""
    check_key(key)
    if key is not None and key.partition(":")[0] in RESERVED:
        raise NotAllowed(f"keys that begin with {key.partition(':')[0]}: are not for the API")


def _camera_of(opener: StoredRecord) -> str | None:
    try:
        camera = getattr(codecs.decode_record(opener).fact, "camera_id", None)
    except BadRecord:
        return None
    return camera if isinstance(camera, str) else None


def _age_s(opener: StoredRecord) -> float:
    """How long ago an event was opened; 0 if no clock can say it."""
    boot, clock_ns = clock.boot_id(), clock.boot_clock_ns()
    meta = None if boot is None else codecs.encode_meta({"boot": boot, "clock_ns": clock_ns})
    now = opener._replace(appended_at=clock.now_us(), meta=meta)
    return seconds_between(opener, now) or 0.0
