"""The story of one event, from its records: what was seen, and why the door opened or not.

Pure: takes an event's records in the order of the journal and answers sentences. Texts of the
facts (cameras, rules, labels) are quoted in them; what shows them escapes them. Knows
no table, no clock and no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import Detection, FaceResult, Fact, UnlockAction, happened_at, kind_of
from eventlog.projections import means
from eventlog.projections.late import summary
from eventlog.projections.outcomes import OPENINGS, Outcome, Settled, settle, strongest
from eventlog.projections.phrases import NO_NAMES, Names, counted, measured, quoted, shown_name
from eventlog.projections.sentences import text_of
from eventlog.record import Record, StoredRecord, instant, shape_error

ON_TIME: Final[Mapping[int, str]] = {}
ALL: Final = slice(None)

__all__ = ["Line", "Story", "Unread", "line", "read", "tell", "text_of"]


class Unread(Struct, frozen=True):
    """A record that this program can't read, and why."""

    position: int
    event_id: int | None
    appended_at_us: int
    kind: str
    reason: str


class Line(Struct, frozen=True):
    """One record as a line of the story.

    `at` is when it happened where the fact says so, else when it was appended; `happened` tells
    the two apart.
    """

    position: int
    kind: str
    at: datetime
    happened: bool
    text: str


class Story(Struct, frozen=True):
    """The sentence on top, the outcome of the request, and the lines in the journal's order."""

    sentence: str
    outcome: Outcome
    lines: tuple[Line, ...]


def read(stored: StoredRecord) -> Record | Unread:
    """A stored row as a record, or as one that can't be read; a damaged one has time 0."""
    wrong = shape_error(stored)
    if wrong is not None:
        return Unread(stored.position, None, 0, "damaged", wrong)
    try:
        instant(stored.appended_at)
        return codecs.decode_record(stored)
    except OverflowError:
        reason, at = "its time of append is not a date", 0
    except BadRecord as error:
        reason, at = error.reason, stored.appended_at
    return Unread(stored.position, stored.event_id, at, stored.kind, reason)


def tell(
    records: Sequence[Record | Unread],
    names: Names = NO_NAMES,
    late: Mapping[int, str] = ON_TIME,
    *,
    part: slice = ALL,
) -> Story:
    """The story of one event's records.

    `names` are the names to show for those of persons; `late` is what is to be said of each record
    that was added later, by position: see `late.remarks`. `part` is which records become lines.
    """
    known = [record for record in records if isinstance(record, Record)]
    sentence, became = _why(known, names)
    unread = len(records) - len(known)
    if unread:
        sentence += f" {counted(unread, 'record')} of the event can't be read."
    if late:
        sentence += f" {summary(late)}"
    return Story(sentence, became, tuple(line(record, names, late) for record in records[part]))


def relabelled(
    records: Sequence[Record | Unread], people: Mapping[int, str | None]
) -> list[Record | Unread]:
    """The records with the person whom the views show for an unlock action that names nobody.

    `people` is that person by the action's position: a slot's, once it is known whose it is.
    """
    return [
        replace(record, fact=replace(record.fact, person=people[record.position]))
        if isinstance(record, Record)
        and isinstance(record.fact, UnlockAction)
        and record.fact.person is None
        and people.get(record.position) is not None
        else record
        for record in records
    ]


def line(
    record: Record | Unread, names: Names = NO_NAMES, late: Mapping[int, str] = ON_TIME
) -> Line:
    """One record as a line; what `late` has for it follows its text."""
    appended_at = instant(record.appended_at_us)
    if isinstance(record, Unread):
        text = f"can't be read: {record.reason}{_remark(record, late)}"
        return Line(record.position, record.kind, appended_at, happened=False, text=text)
    fact = record.fact
    at = happened_at(fact)
    return Line(
        record.position,
        kind_of(type(fact)),
        appended_at if at is None else at,
        happened=at is not None,
        text=f"{text_of(fact, names)}{_remark(record, late)}",
    )


def _remark(record: Record | Unread, late: Mapping[int, str]) -> str:
    return f" ({late[record.position]})" if record.position in late else ""


# ── why the door opened, or did not ────────────────────────────────────────────────────────


