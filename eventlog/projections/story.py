"""The story of one event, from its records: why the door opened or did not, and what was seen.

Pure: takes an event's records in the order of the journal and answers sentences. Texts of the
facts (names, cameras, rules) stand in them as they are; whoever shows them escapes them. Knows
no table, no clock and no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, assert_never

from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import (
    AlertSent,
    Detection,
    Ding,
    FaceResult,
    Fact,
    Motion,
    PersonNamed,
    Score,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
    kind_of,
)
from eventlog.projections.unlock_actions import Outcome, outcome
from eventlog.record import Record, StoredRecord, instant, shape_error

NO_NAMES: Final[Mapping[str, str]] = {}


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
    """The sentence on top, what became of the asking, and the lines in the journal's order."""

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
        reason, at = "its time of append is no date", 0
    except BadRecord as error:
        reason, at = error.reason, stored.appended_at
    return Unread(stored.position, stored.event_id, at, stored.kind, reason)


def tell(records: Sequence[Record | Unread], names: Mapping[str, str] = NO_NAMES) -> Story:
    """The story of one event's records. `names` are the names to show for those of persons."""
    known = [record for record in records if isinstance(record, Record)]
    sentence, became = _why(known, names)
    unread = len(records) - len(known)
    if unread:
        sentence += f" {_counted(unread, 'record')} of the event can't be read."
    return Story(sentence, became, tuple(line(record, names) for record in records))


def line(record: Record | Unread, names: Mapping[str, str] = NO_NAMES) -> Line:
    """One record as a line."""
    appended_at = instant(record.appended_at_us)
    if isinstance(record, Unread):
        text = f"can't be read: {record.reason}"
        return Line(record.position, record.kind, appended_at, happened=False, text=text)
    fact = record.fact
    at = None if isinstance(fact, PersonNamed | UncleanStop) else fact.recorded_at
    return Line(
        record.position,
        kind_of(type(fact)),
        appended_at if at is None else at,
        happened=at is not None,
        text=text_of(fact, names),
    )


# ── why the door opened, or did not ────────────────────────────────────────────────────────


def _why(records: Sequence[Record], names: Mapping[str, str]) -> tuple[str, Outcome]:
    actions = [r for r in records if isinstance(r.fact, UnlockAction)]
    if not actions:
        return f"Nothing asked the lock to act. {_seen([r.fact for r in records], names)}", "none"
    asked = [r.fact for r in actions if isinstance(r.fact, UnlockAction)]
    granted = [fact for fact in asked if fact.granted]
    unlocked = [fact for fact in granted if fact.door_action == "unlocked"]
    # The one that the door followed, else the last that was tried.
    decided = (unlocked or granted or asked)[-1]
    index = max(n for n, fact in enumerate(asked) if fact is decided)
    refused = sum(outcome(fact) == "refused" for fact in asked[:index])
    head = _head(decided, refused, names)
    if unlocked and any(fact.door_action == "locked" for fact in asked[index + 1 :]):
        head += ", and locked again"
    before = [r.fact for r in records if r.position < actions[index].position]
    because = _because(decided, [fact for fact in before if isinstance(fact, FaceResult)])
    sentence = f"{head}: {because}." if because else f"{head}; why is not recorded."
    # The rule of the view `events`: granted outweighs refused, and refused what only locked.
    outcomes = {outcome(fact) for fact in asked}
    became: Outcome = "none"
    if outcomes & {"granted", "refused"}:
        became = "granted" if "granted" in outcomes else "refused"
    return sentence, became


def _head(decided: UnlockAction, refused: int, names: Mapping[str, str]) -> str:
    whom = ""
    if decided.person is not None:
        whom = f" for {_shown(decided.person, names)}"
    elif decided.actor == "face":
        whom = " for a stranger"
    if outcome(decided) == "refused":
        tries = f" in {refused + 1} tries" if refused else ""
        return f"The door was not unlocked{whom}{tries}"
    if decided.granted and decided.door_action == "none":
        return f"An unlock was granted{whom}, and what the door did is not known"
    after = f" after {_counted(refused, 'refused try', 'refused tries')}" if refused else ""
    without = "" if decided.granted or decided.door_action == "locked" else " without a grant"
    return f"The door was {decided.door_action}{whom}{without}{after}"


def _because(decided: UnlockAction, faces: Sequence[FaceResult]) -> str:
    """Who asked, what was measured, and the rule; "" where none of it is known."""
    face = _face_behind(decided, faces)
    measured = _measured(
        decided.distance if decided.distance is not None or face is None else face.distance,
        None if face is None else face.tolerance,
        None if face is None else face.score,
        decided.confidence if decided.confidence is not None or face is None else face.confidence,
    )
    asked = "" if decided.actor is None else f"asked by {decided.actor}"
    rule = "" if decided.rule is None else f"rule: {decided.rule}"
    return "; ".join(part for part in (", ".join(filter(None, (asked, measured))), rule) if part)


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


