"""A day at a front door that never was: visits, faces, unlocks and pictures, made from a seed.

For the demo, for tests and for whoever wants to look at a log before the camera hangs. The same
day and seed give the same facts, filled as a pipeline would fill them. The people are invented,
the pictures drawn. Knows nothing of databases: `play` appends to whatever store it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final, Protocol

import anyio.to_thread
from msgspec import Struct
from msgspec.structs import replace

from eventlog.facts import (
    AlertSent,
    Box,
    Detection,
    Ding,
    DoorAction,
    FaceResult,
    Fact,
    Motion,
    PersonNamed,
    ThumbnailSaved,
    UnlockAction,
)
from eventlog.record import Receipt
from eventlog.sample_pictures import HEIGHT_PX, WIDTH_PX, Scene, draw

CAMERA: Final = "front_door"
SEES: Final = "yolov8n"
COMPARES: Final = "dlib_face_recognition_resnet_model_v1"
TOLERANCE: Final = 0.6
BY_DAY: Final = "household, 06:00 to 22:00"
BY_NIGHT: Final = "at night a face is not enough"
BY_CODE: Final = "keypad code of the household"
STRANGERS: Final = "strangers ring"

HOUSEHOLD: Final = (
    PersonNamed(name="ada", display_name="Ada"),
    PersonNamed(name="bela", display_name="Béla"),
    PersonNamed(name="chiara", display_name="Chiara"),
)

# How many of a hundred visits fall into each hour: a quiet night, a rush in the morning, and
# the way home in the evening.
HOURS: Final = (0, 0, 0, 0, 0, 1, 3, 13, 7, 4, 4, 5, 5, 3, 5, 4, 6, 10, 17, 6, 4, 2, 1, 0)


class Step(Struct, frozen=True):
    """Facts that a pipeline appends at once, and the picture that it saves with them, if any."""

    facts: tuple[Fact, ...]
    scene: Scene | None = None


class SampleVisit(Struct, frozen=True):
    """One event: its first step opens it. `key` is the idempotency key of that step."""

    key: str
    recorded_at: datetime
    steps: tuple[Step, ...]


class Store(Protocol):
    """What `play` needs of a store."""

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Append under a key."""

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with this key."""


class Pictures(Protocol):
    """What `play` needs of a thumbnails folder."""

    async def save_async(self, frame_bytes: bytes, event_timestamp: str) -> ThumbnailSaved | None:
        """Save a frame; None where it can't be saved."""


def sample_day(day: date, *, seed: int = 7, visits: int = 24) -> list[SampleVisit]:
    """The visits of a day, in the order in which they were; times in UTC.

    There are at least as many as there are kinds of visit, so that each comes once.
    """
    random = Random(seed)  # noqa: S311 - an example needs no secrecy
    kinds = [*_RARE, *random.choices(_COMMON, k=max(0, visits - len(_RARE)))]
    drawn: list[tuple[datetime, Callable[[_Visit], None]]] = []
    for kind in kinds:
        hours = _HOURS_OF.get(kind, HOURS)
        hour = random.choices(range(24), hours)[0]
        within = timedelta(microseconds=random.randrange(3_600_000_000))
        drawn.append((datetime.combine(day, time(hour), UTC) + within, kind))
    drawn.sort(key=lambda pair: pair[0])
    return [_visit(at, kind, random) for at, kind in drawn]


async def play(store: Store, pictures: Pictures, day: list[SampleVisit]) -> int:
    """Append a day, as a pipeline would; a second time changes nothing.

    Answers how many events there were. Raises what the store raises.
    """
    for number, person in enumerate(HOUSEHOLD):
        await store.append(person, key=f"sample:person:{number}")
    for visit in day:
        receipt = await store.append(*visit.steps[0].facts, key=visit.key)
        for number, step in enumerate(visit.steps[1:], start=1):
            key = f"{visit.key}:{number}"
            if await store.receipt(key) is not None:
                continue  # or the picture would be saved again, under another name
            facts = list(step.facts)
            if step.scene is not None:
                frame = await anyio.to_thread.run_sync(draw, step.scene)
                saved = await pictures.save_async(frame, visit.recorded_at.isoformat())
                if saved is not None:
                    facts.append(replace(saved, recorded_at=visit.recorded_at))
            if facts:
                await store.append(*facts, event_id=receipt.event_id, key=key)
    return len(day)


# ── what may happen ────────────────────────────────────────────────────────────────────────


