"""One sentence for each kind of fact.

Texts of the facts (cameras, rules, labels) are quoted unless they are one plain word; what
shows a sentence escapes it. A sealed name is called that. Knows one fact at a time: no table, no
clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from eventlog.facts import (
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    CredentialPresented,
    Detection,
    DeviceState,
    Ding,
    DoorState,
    EraBegun,
    FaceEnrolled,
    FaceResult,
    Fact,
    HeadSeen,
    HeadWitnessed,
    IdentityLinked,
    LockState,
    Motion,
    Observation,
    PartBack,
    PartStopped,
    PersonErased,
    PersonNamed,
    PictureRemoved,
    RuleArmed,
    Score,
    Sealed,
    SigningKey,
    SourceBack,
    SourceSilent,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
    VisitEnded,
)
from eventlog.projections.outcomes import outcome
from eventlog.projections.times import canonical

Names: TypeAlias = Mapping[str, str]
Name: TypeAlias = str | Sealed

NO_NAMES: Final[Names] = {}


def text_of(fact: Fact, names: Names = NO_NAMES) -> str:
    """What a fact says, in one line. `names` are the names to show for those of persons."""
    return SENTENCES[type(fact)](fact, names)


# ── parts of sentences ─────────────────────────────────────────────────────────────────────


def measured(
    distance: float | None, tolerance: float | None, score: Score | None, confidence: float | None
) -> str:
    """A face's measure: the distance against its tolerance, else a score, else a confidence."""
    if distance is not None and tolerance is not None:
        near, limit = number(distance), number(tolerance)
        if near == limit and distance != tolerance:
            near, limit = repr(distance), repr(tolerance)
        where = "within" if distance <= tolerance else "beyond"
        return f"distance {near} {where} the tolerance of {limit}"
    if distance is not None:
        return f"distance {number(distance)}"
    if score is not None:
        return f"score {number(score.value)} ({score.scale})"
    return "" if confidence is None else f"confidence {percent(confidence)}"


def shown_name(name: Name, names: Names) -> str:
    """The name to show for a person's; the words for a sealed one."""
    return (names.get(name) or _plain_name(name)) if isinstance(name, str) else str(name)


def recorded_as(name: str, display_name: str | None) -> str:
    """A person's name to show, with the recorded one where they differ by more than capitals."""
    shown = display_name or name
    if shown.casefold() == name.casefold():
        return shown
    return f"{shown} (recorded as {name})"


def _plain(name: Name) -> str:
    return _plain_name(name) if isinstance(name, str) else str(name)


def _plain_name(name: str) -> str:
    """A name as it is where it has letters, spaces and what names have; else in quotes."""
    return name if all(c.isalnum() or c in " .'_-@" for c in name) else quoted(name)


def number(value: float) -> str:
    """Four digits that count."""
    return f"{value:.4g}"


def percent(value: float) -> str:
    """A part of one as a percentage."""
    return f"{value * 100:.0f} %"


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def quoted(text: str) -> str:
    """A text from outside in a sentence of ours: one plain word as it is, all else in quotes.

    So no rule, actor or label can go on in the log's own voice.
    """
    if _WORD.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_WORD: Final = re.compile(r"\w(?:[\w.+/-]{0,62}\w)?")


def _with(label: str, value: object) -> str:
    if value is None:
        return ""
    return f"{label}{quoted(value) if isinstance(value, str) else value}"


def _listed(parts: list[str]) -> str:
    known = [part for part in parts if part]
    return f" ({', '.join(known)})" if known else ""


def _utc(moment: datetime) -> str:
    return f"{canonical(moment)} UTC"


# ── a visit ────────────────────────────────────────────────────────────────────────────────

_MEDIA: Final = {"sound": "Heard", "image": "Noticed", "by_hand": "Entered by hand"}


def _motion(fact: Motion, _: Names) -> str:
    return f"Something moved at {quoted(fact.camera_id)}"


def _ding(fact: Ding, _: Names) -> str:
    return f"Somebody rang at {quoted(fact.camera_id)}"


def _observation(fact: Observation, _: Names) -> str:
    return f"{_MEDIA[fact.medium]} at {quoted(fact.camera_id)}: {quoted(fact.label)}"


def _detection(fact: Detection, names: Names) -> str:
    sure = "" if fact.confidence is None else f", {percent(fact.confidence)} sure"
    plate = "" if fact.plate is None else f"plate {shown_name(fact.plate, names)}"
    where = f"in {' and '.join(map(quoted, fact.zones))}" if fact.zones else ""
    more = _listed(["" if fact.sub_label is None else quoted(fact.sub_label), plate, where])
    return f"Seen: {quoted(fact.label)}{more}{sure}{_with(', by ', fact.model)}"


def _face(fact: FaceResult, names: Names) -> str:
    who = "a stranger" if fact.name is None else shown_name(fact.name, names)
    if fact.given_by == "person":
        return f"Face: {who}, said by a person"
    how = measured(fact.distance, fact.tolerance, fact.score, fact.confidence)
    limit = _with("threshold ", None if fact.threshold is None else number(fact.threshold))
    near = "" if fact.nearest is None else f"nearest: {shown_name(fact.nearest, names)}"
    text = ", ".join(part for part in (who, how, limit, near) if part)
    return f"Face: {text}{_with(', by ', fact.model)}"