def _seen(facts: Sequence[Fact], names: Mapping[str, str]) -> str:
    faces = [fact for fact in facts if isinstance(fact, FaceResult)]
    recognised = dict.fromkeys(_shown(face.name, names) for face in faces if face.name is not None)
    if recognised:
        return f"{' and '.join(recognised)} {'was' if len(recognised) == 1 else 'were'} recognised."
    labels = dict.fromkeys(fact.label for fact in facts if isinstance(fact, Detection))
    seen = [*(["a stranger's face"] if faces else []), *labels]
    return f"Seen: {', '.join(seen)}." if seen else "Nothing is known of who or what was there."


# ── one fact in words ──────────────────────────────────────────────────────────────────────


def text_of(fact: Fact, names: Mapping[str, str] = NO_NAMES) -> str:
    """What a fact says, in one line."""
    match fact:
        case Motion():
            text = f"Something moved at {fact.camera_id}"
        case Ding():
            text = f"Somebody rang at {fact.camera_id}"
        case Detection():
            text = f"Seen: {fact.label}, {_percent(fact.confidence)} sure{_by_model(fact.model)}"
        case FaceResult():
            text = _face(fact, names)
        case UnlockAction():
            text = _action(fact, names)
        case ThumbnailSaved():
            text = f"Picture saved: {fact.path}{_size(fact)}"
        case AlertSent():
            text = "Alert sent" if fact.channel is None else f"Alert sent by {fact.channel}"
        case PersonNamed():
            text = f"{fact.name} is shown as {fact.display_name or fact.name}"
        case UncleanStop():
            text = _unclean(fact)
        case _:
            assert_never(fact)
    return text


def _face(fact: FaceResult, names: Mapping[str, str]) -> str:
    who = "a stranger" if fact.name is None else _shown(fact.name, names)
    measured = _measured(fact.distance, fact.tolerance, fact.score, fact.confidence)
    return f"Face: {who}{', ' if measured else ''}{measured}{_by_model(fact.model)}"


def _action(fact: UnlockAction, names: Mapping[str, str]) -> str:
    who = "" if fact.person is None else f" for {_shown(fact.person, names)}"
    by = "" if fact.actor is None else f" by {fact.actor}"
    which = "" if fact.door_id is None else f" ({fact.door_id})"
    rule = "" if fact.rule is None else f"; rule: {fact.rule}"
    did = "" if fact.door_action == "none" else f", {fact.door_action}"
    if outcome(fact) == "none":  # it locked the door, or says nothing of a grant
        return f"Door {fact.door_action}{which}{by}{who}{rule}"
    return f"Asked to unlock{which}{by}{who}: {outcome(fact)}{did}{rule}"


def _unclean(fact: UncleanStop) -> str:
    ended = f"The recorder had not been closed; the journal ended at {fact.journal_position}"
    head = fact.head_position
    if head is None or head <= fact.journal_position:
        return ended
    return f"{ended}, and {_counted(head - fact.journal_position, 'record')} after it are lost"


def _measured(
    distance: float | None, tolerance: float | None, score: Score | None, confidence: float | None
) -> str:
    """A face's measure: the distance against its tolerance, else a score, else a confidence."""
    if distance is not None and tolerance is not None:
        near, limit = _number(distance), _number(tolerance)
        if near == limit and distance != tolerance:
            near, limit = repr(distance), repr(tolerance)
        where = "within" if distance <= tolerance else "beyond"
        return f"distance {near} {where} the tolerance of {limit}"
    if distance is not None:
        return f"distance {_number(distance)}"
    if score is not None:
        return f"score {_number(score.value)} ({score.scale})"
    return "" if confidence is None else f"confidence {_percent(confidence)}"


def _size(fact: ThumbnailSaved) -> str:
    parts = []
    if fact.width_px is not None and fact.height_px is not None:
        parts.append(f"{fact.width_px} × {fact.height_px} pixels")  # noqa: RUF001 - as one writes it
    if fact.size_bytes is not None:
        parts.append(f"{fact.size_bytes / 1000:.1f} kB")
    return f" ({', '.join(parts)})" if parts else ""


def _by_model(model: str | None) -> str:
    return "" if model is None else f", by {model}"


def _shown(name: str, names: Mapping[str, str]) -> str:
    return names.get(name, name)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _percent(value: float) -> str:
    return f"{value * 100:.0f} %"


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
