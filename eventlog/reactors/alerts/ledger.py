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

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal

from msgspec import Struct, field

from eventlog.facts import (
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    DeviceState,
    Ding,
    DoorState,
    FaceResult,
    Fact,
    LockState,
    Motion,
    Observation,
    RuleArmed,
    SourceBack,
    SourceSilent,
    ThumbnailSaved,
    UnlockAction,
    shown,
)
from eventlog.reactors.alerts.rules import SEVERAL, Doors, Rule, When
from eventlog.record import Record

# Within this time, records about one door under one rule are several sources' reports of one thing.
SAME_S: Final = 10.0
# A name that comes within this time after the alert makes a revision of it.
NAME_WITHIN_S: Final = 600.0
# More alerts than these within a minute are a storm, and become one digest.
STORM: Final = 5
STORM_S: Final = 60.0
COVERED_MAX: Final = 64
# So much of the journal is folded again after a restart, for names, storms and double tellers.
LOOK_BACK_S: Final = 900.0
VISITS_KEPT: Final = 2000

FIRST_START: Final = "first_start"
BELLS: Final = frozenset({"doorbell", "doorbell_press"})
TROUBLE: Final = frozenset(
    {"offline", "low", "critical", "tampered", "on", "problem", "detected", "jammed", "disabled"}
)

Why = Literal["", "away", "quiet", "storm"]


class Visit(Struct):
    """What is known of an event."""

    camera: str
    at: datetime
    person: str | None = None
    picture: str | None = None


class Telling(Struct):
    """One alert for one channel. `position` is the record that caused it."""

    rule: str
    channel: str
    position: int
    event_id: int | None
    at: datetime
    door: str
    when: When
    said: str | None = None  # a person, a device's state: never recorded
    intent: int | None = None
    revision: int = 0
    settled: bool = False
    named_late: bool = False
    ready_at: datetime | None = None


class Intent(Struct):
    """An `alert_intended` without an outcome. `ours` says that this process made it."""

    position: int
    at: datetime
    key: str
    tellings: list[Telling]
    revision: int
    why: Why = ""
    ours: bool = False


class Send(Struct, frozen=True):
    """What to do next on a channel: send, or finish what was intended."""

    tellings: Sequence[Telling]
    revision: int = 0
    why: Why = ""
    intent: Intent | None = None

    @property
    def rule(self) -> str:
        """The rule of all that it covers, or a word for several."""
        rules = {telling.rule for telling in self.tellings}
        return rules.pop() if len(rules) == 1 else SEVERAL

    @property
    def event_id(self) -> int | None:
        """The event that it belongs to; None for a digest and for what has no visit."""
        return self.tellings[0].event_id if len(self.tellings) == 1 else None

    @property
    def covers(self) -> tuple[int, ...]:
        """The records that it is about."""
        return tuple(telling.position for telling in self.tellings)

    @property
    def key(self) -> str:
        """What makes it the same alert, in every process and after every crash."""
        first = self.tellings[0]
        what = f"p{first.position}" if self.event_id is None else str(self.event_id)
        if len(self.tellings) > 1 or self.why:
            what = f"d{first.position}-{self.tellings[-1].position}"
        return f"alert:{what}:{self.rule}:{first.channel}:{self.revision}"


