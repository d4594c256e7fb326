"""What the row of an event must be, straight from the rules, from the facts alone.

Written record by record, without a batch, a merge or SQL, and with none of the views' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from eventlog.facts import (
    ActuatorOutcome,
    AlertSent,
    Ding,
    FaceResult,
    IdentityLinked,
    LockState,
    Observation,
    PictureRemoved,
    ThumbnailSaved,
    UnlockAction,
    VisitEnded,
)
from eventlog.record import Record, instant

_OPENED: Final = {"unlocked", "unlatched"}


def text(moment: datetime) -> str:
    """Canonical ISO 8601, in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()


def own_time(record: Record) -> datetime:
    """When it happened, as the fact says, else when it was appended."""
    moment: datetime | None = getattr(record.fact, "recorded_at", None)
    return moment or instant(record.appended_at_us)


def is_act(record: Record) -> bool:
    """Whether an unlock action announces an act."""
    fact = record.fact
    granted = isinstance(fact, UnlockAction) and fact.granted and not fact.dry_run
    return granted and getattr(fact, "intent", None) is not None


def opened_door(record: Record) -> str | None:
    """The door that a lock reports to have opened."""
    fact = record.fact
    if isinstance(fact, LockState):
        return fact.door_id if fact.state in _OPENED else None
    if isinstance(fact, UnlockAction) and fact.intent is None and not fact.dry_run:
        return fact.door_id if fact.door_action in _OPENED else None
    return None


def confirmed_by(records: Sequence[Record], report: Record) -> list[Record]:
    """The acts that a report confirms."""
    door = opened_door(report)
    if door is None:
        return []
    return [
        act
        for act in records
        if is_act(act)
        and act.position < report.position
        and getattr(act.fact, "door_id", None) == door
        and timedelta(0) <= own_time(report) - own_time(act) <= timedelta(seconds=10)
    ]


def act_of(records: Sequence[Record], act: Record) -> str:
    """The state of an act after all records."""
    if any(act in confirmed_by(records, report) for report in records):
        return "done"
    outcomes = [
        r.fact.outcome
        for r in records
        if isinstance(r.fact, ActuatorOutcome)
        and r.fact.intent == getattr(act.fact, "intent", None)
        and r.position > act.position
    ]
    if not outcomes:
        return "pending"
    return "done" if "done" in outcomes else outcomes[-1]


def action_of(records: Sequence[Record], record: Record) -> tuple[str, str | None]:
    """What an unlock action came to, and what the door did by it (None: nothing is known)."""
    fact = record.fact
    assert isinstance(fact, UnlockAction)
    if fact.dry_run:
        return "trial", None
    if is_act(record):
        stands = act_of(records, record)
        if stands == "done":
            return "granted", "unlocked" if fact.door_action == "none" else fact.door_action
        return ("granted" if stands == "pending" else stands), None
    did = "none" if fact.intent is not None else fact.door_action
    if fact.granted:
        return "granted", did
    return ("refused" if fact.door_action == "none" else "none"), did


def face_of(own: Sequence[Record]) -> FaceResult | None:
    """The face that an event shows."""
    results = [r for r in own if isinstance(r.fact, FaceResult)]
    by_person = [r for r in results if getattr(r.fact, "given_by", None) == "person"]
    if by_person:
        fact = max(by_person, key=lambda r: (own_time(r), r.position)).fact
        assert isinstance(fact, FaceResult)
        return fact
    counted = []
    for r in results:
        track = getattr(r.fact, "track", None)
        same = [o for o in results if track is not None and getattr(o.fact, "track", None) == track]
        if not same or max(same, key=lambda o: (own_time(o), o.position)) is r:
            counted.append(r.fact)
    known = [fact for fact in counted if getattr(fact, "name", None) is not None]
    # min() keeps the first of equals, which is the lower position.
    best: Any = min(
        known or counted,
        key=lambda fact: (
            getattr(fact, "distance", None) is None,
            getattr(fact, "distance", None) or 0.0,
        ),
        default=None,
    )
    return best  # type: ignore[no-any-return]  # a face result


def listed(opener: Record) -> dict[str, Any]:
    """Where a list shows an event whose records have no machine clocks."""
    ahead = own_time(opener) - instant(opener.appended_at_us) > timedelta(days=1)
    at = instant(opener.appended_at_us) if ahead else own_time(opener)
    return {"listed_at": text(at), "clock": "ahead" if ahead else None}


