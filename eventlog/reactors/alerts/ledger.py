"""Computes from the records which alerts are due and which were sent.

    pending ──> intended ──> settled
       │            └─ sent again after a crash, or not, as the rule says
       └─ held back in quiet hours, in a storm, while a door is not open for long enough

A record makes a telling for each channel of each rule that it fits, unless it happened before the
rule was armed, was brought in as history, or repeats within ten seconds an alert about that door
by that rule already. `alert_intended` and `alert_sent` settle it. So nothing but the journal
decides whether an alert was sent; and folding the journal again gives the same answers.

Does not know how anything is sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Final

from msgspec import Struct, field

from eventlog.facts import (
    FIRST_START,
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    DeviceState,
    Ding,
    DoorState,
    FaceResult,
    Fact,
    LockState,
    Observation,
    RuleArmed,
    SourceBack,
    SourceSilent,
    UnlockAction,
    happened_at,
    is_ring,
    shown,
)
from eventlog.reactors.alerts.rules import SAME_S, SEVERAL, Doors, Rule, When
from eventlog.reactors.alerts.telling import Intent, Telling
from eventlog.reactors.alerts.visits import Visits
from eventlog.record import Record

# A name that comes within this time after the alert makes a revision of it.
NAME_WITHIN_S: Final = 600.0
# So much of the journal is folded again after a restart, for names, storms and double tellers.
LOOK_BACK_S: Final = 900.0

TROUBLE: Final = frozenset(
    {"offline", "low", "critical", "tampered", "on", "problem", "detected", "jammed", "disabled"}
)


class Ledger(Struct):
    """The fold. `rules` by name; `zone` is the door's."""

    rules: dict[str, Rule]
    doors: Doors
    zone: tzinfo
    position: int = 0
    armed: dict[str, int] = field(default_factory=dict)
    recorded: dict[str, bytes] = field(default_factory=dict)
    visits: Visits = field(default_factory=Visits)
    tellings: dict[tuple[str, str, int], Telling] = field(default_factory=dict)
    intents: dict[int, Intent] = field(default_factory=dict)
    intended_at: dict[str, list[datetime]] = field(default_factory=dict)
    _told_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _by_event: dict[tuple[str, int], int] = field(default_factory=dict)
    _acts: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    _open_doors: dict[str, int] = field(default_factory=dict)
    _history: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    _recent: list[tuple[datetime, int]] = field(default_factory=list)

    # ── the fold ───────────────────────────────────────────────────────────────────────────

    def apply(self, record: Record) -> None:
        """Take the next record."""
        self.position = record.position
        self._recent.append((record.appended_at, record.position))
        self.visits.remember(record)
        match record.fact:
            case RuleArmed():
                self.arm(record)
            case AlertIntended() as intended:
                self._intend(record, intended)
            case AlertSent(intended=int(intent)):
                self.settle(intent)
            case SourceSilent(source=source, reason=reason, since=since) if reason == FIRST_START:
                self._history[source] = (since, record.position)
            case SourceBack(source=source):
                self._history.pop(source, None)
            case fact:
                if not self._is_history(record):
                    self._happen(record, fact)

    def arm(self, record: Record) -> None:
        """Note since when a rule is armed; its first record counts."""
        if not isinstance(record.fact, RuleArmed):
            return
        rule = self.rules.get(record.fact.rule)
        if rule is not None and rule.arms(record.fact):
            self.armed.setdefault(rule.name, record.position)
            self.recorded[rule.name] = record.fact.digest

    def _is_history(self, record: Record) -> bool:
        """Whether a source brings it in from before its first start here."""
        at = self.visits.happened_at(record)
        return any(at < since for since, _ in self._history.values())

    def _happen(self, record: Record, fact: Fact) -> None:
        visit = self.visits.of(record)
        camera = None if visit is None else visit.camera
        match fact:
            case Ding() | Observation() if is_ring(fact):
                self._tell("ring", record, camera)
            case FaceResult(name=None) if visit is None or visit.person is None:
                self._tell("stranger", record, camera)
            case FaceResult():
                self._revise(record)
            case UnlockAction(dry_run=False) as action:
                self._lock_acted(record, action, camera)
            case _:
                self._happen_without_visit(record, fact)

    def _happen_without_visit(self, record: Record, fact: Fact) -> None:
        match fact:
            case ActuatorOutcome(intent=intent, outcome="done") if intent in self._acts:
                event_id, door = self._acts[intent]
                self._tell("opened", record, door, event_id=event_id)
            case DoorState() as state:
                self._door_moved(record, state)
            case LockState(door_id=door, state="jammed"):
                self._tell("device", record, door, said="jammed")
            case DeviceState(device_id=device, state=state) if state in TROUBLE:
                self._tell("device", record, device, said=f"{fact.what} {state}")
            case SourceSilent(source=source):
                self._tell("source_silent", record, source)
            case _:
                return

    def _lock_acted(self, record: Record, action: UnlockAction, camera: str | None) -> None:
        part = action.door_id or camera
        person = None if action.person is None else shown(action.person)
        opens = action.door_action in {"unlocked", "unlatched"}
        if action.granted and action.intent is not None:
            self._acts[action.intent] = (record.event_id, part or "")
        elif action.granted and opens:
            self._tell("opened", record, part, said=person)
        elif not action.granted and action.door_action == "none":
            self._tell("refused", record, part, said=action.reason)

    def _door_moved(self, record: Record, state: DoorState) -> None:
        door = self.doors.of(state.door_id)
        if state.state in {"open", "ajar", "forced_open"}:
            if door not in self._open_doors:
                self._open_doors[door] = record.position
                self._tell("door_open", record, state.door_id, said=state.state)
            return
        opened = self._open_doors.pop(door, None)
        for telling in self.tellings.values():
            if telling.when == "door_open" and telling.position == opened:
                # It closed before an alert was due.
                telling.settled = telling.settled or telling.intent is None

    def _tell(
        self,
        when: When,
        record: Record,
        part: str | None,
        *,
        event_id: int | None = None,
        said: str | None = None,
    ) -> None:
        door = self.doors.of(part)
        event_id = record.event_id if event_id is None else event_id
        at = self.visits.happened_at(record)
        for rule in self.rules.values():
            armed = self.armed.get(rule.name)
            fits = rule.when == when and (not rule.doors or door in rule.doors)
            if not fits or armed is None or record.position <= armed:
                continue
            if self._is_told(rule, door, event_id, at):
                continue
            ready = at + timedelta(seconds=rule.after_s) if rule.after_s else None
            for channel in rule.channels:
                self.tellings[rule.name, channel, record.position] = Telling(
                    rule=rule.name,
                    channel=channel,
                    position=record.position,
                    event_id=event_id,
                    at=at,
                    door=door,
                    when=when,
                    said=said,
                    ready_at=ready,
                )
            if event_id is not None:
                self._by_event[rule.name, event_id] = record.position

    def _is_told(self, rule: Rule, door: str, event_id: int | None, at: datetime) -> bool:
        """Whether there is an alert about the same: for this event, or this door just now."""
        if event_id is not None and (rule.name, event_id) in self._by_event:
            return True
        before = self._told_at.get((rule.name, door))
        self._told_at[rule.name, door] = at
        if before is None or abs((at - before).total_seconds()) > SAME_S:
            return False
        self._told_at[rule.name, door] = before
        return True

    def _revise(self, record: Record) -> None:
        """Take a late name, for the alerts about its event."""
        named_at = happened_at(record.fact) or record.appended_at
        for telling in self.tellings.values():
            if (
                telling.event_id == record.event_id
                and telling.when in {"stranger", "ring"}
                and telling.intent is not None
                and telling.revision == 0
                and (named_at - telling.at).total_seconds() <= NAME_WITHIN_S
            ):
                telling.named_late = True
                if telling.settled:
                    telling.begin_revision()

    # ── intents and outcomes ───────────────────────────────────────────────────────────────

    def _intend(self, record: Record, intended: AlertIntended) -> None:
        covered = set(intended.covers)
        found = [
            telling
            for telling in self.tellings.values()
            if telling.channel == intended.channel
            and telling.position in covered
            and intended.rule in {telling.rule, SEVERAL}
        ]
        if not found:
            return  # its rule is no longer in the config
        self.intend(
            Intent(
                position=record.position,
                at=record.appended_at,
                key=record.key or "",
                tellings=found,
                revision=intended.revision,
                why="away" if len(covered) > 1 else "",
            ),
            intended.channel,
        )

    def intend(self, intent: Intent, channel: str) -> None:
        """Note what is about to be sent; a second time changes nothing."""
        if intent.position in self.intents:
            return
        self.intents[intent.position] = intent
        self.intended_at.setdefault(channel, []).append(intent.at)
        for telling in intent.tellings:
            telling.intent = intent.position
            telling.revision = max(telling.revision, intent.revision)

    def settle(self, intent: int) -> None:
        """Note that an intent has an outcome."""
        found = self.intents.pop(intent, None)
        for telling in [] if found is None else found.tellings:
            telling.settled = True
            if telling.named_late and telling.revision == 0:
                telling.begin_revision()

    def low_water(self, now: datetime) -> int:
        """Up to where nothing is left to do, also for a process that starts now."""
        since = now - timedelta(seconds=LOOK_BACK_S)
        while self._recent and self._recent[0][0] < since:
            self._recent.pop(0)
        recent = self._recent[0][1] if self._recent else self.position + 1
        unfinished = (
            *self.intents,
            *(position for _, position in self._history.values()),
            *(telling.position for telling in self.tellings.values() if not telling.settled),
            *self._open_doors.values(),
        )
        return min(recent, self.position + 1, *unfinished) - 1

    def forget_settled(self, now: datetime) -> None:
        """Drop what no later record can change."""
        until = now - timedelta(seconds=LOOK_BACK_S)
        old = [k for k, one in self.tellings.items() if one.settled and one.at < until]
        for key in old:
            del self.tellings[key]
        for name, at in list(self._told_at.items()):
            if at < until:
                del self._told_at[name]
        events = {telling.event_id for telling in self.tellings.values()} | set(self.visits)
        for rule, event_id in list(self._by_event):
            if event_id not in events:
                del self._by_event[rule, event_id]