def _why(records: Sequence[Record], names: Names) -> tuple[str, Outcome]:
    settled = [action for action in settle(records) if not action.confirms]
    if not settled:
        return f"Nothing asked the lock to act. {_seen([r.fact for r in records], names)}", "none"
    real = [action for action in settled if not action.fact.dry_run]
    granted = [action for action in real if action.fact.granted]
    unlocked = [action for action in granted if action.effect in OPENINGS]
    # The one that the door followed, else the last that was tried.
    decided = (unlocked or granted or real or settled)[-1]
    index = max(n for n, action in enumerate(settled) if action is decided)
    refused = sum(action.outcome == "refused" for action in settled[:index])
    head = _head(decided, refused, names)
    if unlocked and any(action.effect == "locked" for action in settled[index + 1 :]):
        head += ", and locked again"
    before = [r.fact for r in records if r.position < decided.record.position]
    because = _because(decided.fact, [fact for fact in before if isinstance(fact, FaceResult)])
    sentence = f"{head}: {because}." if because else f"{head}; why is not recorded."
    # The rule of the view `events`.
    return sentence, strongest(action.outcome for action in settled)


_ACTS: Final = {
    "pending": "and it is not confirmed that the door moved",
    "failed": "and the act failed",
    "timed_out": "and the act timed out",
    "unknown": "and what the act came to is not known",
}


def _head(action: Settled, refused: int, names: Names) -> str:
    decided, whom = action.fact, ""
    if decided.person is not None:
        whom = f" for {shown_name(decided.person, names)}"
    elif decided.actor == "face":
        whom = " for a stranger"
    if decided.dry_run:
        would = "would have" if decided.granted else "would not have"
        return f"The door {would} opened{whom} (trial mode)"
    if action.outcome == "refused":
        tries = f" in {refused + 1} tries" if refused else ""
        return f"The door was not unlocked{whom}{tries}"
    after = f" after {counted(refused, 'refused try', 'refused tries')}" if refused else ""
    if action.act in _ACTS:
        return f"An unlock was granted{whom}{after}, {_ACTS[action.act]}"
    if decided.granted and action.effect == "none":
        return f"An unlock was granted{whom}, and what the door did is not known"
    without = "" if decided.granted or decided.door_action == "locked" else " without a grant"
    return f"The door was {action.effect}{whom}{without}{after}"


def _because(decided: UnlockAction, faces: Sequence[FaceResult]) -> str:
    """Who asked, what was measured, and the rule; "" if nothing of it is known."""
    face = _face_behind(decided, faces)
    how = measured(
        decided.distance if decided.distance is not None or face is None else face.distance,
        None if face is None else face.tolerance,
        None if face is None else face.score,
        decided.confidence if decided.confidence is not None or face is None else face.confidence,
    )
    asked = "" if decided.actor is None else f"asked{means.by(decided.actor)}"
    rule = "" if decided.rule is None else f"rule: {quoted(decided.rule)}"
    return "; ".join(part for part in (", ".join(filter(None, (asked, how))), rule) if part)


def _face_behind(decided: UnlockAction, faces: Sequence[FaceResult]) -> FaceResult | None:
    """The face that an action was decided by: of the same person, with its distance, or nearest.

    None for an action that something else than a face asked for, unless it names a distance.
    """
    if decided.actor not in {"face", None} and decided.distance is None:
        return None
    same = [face for face in faces if face.name == decided.person]
    exact = [face for face in same if face.distance == decided.distance]
    if decided.distance is not None:
        return exact[-1] if exact else None
    return min(same, key=_nearness, default=None)


def _nearness(face: FaceResult) -> tuple[bool, float]:
    return (face.distance is None, face.distance or 0.0)


def _seen(facts: Sequence[Fact], names: Names) -> str:
    faces = [fact for fact in facts if isinstance(fact, FaceResult)]
    recognised = dict.fromkeys(
        shown_name(face.name, names) for face in faces if face.name is not None
    )
    if recognised:
        return f"{' and '.join(recognised)} {'was' if len(recognised) == 1 else 'were'} recognised."
    labels = dict.fromkeys(quoted(fact.label) for fact in facts if isinstance(fact, Detection))
    seen = [*(["a stranger's face"] if faces else []), *labels]
    return f"Seen: {', '.join(seen)}." if seen else "Nothing is known of who or what was there."
