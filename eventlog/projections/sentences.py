"""One sentence for each kind of fact; those of no visit are in `standalone_sentences.py`.

Texts of the facts (cameras, rules, labels) are quoted unless they are one plain word; what
shows a sentence escapes it. A sealed name is called that. Knows one fact at a time: no table, no
clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from eventlog.facts import (
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    CredentialPresented,
    Detection,
    Ding,
    FaceEnrolled,
    FaceResult,
    Fact,
    Motion,
    Observation,
    PictureRemoved,
    ThumbnailSaved,
    UnlockAction,
    VisitEnded,
)
from eventlog.projections import means, standalone_sentences
from eventlog.projections.outcomes import OPENINGS, outcome
from eventlog.projections.phrases import (
    NO_NAMES,
    Name,
    Names,
    counted,
    in_brackets,
    labelled,
    measured,
    number,
    percent,
    quoted,
    shown_name,
)


def text_of(fact: Fact, names: Names = NO_NAMES) -> str:
    """What a fact says, in one line. `names` are the names to show for those of persons."""
    return SENTENCES[type(fact)](fact, names)


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
    more = in_brackets(["" if fact.sub_label is None else quoted(fact.sub_label), plate, where])
    return f"Seen: {quoted(fact.label)}{more}{sure}{labelled(', by ', fact.model)}"


def _face(fact: FaceResult, names: Names) -> str:
    who = "a stranger" if fact.name is None else shown_name(fact.name, names)
    if fact.given_by == "person":
        return f"Face: {who}, said by a person"
    how = measured(fact.distance, fact.tolerance, fact.score, fact.confidence)
    limit = labelled("threshold ", None if fact.threshold is None else number(fact.threshold))
    near = "" if fact.nearest is None else f"nearest: {shown_name(fact.nearest, names)}"
    text = ", ".join(part for part in (who, how, limit, near) if part)
    return f"Face: {text}{labelled(', by ', fact.model)}"


def _action(fact: UnlockAction, names: Names) -> str:
    by = means.by(fact.actor)
    which = "" if fact.door_id is None else f" ({quoted(fact.door_id)})"
    who = "" if fact.person is None else f" for {shown_name(fact.person, names)}"
    why = labelled("; reason: ", fact.reason) + labelled("; rule: ", fact.rule)
    became = outcome(fact)
    if became == "granted" and _by_credential(fact):
        name = None if fact.person is None else shown_name(fact.person, names)
        user = _credential(None, None, fact.user_ref, names)
        said = means.opened(
            name, fact.door_action, fact.actor, fact.credential_kind, fact.credential_slot
        )
        return f"{said}{which}{user}{why}"
    why = _credential(fact.credential_kind, fact.credential_slot, fact.user_ref, names) + why
    if fact.dry_run:
        would = "would have opened" if fact.granted else "would not have opened"
        asked = f"; asked{by}" if by else ""
        return f"The door{which} {would}{who} (trial mode){asked}{why}"
    if fact.door_action == "locked":
        return f"Door locked{which}{by}{who}{why}"
    if became == "none":  # it says nothing of a grant
        return f"Door {fact.door_action}{which}{by}{who}{why}"
    did = "" if fact.door_action == "none" else f", {_did(fact)}"
    return f"Asked to unlock{which}{by}{who}: {became}{did}{why}"


def _by_credential(fact: UnlockAction) -> bool:
    """Whether a lock says that somebody opened it with something of theirs."""
    has = fact.credential_kind is not None or fact.credential_slot is not None
    return has and fact.intent is None and fact.door_action in OPENINGS and fact.actor != "face"


def _did(fact: UnlockAction) -> str:
    return fact.door_action if fact.intent is None else "the act is to follow"


def _credential(kind: str | None, slot: int | None, user: Name | None, names: Names) -> str:
    user_text = "" if user is None else f"user {shown_name(user, names)}"
    return in_brackets(["" if kind is None else quoted(kind), labelled("slot ", slot), user_text])


def _thumbnail(fact: ThumbnailSaved, _: Names) -> str:
    size = ""
    if fact.width_px is not None and fact.height_px is not None:
        size = f"{fact.width_px} × {fact.height_px} pixels"  # noqa: RUF001 - as one writes it
    weight = "" if fact.size_bytes is None else f"{fact.size_bytes / 1000:.1f} kB"
    return f"Picture saved: {quoted(fact.path)}{in_brackets([size, weight])}"


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
    skipped += labelled(": ", fact.why_skipped) if skipped else ""
    frames = "" if fact.frames is None else counted(fact.frames, "frame")
    looked = "" if fact.looked is None else f"{fact.looked} looked at"
    return f"Visit ended: {reasons[fact.reason]}{in_brackets([answered, frames, looked, skipped])}"


def _outcome(fact: ActuatorOutcome, _: Names) -> str:
    words = {"done": "done", "failed": "failed", "timed_out": "timed out", "unknown": "not known"}
    took = "" if fact.took_ms is None else f"{fact.took_ms} ms"
    detail = "" if fact.detail is None else quoted(fact.detail)
    return f"The act: {words[fact.outcome]}{in_brackets([took, detail])}"


def _presented(fact: CredentialPresented, names: Names) -> str:
    which = labelled(" at ", fact.door_id)
    who = "" if fact.person is None else f" of {shown_name(fact.person, names)}"
    slot = _credential(None, fact.credential_slot, fact.user_ref, names)
    why = labelled("; reason: ", fact.reason)
    what = means.a_credential(fact.credential_kind)
    return f"Shown{which}: {what}{who}{slot}; nothing was opened by it{why}"


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
    by = labelled(" by ", fact.channel)
    return (
        f"{words[fact.outcome]}{by}{in_brackets([update, tries])}{labelled('; rule: ', fact.rule)}"
    )


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
    **standalone_sentences.SENTENCES,
}