class Ledger(Struct):
    """The fold. `rules` by name; `zone` is the door's."""

    rules: dict[str, Rule]
    doors: Doors
    zone: tzinfo
    position: int = 0
    armed: dict[str, int] = field(default_factory=dict)
    recorded: dict[str, bytes] = field(default_factory=dict)
    visits: dict[int, Visit] = field(default_factory=dict)
    tellings: dict[tuple[str, str, int], Telling] = field(default_factory=dict)
    intents: dict[int, Intent] = field(default_factory=dict)
    _told_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _by_event: dict[tuple[str, int], int] = field(default_factory=dict)
    _acts: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    _open_doors: dict[str, int] = field(default_factory=dict)
    _history: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    _intended_at: dict[str, list[datetime]] = field(default_factory=dict)
    _recent: list[tuple[datetime, int]] = field(default_factory=list)

    # ── the fold ───────────────────────────────────────────────────────────────────────────

    def apply(self, record: Record) -> None:
        """Take the next record."""
        self.position = record.position
        self._recent.append((record.appended_at, record.position))
        if record.event_id is not None:
            self.remember(record)
        match record.fact:
            case RuleArmed():
                self.arm(record)
            case AlertIntended() as intended:
                self._intend(record, intended)
            case AlertSent(intended=int(intent)):
                self.settle(intent)
            case SourceSilent(source=source, reason="first_start", since=since):
                self._history[source] = (since, record.position)
            case SourceBack(source=source):
                self._history.pop(source, None)
            case fact:
                if not self._is_history(record):
                    self._happen(record, fact)

    def remember(self, record: Record) -> None:
        """Take what a record says of its event, for the text of an alert; it causes none."""
        event_id = record.event_id
        if event_id is None:
            return
        match record.fact:
            case Motion() | Ding() | Observation() as opener:
                self.visits[event_id] = Visit(opener.camera_id, opener.recorded_at)
                while len(self.visits) > VISITS_KEPT:
                    del self.visits[next(iter(self.visits))]
            case FaceResult(name=name) if name is not None and event_id in self.visits:
                self.visits[event_id].person = shown(name)
            case ThumbnailSaved(path=path) if event_id in self.visits:
                self.visits[event_id].picture = path
            case _:
                return

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
        at = self._happened_at(record)
        return any(at < since for since, _ in self._history.values())

    def _happened_at(self, record: Record) -> datetime:
        """When it happened: its own time, else its visit's, else when the journal got it."""
        visit = None if record.event_id is None else self.visits.get(record.event_id)
        told = getattr(record.fact, "recorded_at", None)
        if isinstance(told, datetime):
            return told
        return record.appended_at if visit is None else visit.at

    def _happen(self, record: Record, fact: Fact) -> None:
        visit = None if record.event_id is None else self.visits.get(record.event_id)
        camera = None if visit is None else visit.camera
        match fact:
            case Ding():
                self._tell("ring", record, camera)
            case Observation(label=label) if label in BELLS:
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
        at = self._happened_at(record)
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
        for telling in self.tellings.values():
            if (
                telling.event_id == record.event_id
                and telling.when in {"stranger", "ring"}
                and telling.intent is not None
                and telling.revision == 0
                and (_named_at(record) - telling.at).total_seconds() <= NAME_WITHIN_S
            ):
                telling.named_late = True
                if telling.settled:
                    _begin_revision(telling)

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
        self._intended_at.setdefault(channel, []).append(intent.at)
        for telling in intent.tellings:
            telling.intent = intent.position
            telling.revision = max(telling.revision, intent.revision)

    def settle(self, intent: int) -> None:
        """Note that an intent has an outcome."""
        found = self.intents.pop(intent, None)
        for telling in [] if found is None else found.tellings:
            telling.settled = True
            if telling.named_late and telling.revision == 0:
                _begin_revision(telling)

    def unfinished(self) -> Iterator[int]:
        """The positions that must be folded again after a restart."""
        yield from self.intents
        yield from (position for _, position in self._history.values())
        for telling in self.tellings.values():
            if not telling.settled:
                yield telling.position
        yield from self._open_doors.values()

    def low_water(self, now: datetime) -> int:
        """Up to where nothing is left to do, also for a process that starts now."""
        since = now - timedelta(seconds=LOOK_BACK_S)
        while self._recent and self._recent[0][0] < since:
            self._recent.pop(0)
        recent = self._recent[0][1] if self._recent else self.position + 1
        return min([recent, self.position + 1, *self.unfinished()]) - 1

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

    # ── what is next ───────────────────────────────────────────────────────────────────────

    def next_for(self, channel: str, now: datetime, *, can_edit: bool) -> Send | None:
        """What to send next over a channel, None if there is nothing yet."""
        for intent in self.intents.values():
            if intent.tellings and intent.tellings[0].channel == channel:
                return Send(intent.tellings, intent.revision, intent.why, intent)
        waiting = sorted(
            (one for one in self.tellings.values() if _waits(one, channel, now)),
            key=lambda one: one.position,
        )
        revisions = [one for one in waiting if one.revision]
        for telling in revisions:
            if can_edit or self.rules[telling.rule].updates == "send":
                return Send([telling], telling.revision)
            telling.settled = True  # a channel that can't edit stays silent
        return self._first_or_digest([one for one in waiting if not one.revision], now)

    def _first_or_digest(self, waiting: list[Telling], now: datetime) -> Send | None:
        held = [one for one in waiting if self._rule(one).is_quiet(one.at, self.zone)]
        over = [one for one in held if not self._rule(one).is_quiet(now, self.zone)]
        if over:
            return Send(over[:COVERED_MAX], why="quiet")
        rest = [
            one
            for one in waiting
            if one not in held and not self._rule(one).is_quiet(now, self.zone)
        ]
        stale = [one for one in rest if self._is_stale(one, now)]
        if stale:
            return Send(stale[:COVERED_MAX], why="away")
        if not rest:
            return None
        times = self._intended_at.get(rest[0].channel, [])
        recent = [at for at in times if 0 <= (now - at).total_seconds() < STORM_S]
        self._intended_at[rest[0].channel] = recent
        if len(recent) >= STORM:
            return None
        storm = len(rest) > STORM or (len(rest) > 1 and len(recent) == STORM - 1)
        return Send(rest[:COVERED_MAX], why="storm") if storm else Send(rest[:1])

    def _is_stale(self, telling: Telling, now: datetime) -> bool:
        since = telling.ready_at or telling.at
        return (now - since).total_seconds() > self._rule(telling).stale_after_s

    def _rule(self, telling: Telling) -> Rule:
        return self.rules[telling.rule]

    def recall(self, records: Iterable[Record]) -> None:
        """What earlier records say of an event that this fold did not see."""
        for record in records:
            self.remember(record)


def _begin_revision(telling: Telling) -> None:
    telling.revision = 1
    telling.settled = False


def _waits(telling: Telling, channel: str, now: datetime) -> bool:
    """Whether an alert may be sent now, as far as it alone decides."""
    return (
        telling.channel == channel
        and not telling.settled
        and (telling.intent is None or telling.revision > 0)
        and (telling.ready_at is None or telling.ready_at <= now)
    )


def _named_at(record: Record) -> datetime:
    """When a face got its name, as the fact says, else when the journal received it."""
    told = getattr(record.fact, "recorded_at", None)
    return told if isinstance(told, datetime) else record.appended_at