def _action(fact: UnlockAction, names: Names) -> str:
    by = _with(" by ", fact.actor)
    which = "" if fact.door_id is None else f" ({quoted(fact.door_id)})"
    who = "" if fact.person is None else f" for {shown_name(fact.person, names)}"
    why = _with("; reason: ", fact.reason) + _with("; rule: ", fact.rule)
    why = _credential(fact.credential_kind, fact.credential_slot, fact.user_ref, names) + why
    became = outcome(fact)
    if fact.dry_run:
        would = "would have opened" if fact.granted else "would not have opened"
        return f"The door{which} {would}{who} (trial mode){_with('; asked by ', fact.actor)}{why}"
    if fact.door_action == "locked":
        return f"Door locked{which}{by}{who}{why}"
    if became == "none":  # it says nothing of a grant
        return f"Door {fact.door_action}{which}{by}{who}{why}"
    did = "" if fact.door_action == "none" else f", {_did(fact)}"
    return f"Asked to unlock{which}{by}{who}: {became}{did}{why}"


def _did(fact: UnlockAction) -> str:
    return fact.door_action if fact.intent is None else "the act is to follow"


def _credential(kind: str | None, slot: int | None, user: Name | None, names: Names) -> str:
    user_text = "" if user is None else f"user {shown_name(user, names)}"
    return _listed(["" if kind is None else quoted(kind), _with("slot ", slot), user_text])


def _thumbnail(fact: ThumbnailSaved, _: Names) -> str:
    size = ""
    if fact.width_px is not None and fact.height_px is not None:
        size = f"{fact.width_px} × {fact.height_px} pixels"  # noqa: RUF001 - as one writes it
    weight = "" if fact.size_bytes is None else f"{fact.size_bytes / 1000:.1f} kB"
    return f"Picture saved: {quoted(fact.path)}{_listed([size, weight])}"


def _visit_ended(fact: VisitEnded, _: Names) -> str:
    reasons = {
        "quiet": "nothing moved any more",
        "longest": "it had lasted as long as a visit may",
        "source": "its source said so",
        "source_silent": "its source went silent",
        "stopped": "the program stopped",
    }
    answered = {True: "answered", False: "not answered", None: ""}[fact.answered]
    skipped = "" if fact.skipped is None else f"{fact.skipped} skipped"
    skipped += _with(": ", fact.why_skipped) if skipped else ""
    frames = "" if fact.frames is None else counted(fact.frames, "frame")
    looked = "" if fact.looked is None else f"{fact.looked} looked at"
    return f"Visit ended: {reasons[fact.reason]}{_listed([answered, frames, looked, skipped])}"


def _outcome(fact: ActuatorOutcome, _: Names) -> str:
    words = {"done": "done", "failed": "failed", "timed_out": "timed out", "unknown": "not known"}
    took = "" if fact.took_ms is None else f"{fact.took_ms} ms"
    detail = "" if fact.detail is None else quoted(fact.detail)
    return f"The act: {words[fact.outcome]}{_listed([took, detail])}"


def _presented(fact: CredentialPresented, names: Names) -> str:
    which = _with(" at ", fact.door_id)
    who = "" if fact.person is None else f" of {shown_name(fact.person, names)}"
    slot = _credential(None, fact.credential_slot, fact.user_ref, names)
    why = _with("; reason: ", fact.reason)
    return (
        f"Shown{which}: a {quoted(fact.credential_kind)}{who}{slot}; nothing was opened by it{why}"
    )


# ── alerts and pictures ────────────────────────────────────────────────────────────────────


def _intended(fact: AlertIntended, _: Names) -> str:
    what = "Alert" if fact.revision == 0 else f"Update {fact.revision} of an alert"
    about = f", about {counted(len(fact.covers), 'record')}" if fact.covers else ""
    return f"{what} to be sent by {quoted(fact.channel)}{about}; rule: {quoted(fact.rule)}"


def _alert(fact: AlertSent, _: Names) -> str:
    words = {
        None: "Alert sent",
        "sent": "Alert sent",
        "refused": "Alert refused",
        "gave_up": "Alert given up",
        "unknown": "Alert perhaps sent",
    }
    update = "" if not fact.revision else f"update {fact.revision}"
    tries = "" if fact.tries is None else counted(fact.tries, "try", "tries")
    by = _with(" by ", fact.channel)
    return f"{words[fact.outcome]}{by}{_listed([update, tries])}{_with('; rule: ', fact.rule)}"


def _removed(fact: PictureRemoved, _: Names) -> str:
    why = {
        "forgotten": "its person was forgotten",
        "age": "it was too old",
        "bytes": "to make room",
        "asked": "somebody asked for it",
    }
    return f"Picture removed: {quoted(fact.path)}; {why[fact.reason]}"


def _enrolled(fact: FaceEnrolled, names: Names) -> str:
    did = "taken back from" if fact.removed else "given to"
    return f"A face of {shown_name(fact.person, names)} was {did} {quoted(fact.model)}"


