"""Publishes the state and the events of the door to Home Assistant, over MQTT.

It publishes through a function that it is given, and knows no connection. Every client of the
broker can read names and pictures there: both are left out unless the owner asks for them.

An event (a ring, a motion, an access) is published once, and only while it is fresh: retained
events are ignored by Home Assistant, and late ones would ring at night.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from eventlog.facts import (
    FIRST_START,
    ActuatorOutcome,
    Ding,
    DoorState,
    FaceResult,
    LockState,
    Motion,
    Observation,
    Opener,
    PartBack,
    PartStopped,
    PersonErased,
    SourceBack,
    SourceSilent,
    ThumbnailSaved,
    UnlockAction,
    is_ring,
    shown,
)
from eventlog.reactors.alerts.rules import SAME_S, Doors
from eventlog.reactors.home_assistant_device import ONLINE, Outward, Publication
from eventlog.record import Record

FRESH_S: Final = 60.0
VISITS_KEPT: Final = 500

Publish = Callable[[Publication], Awaitable[None]]
# From a picture's relative path to its bytes, None if it was deleted.
ReadPicture = Callable[[str], Awaitable[bytes | None]]


class Publisher:
    """Publishes what records say. `act` is the reactor."""

    def __init__(
        self,
        outward: Outward,
        doors: Doors,
        publish: Publish,
        read_picture: ReadPicture,
        clock: Callable[[], datetime],
        *,
        troubles: Iterable[str] = (),
    ) -> None:
        """Touch nothing yet. `troubles` is what the journal says is silent or down already."""
        self._outward = outward
        self._doors = doors
        self._publish = publish
        self._read_picture = read_picture
        self._clock = clock
        self._cameras: dict[int, str] = {}
        self._acts: dict[str, str] = {}
        self._told: dict[tuple[str, str], datetime] = {}
        self._troubles = set(troubles)
        self._position = 0

    async def announce(self) -> None:
        """Say which entities there are, and that we are there."""
        for one in self._outward.announcements():
            await self._publish(one)
        await self._publish(Publication(self._outward.availability, ONLINE, retain=True))
        await self._publish_problem()

    async def act(self, records: Sequence[Record]) -> int:
        """Publish what records say. See `Reactor`."""
        for record in records:
            await self._one(record)
            self._position = record.position
        return self._position

    async def _one(self, record: Record) -> None:
        event_id = record.event_id
        match record.fact:
            case Motion() | Ding() | Observation() as opener:
                if event_id is not None:
                    self._remember(event_id, opener.camera_id)
                await self._opened(record, opener)
            case UnlockAction(dry_run=False) as action:
                await self._unlocked(record, action)
            case ActuatorOutcome(intent=intent, outcome="done") if intent in self._acts:
                await self._access(record, self._acts[intent], "granted")
                await self._state(self._acts[intent], "bolt", "unlocked")
            case LockState(door_id=part, state=state):
                await self._lock_state(record, self._doors.of(part), state)
            case DoorState(door_id=part, state=state) if state != "unknown":
                word = "closed" if state == "closed" else "open"
                await self._state(self._doors.of(part), "door", word)
            case _:
                await self._about_people_and_health(record)

    async def _about_people_and_health(self, record: Record) -> None:
        camera = None if record.event_id is None else self._cameras.get(record.event_id)
        match record.fact:
            case FaceResult(name=name) if name is not None and self._outward.last_person and camera:
                await self._state(self._doors.of(camera), "last_person", shown(name))
            case ThumbnailSaved(path=path) if self._outward.picture and camera:
                picture = await self._read_picture(path)
                if picture is not None:
                    topic = self._outward.topic(self._doors.of(camera), "picture")
                    await self._to_ours(self._doors.of(camera), Publication(topic, picture, True))  # noqa: FBT003 - retained
            case PersonErased():
                await self._forget()
            case SourceSilent(source=name, reason=reason) if reason != FIRST_START:
                await self._trouble(f"source {name}", there=True)
            case SourceBack(source=name):
                await self._trouble(f"source {name}", there=False)
            case PartStopped(part=name):
                await self._trouble(f"part {name}", there=True)
            case PartBack(part=name):
                await self._trouble(f"part {name}", there=False)
            case _:
                return

    # ── what happened ──────────────────────────────────────────────────────────────────────

    async def _opened(self, record: Record, opener: Opener) -> None:
        door, at, rings = self._doors.of(opener.camera_id), opener.recorded_at, is_ring(opener)
        what, kind = ("doorbell", "ring") if rings else ("motion", "motion")
        if self._is_told(door, what, at):
            return
        await self._event(record, door, what, kind, at)
        if rings:
            await self._state(door, "last_ring", at.isoformat())

    async def _unlocked(self, record: Record, action: UnlockAction) -> None:
        camera = None if record.event_id is None else self._cameras.get(record.event_id)
        door = self._doors.of(action.door_id or camera)
        if action.granted and action.intent is not None:
            self._acts[action.intent] = door
        elif not action.granted and action.door_action == "none":
            await self._access(record, door, "refused")
        elif action.door_action == "locked":
            await self._access(record, door, "locked")
            await self._state(door, "bolt", "locked")
        elif action.door_action != "none":
            await self._access(record, door, "granted")
            await self._state(door, "bolt", "unlocked")

    async def _lock_state(self, record: Record, door: str, state: str) -> None:
        if state == "jammed":
            await self._access(record, door, "jammed")
        elif state in {"unlocked", "unlatched", "locked"}:
            await self._state(door, "bolt", "locked" if state == "locked" else "unlocked")

    async def _access(self, record: Record, door: str, kind: str) -> None:
        at = getattr(record.fact, "recorded_at", None) or record.appended_at
        if not self._is_told(door, f"access {kind}", at):
            await self._event(record, door, "access", kind, at)

    def _is_told(self, door: str, what: str, at: datetime) -> bool:
        """Whether another source reported the same of this door just now."""
        before = self._told.get((door, what))
        if before is not None and abs((at - before).total_seconds()) <= SAME_S:
            return True
        self._told[door, what] = at
        return False

    async def _event(self, record: Record, door: str, what: str, kind: str, at: datetime) -> None:
        if abs((self._clock() - at).total_seconds()) > FRESH_S:
            return
        content = {"event_type": kind, "event_id": record.event_id, "recorded_at": at.isoformat()}
        topic = self._outward.topic(door, what)
        await self._to_ours(door, Publication(topic, msgspec.json.encode(content)))

    async def _state(self, door: str, what: str, word: str) -> None:
        topic = self._outward.topic(door, what)
        await self._to_ours(door, Publication(topic, word.encode(), retain=True))

    async def _to_ours(self, door: str, publication: Publication) -> None:
        if door in self._outward.doors:
            await self._publish(publication)

    async def _forget(self) -> None:
        """Take names and pictures off the broker: whose they were is not known here."""
        for door in self._outward.doors:
            for what in ("last_person", "picture"):
                await self._publish(Publication(self._outward.topic(door, what), b"", retain=True))

    async def _trouble(self, name: str, *, there: bool) -> None:
        before = bool(self._troubles)
        (self._troubles.add if there else self._troubles.discard)(name)
        if bool(self._troubles) != before:
            await self._publish_problem()

    async def _publish_problem(self) -> None:
        word = b"ON" if self._troubles else b"OFF"
        for door in self._outward.doors:
            topic = self._outward.topic(door, "problem")
            await self._publish(Publication(topic, word, retain=True))

    def _remember(self, event_id: int, camera: str) -> None:
        self._cameras[event_id] = camera
        while len(self._cameras) > VISITS_KEPT:
            del self._cameras[next(iter(self._cameras))]
