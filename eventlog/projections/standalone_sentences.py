"""One sentence for each kind of fact of no visit: doors, devices, people, the recorder.

Knows one fact at a time: no table, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from eventlog.facts import (
    DeviceState,
    DoorState,
    EraBegun,
    HeadSeen,
    HeadWitnessed,
    IdentityLinked,
    LockState,
    PartBack,
    PartStopped,
    PersonErased,
    PersonNamed,
    RuleArmed,
    SigningKey,
    SourceBack,
    SourceSilent,
    UncleanStop,
)
from eventlog.projections.phrases import (
    Names,
    counted,
    in_brackets,
    in_utc,
    labelled,
    number,
    plain,
    quoted,
    shown_name,
)

# ── doors and devices ──────────────────────────────────────────────────────────────────────


def _lock(fact: LockState, _: Names) -> str:
    if fact.state == "jammed":
        return f"The lock {quoted(fact.door_id)} reported a jam, by {quoted(fact.source)}"
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
    return f"{plain(fact.name)} is shown as {plain(fact.display_name or fact.name)}"


def _linked(fact: IdentityLinked, names: Names) -> str:
    who = shown_name(fact.person, names)
    if fact.same_as is not None:
        verb = "are one person" if fact.linked else "are two persons"
        return f"{who} and {plain(fact.same_as)} {verb}"
    other = "an identity" if fact.identity is None else plain(fact.identity)
    return f"{who} is {'' if fact.linked else 'not '}{other}{labelled(' of ', fact.source)}"


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
    return f"Nothing from {quoted(fact.source)} since {in_utc(fact.since)}: {fact.reason}"


def _back(fact: SourceBack, _: Names) -> str:
    reconciled = "" if fact.reconciled is None else f"{fact.reconciled} read from its history"
    late = "" if fact.late is None else f"{fact.late} late"
    return f"{quoted(fact.source)} is heard again, silent until {in_utc(fact.until)}" + in_brackets(
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