def links(records: Sequence[Record]) -> list[IdentityLinked]:
    """The links that hold after all records, in the order of the journal."""
    latest: dict[tuple[Any, ...], Record] = {}
    for r in records:
        fact = r.fact
        if isinstance(fact, IdentityLinked):
            names: tuple[Any, ...] = (str(fact.person), fact.source, str(fact.identity))
            if fact.same_as is not None:
                names = tuple(sorted((str(fact.person), str(fact.same_as))))
            latest[names] = r
    kept = sorted(latest.values(), key=lambda r: r.position)
    return [r.fact for r in kept if isinstance(r.fact, IdentityLinked) and r.fact.linked]


def name_to_show(records: Sequence[Record], name: str | None) -> str | None:
    """The name that a name is the same as, in one step."""
    same = [link.person for link in links(records) if str(link.same_as) == name and link.same_as]
    return str(same[-1]) if same and name is not None else name


def person_of(records: Sequence[Record], action: UnlockAction) -> str | None:
    """Whom an action names, by its name, its user or its slot."""
    if action.person is not None:
        return name_to_show(records, str(action.person))
    slots = (str(action.credential_slot), f"slot {action.credential_slot}")
    found = [
        str(link.person)
        for link in links(records)
        if link.identity is not None
        and (
            (action.user_ref is not None and str(link.identity) == str(action.user_ref))
            or (
                action.credential_slot is not None
                and link.source == action.door_id
                and str(link.identity) in slots
            )
        )
    ]
    return name_to_show(records, found[-1]) if found else None


def model_event(records: Sequence[Record], opener: Record) -> dict[str, Any]:
    """What an event's row must be."""
    event_id, fact = opener.event_id, opener.fact
    own = [r for r in records if r.event_id == event_id]
    face = face_of(own)
    actions = [
        (r, *action_of(records, r))
        for r in own
        if isinstance(r.fact, UnlockAction) and not confirmed_by(records, r)
    ]
    granted = [
        (r, became, did)
        for r, became, did in actions
        if getattr(r.fact, "granted", False) and became != "trial"
    ]
    effects = [did for _, _, did in granted or actions if did is not None]
    word = (effects or ["none"])[-1]
    becames = [became for _, became, _ in actions]
    ranks = [["granted"], ["failed", "timed_out", "unknown"], ["refused"], ["trial"]]
    outcome = next(
        (among[-1] for rank in ranks if (among := [b for b in becames if b in rank])), "none"
    )
    admitted = [
        who
        for r, _, _ in granted
        if isinstance(r.fact, UnlockAction) and (who := person_of(records, r.fact)) is not None
    ]
    by_person = face is not None and face.given_by == "person"
    if face is not None and (face.name is not None or by_person):
        person = name_to_show(records, None if face.name is None else str(face.name))
    else:
        person = admitted[-1] if admitted else None
    confidence = None if face is None else face.confidence
    if face is not None and confidence is None and face.distance is not None:
        confidence = max(0.0, 1.0 - face.distance)
    picture: Record | None = None
    for r in records:
        if isinstance(r.fact, ThumbnailSaved) and r.event_id == event_id:
            picture = r
        elif (
            isinstance(r.fact, PictureRemoved)
            and r.event_id in {None, event_id}
            and getattr(getattr(picture, "fact", None), "path", None) == r.fact.path
        ):
            picture = None
    ends = [r.fact for r in own if isinstance(r.fact, VisitEnded)]
    alerts = [r.fact for r in own if isinstance(r.fact, AlertSent)]
    observed = fact.label if isinstance(fact, Observation) else None
    ring = isinstance(fact, Ding) or observed in {"doorbell", "doorbell_press"}
    assert hasattr(fact, "camera_id")
    return {
        "id": event_id,
        "camera_id": fact.camera_id,
        "recorded_at": text(own_time(opener)),
        "event_type": "ding" if ring else "motion",
        "recording_id": getattr(fact, "recording_id", None),
        "person_name": person,
        "face_confidence": confidence,
        "face_distance": None if face is None else face.distance,
        "unlock_granted": int(bool(granted)),
        "door_action": "unlocked" if word == "unlatched" else word,
        "thumbnail_path": None if picture is None else getattr(picture.fact, "path", None),
        "alert_sent": int(any(alert.outcome in {None, "sent"} for alert in alerts)),
        "created_at": instant(opener.appended_at_us).strftime("%Y-%m-%d %H:%M:%S"),
        "face_recognised": None if face is None else int(face.name is not None),
        "outcome": outcome,
        "opener": fact.__struct_config__.tag,
        "observed": observed,
        "lock_action": word,
        "opened": int(any(did in _OPENED for _, _, did in actions)),
        "refused": int("refused" in becames),
        "ended_at": text(ends[-1].ended_at) if ends else None,
        "end_reason": ends[-1].reason if ends else None,
        "answered": ends[-1].answered if ends else None,
        **listed(opener),
    }