# ── doors and devices ──────────────────────────────────────────────────────────────────────


def _lock(fact: LockState, _: Names) -> str:
    state = fact.state.replace("_", " ")
    return f"Lock {quoted(fact.door_id)} is {_known(state)}, reported by {quoted(fact.source)}"


def _door(fact: DoorState, _: Names) -> str:
    state = fact.state.replace("_", " ")
    return f"Door {quoted(fact.door_id)} is {_known(state)}, reported by {quoted(fact.source)}"


def _device(fact: DeviceState, _: Names) -> str:
    value = "" if fact.value is None else f" ({number(fact.value)})"
    return f"Device {quoted(fact.device_id)}: {quoted(fact.what)} is {quoted(fact.state)}{value}"


def _known(state: str) -> str:
    return "in a state that is not known" if state == "unknown" else state


# ── people ─────────────────────────────────────────────────────────────────────────────────


def _named(fact: PersonNamed, _: Names) -> str:
    return f"{_plain(fact.name)} is shown as {_plain(fact.display_name or fact.name)}"


def _linked(fact: IdentityLinked, names: Names) -> str:
    who = shown_name(fact.person, names)
    if fact.same_as is not None:
        verb = "are one person" if fact.linked else "are two persons"
        return f"{who} and {_plain(fact.same_as)} {verb}"
    other = "an identity" if fact.identity is None else _plain(fact.identity)
    return f"{who} is {'' if fact.linked else 'not '}{other}{_with(' of ', fact.source)}"


def _erased(fact: PersonErased, _: Names) -> str:
    why = fact.reason.replace("_", " ")
    return f"{counted(len(fact.sealed), 'sealed name')} erased: {why}"


# ── the recorder itself ────────────────────────────────────────────────────────────────────


def _unclean(fact: UncleanStop, _: Names) -> str:
    ended = f"The recorder had not been closed; the journal ended at {fact.journal_position}"
    head = fact.head_position
    if head is None or head <= fact.journal_position:
        return ended
    return f"{ended}, and {counted(head - fact.journal_position, 'record')} after it are lost"


def _silent(fact: SourceSilent, _: Names) -> str:
    return f"Nothing from {quoted(fact.source)} since {_utc(fact.since)}: {fact.reason}"


def _back(fact: SourceBack, _: Names) -> str:
    reconciled = "" if fact.reconciled is None else f"{fact.reconciled} read from its history"
    late = "" if fact.late is None else f"{fact.late} late"
    return f"{quoted(fact.source)} is heard again, silent until {_utc(fact.until)}" + _listed(
        [reconciled, late]
    )


def _stopped(fact: PartStopped, _: Names) -> str:
    times = counted(fact.restarts, "restart")
    return f"{quoted(fact.part)} stopped: {quoted(fact.error)} (after {times})"


def _running(fact: PartBack, _: Names) -> str:
    return f"{quoted(fact.part)} runs again (after {counted(fact.restarts, 'restart')})"


def _armed(fact: RuleArmed, names: Names) -> str:
    people = [shown_name(person, names) for person in fact.people]
    about = f" (people: {', '.join(people)})" if people else ""
    return f"Rule {fact.rule} is in force{about}"


def _key(fact: SigningKey, _: Names) -> str:
    name = fact.vkey.split("+", 1)[0][:64]
    return f"Signing key {'retired' if fact.retired else 'in use'}: {name}"


def _era(fact: EraBegun, _: Names) -> str:
    why = {
        "restored": "a backup was restored",
        "lost": "records were lost",
        "key_lost": "the signing key was lost",
    }
    size = "" if fact.previous_size is None else f", after {counted(fact.previous_size, 'record')}"
    return f"Era {fact.era} of the log begins{size}: {why[fact.reason]}"


def _witnessed(fact: HeadWitnessed, _: Names) -> str:
    return f"Head of {counted(fact.size, 'record')} witnessed by {fact.witness}"


def _head_seen(fact: HeadSeen, _: Names) -> str:
    return f"Head of {fact.name} seen: {counted(fact.size, 'record')}"


SENTENCES: Final[dict[type, Callable[[Any, Names], str]]] = {
    Motion: _motion,
    Ding: _ding,
    Observation: _observation,
    Detection: _detection,
    FaceResult: _face,
    UnlockAction: _action,
    ThumbnailSaved: _thumbnail,
    VisitEnded: _visit_ended,
    AlertIntended: _intended,
    AlertSent: _alert,
    ActuatorOutcome: _outcome,
    CredentialPresented: _presented,
    PictureRemoved: _removed,
    FaceEnrolled: _enrolled,
    LockState: _lock,
    DoorState: _door,
    DeviceState: _device,
    PersonNamed: _named,
    IdentityLinked: _linked,
    PersonErased: _erased,
    UncleanStop: _unclean,
    SourceSilent: _silent,
    SourceBack: _back,
    PartStopped: _stopped,
    PartBack: _running,
    RuleArmed: _armed,
    SigningKey: _key,
    EraBegun: _era,
    HeadWitnessed: _witnessed,
    HeadSeen: _head_seen,
}