class _Visit:
    """A visit as it is made up, second by second."""

    def __init__(self, at: datetime, random: Random) -> None:
        self.at = at
        self.random = random
        self.steps: list[Step] = []
        self.person = random.choice(HOUSEHOLD).name
        self.box = self._box()

    def opens(self, opener: type[Ding | Motion], *labels: str) -> None:
        """Somebody rings or something moves, and the first frame shows what it is."""
        recording = str(self.random.randrange(10**18, 10**19))
        first = opener(camera_id=CAMERA, recorded_at=self.at, recording_id=recording)
        self.steps.append(Step((first, *[self.sees(label) for label in labels])))
        self.steps.append(Step((), Scene(self.at.hour, labels, self.random.randrange(2**16))))

    def sees(self, label: str) -> Detection:
        """A model sees an object in the frame."""
        low, high = (0.62, 0.97) if label == "person" else (0.5, 0.9)
        return Detection(
            label=label,
            confidence=round(self.random.uniform(low, high), 4),
            box=self.box if label == "person" else self._box(),
            model=SEES,
            recorded_at=self.soon(0.4),
        )

    def compares(self, name: str | None, low: float, high: float) -> FaceResult:
        """A face is held against those of the household."""
        left, top = self.box.x1 or 0.0, self.box.y1 or 0.0
        face = FaceResult(
            name=name,
            distance=round(self.random.uniform(low, high), 4),
            tolerance=TOLERANCE,
            box=Box(x1=left + 40, y1=top + 8, x2=left + 88, y2=top + 60),
            model=COMPARES,
            recorded_at=self.soon(0.9),
        )
        self.steps.append(Step((face,)))
        return face

    def asks_by_face(self, face: FaceResult, rule: str, *, granted: bool) -> None:
        """The face asks the lock to open."""
        action = UnlockAction(
            granted=granted,
            door_action="unlocked" if granted else "none",
            person=face.name,
            confidence=None if face.distance is None else round(1 - face.distance, 4),
            distance=face.distance,
            rule=rule,
            actor="face",
            door_id=CAMERA,
            recorded_at=self.soon(0.2),
        )
        self.steps.append(Step((action,)))

    def asks(
        self, actor: str, person: str | None, rule: str, *, granted: bool, does: DoorAction = "none"
    ) -> None:
        """Something else than a face asks; `does` is what the door does of it."""
        action = UnlockAction(
            granted=granted,
            door_action=does,
            person=person,
            rule=rule,
            actor=actor,
            door_id=CAMERA,
            recorded_at=self.soon(30 if does == "locked" else 9),
        )
        self.steps.append(Step((action,)))

    def alerts(self) -> None:
        """The household is told."""
        self.steps.append(Step((AlertSent(channel="telegram", recorded_at=self.soon(1.5)),)))

    def soon(self, seconds: float) -> datetime:
        """A moment later; time has gone on by then."""
        took = timedelta(microseconds=int(seconds * self.random.uniform(0.7, 1.4) * 1_000_000))
        self.at += took
        return self.at

    def _box(self) -> Box:
        left = self.random.randrange(20, WIDTH_PX - 160)
        top = self.random.randrange(20, HEIGHT_PX // 3)
        return Box(x1=left, y1=top, x2=left + 130, y2=HEIGHT_PX - 10)


def _comes_home(visit: _Visit) -> None:
    visit.opens(visit.random.choice((Motion, Ding)), "person")
    visit.asks_by_face(visit.compares(visit.person, 0.28, 0.52), BY_DAY, granted=True)


def _comes_home_with_a_guest(visit: _Visit) -> None:
    visit.opens(Ding, "person", "person")
    visit.compares(None, 0.66, 0.85)
    visit.asks_by_face(visit.compares(visit.person, 0.3, 0.48), BY_DAY, granted=True)
    visit.alerts()


def _is_not_recognised_at_first(visit: _Visit) -> None:
    visit.opens(Motion, "person")
    visit.asks_by_face(visit.compares(None, 0.61, 0.66), STRANGERS, granted=False)
    visit.asks("keypad", visit.person, BY_CODE, granted=True, does="unlocked")


def _comes_home_at_night(visit: _Visit) -> None:
    visit.opens(Motion, "person")
    visit.asks_by_face(visit.compares(visit.person, 0.3, 0.5), BY_NIGHT, granted=False)
    visit.asks("keypad", visit.person, BY_CODE, granted=True, does="unlocked")


def _brings_a_package(visit: _Visit) -> None:
    visit.opens(Ding, "person", "package")
    visit.asks_by_face(visit.compares(None, 0.64, 0.92), STRANGERS, granted=False)
    visit.alerts()


def _is_let_in_by_app(visit: _Visit) -> None:
    visit.opens(Ding, "person")
    visit.asks_by_face(visit.compares(None, 0.64, 0.92), STRANGERS, granted=False)
    visit.alerts()
    visit.asks("app", None, "opened from afar by the household", granted=True, does="unlocked")
    visit.asks("lock", None, "locks after 30 s", granted=True, does="locked")


def _tries_the_keypad(visit: _Visit) -> None:
    visit.opens(Motion, "person")
    for _ in range(3):
        visit.asks("keypad", None, "wrong code", granted=False)
    visit.alerts()


def _passes_by(visit: _Visit) -> None:
    visit.opens(Motion, visit.random.choice(("cat", "car", "dog", "person", "bicycle")))


def _rings_and_leaves(visit: _Visit) -> None:
    visit.opens(Ding, "person")
    visit.compares(None, 0.62, 0.9)
    visit.alerts()


_RARE: Final = (
    _comes_home_with_a_guest,
    _is_not_recognised_at_first,
    _comes_home_at_night,
    _brings_a_package,
    _is_let_in_by_app,
    _tries_the_keypad,
)
_COMMON: Final = (_comes_home, _comes_home, _passes_by, _passes_by, _rings_and_leaves)
_HOURS_OF: Final = {
    _comes_home_at_night: (1,) + (0,) * 21 + (1, 3),
    _tries_the_keypad: (2, 2, 1, 1) + (0,) * 18 + (1, 2),
}


def _visit(at: datetime, kind: Callable[[_Visit], None], random: Random) -> SampleVisit:
    made = _Visit(at, random)
    kind(made)
    return SampleVisit(f"sample:{at.isoformat()}", at, tuple(made.steps))
