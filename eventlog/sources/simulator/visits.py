"""The kinds of visit in a simulated day, each made step by step.

Facts are filled as a pipeline would fill them. The people are invented. Knows no clock: a visit is
made for a moment, out of a source of chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Final, TypeAlias

from msgspec import Struct

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
    UnlockAction,
    shown,
)
from eventlog.sources.simulator.drawings import Figure, Scene, figures

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


class Step(Struct, frozen=True):
    """Facts that a pipeline appends at once, and the picture that it saves with them, if any."""

    facts: tuple[Fact, ...]
    scene: Scene | None = None


class SampleVisit(Struct, frozen=True):
    """One event: its first step opens it. `key` is the idempotency key of that step."""

    key: str
    recorded_at: datetime
    steps: tuple[Step, ...]


class _Visit:
    """A visit as it is made up, second by second."""

    def __init__(self, at: datetime, random: Random) -> None:
        self.at = at
        self.random = random
        self.steps: list[Step] = []
        self.person = shown(random.choice(HOUSEHOLD).name)
        self.persons: list[Figure] = []

    def opens(self, opener: type[Ding | Motion], *labels: str) -> None:
        """Somebody rings or something moves, and the first frame shows what it is."""
        recording = str(self.random.randrange(10**18, 10**19))
        scene = Scene(self.at.hour, labels, self.random.randrange(2**16))
        shown = figures(scene)
        self.persons = [figure for figure in shown if figure.label == "person"]
        first = opener(camera_id=CAMERA, recorded_at=self.at, recording_id=recording)
        self.steps.append(Step((first, *[self.sees(figure) for figure in shown])))
        self.steps.append(Step((), scene))

    def sees(self, figure: Figure) -> Detection:
        """A model sees an object in the frame."""
        low, high = (0.62, 0.97) if figure.label == "person" else (0.5, 0.9)
        return Detection(
            label=figure.label,
            confidence=round(self.random.uniform(low, high), 4),
            box=_box(figure.corners),
            model=SEES,
            recorded_at=self.soon(0.4),
        )

    def compares(self, name: str | None, low: float, high: float, *, whose: int = 0) -> FaceResult:
        """The face of one of the persons is compared with those of the household."""
        face = FaceResult(
            name=name,
            distance=round(self.random.uniform(low, high), 4),
            tolerance=TOLERANCE,
            box=_box(self.persons[whose].face),
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
        """An alert is sent to the household."""
        self.steps.append(Step((AlertSent(channel="telegram", recorded_at=self.soon(1.5)),)))

    def soon(self, seconds: float) -> datetime:
        """A moment later; time has gone on by then."""
        took = timedelta(microseconds=int(seconds * self.random.uniform(0.7, 1.4) * 1_000_000))
        self.at += took
        return self.at


def _box(corners: tuple[int, int, int, int]) -> Box:
    x1, y1, x2, y2 = corners
    return Box(x1=x1, y1=y1, x2=x2, y2=y2)


def _comes_home(visit: _Visit) -> None:
    visit.opens(visit.random.choice((Motion, Ding)), "person")
    visit.asks_by_face(visit.compares(visit.person, 0.28, 0.52), BY_DAY, granted=True)


def _comes_home_with_a_guest(visit: _Visit) -> None:
    visit.opens(Ding, "person", "person")
    visit.compares(None, 0.66, 0.85, whose=1)
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


Kind: TypeAlias = Callable[[_Visit], None]

COMMON: Final[tuple[Kind, ...]] = (
    _comes_home,
    _comes_home,
    _passes_by,
    _passes_by,
    _rings_and_leaves,
)
RARE: Final[tuple[Kind, ...]] = (
    _comes_home_with_a_guest,
    _is_not_recognised_at_first,
    _comes_home_at_night,
    _brings_a_package,
    _is_let_in_by_app,
    _tries_the_keypad,
)
NIGHTLY: Final[tuple[Kind, ...]] = (_comes_home_at_night, _tries_the_keypad, _passes_by)
DAILY: Final = COMMON + tuple(kind for kind in RARE if kind not in NIGHTLY)
DAY: Final = range(6, 22)  # its hours, as the household's rule has them

# How many of a hundred visits fall into each hour: a quiet night, a rush in the morning, and
# the way home in the evening.
HOURS: Final = (0, 0, 0, 0, 0, 0, 3, 13, 7, 5, 4, 5, 5, 3, 5, 4, 6, 10, 17, 6, 4, 3, 0, 0)
_HOURS_OF: Final[Mapping[Kind, tuple[int, ...]]] = {
    _comes_home_at_night: (1,) + (0,) * 21 + (1, 3),
    _tries_the_keypad: (2, 2, 1, 1) + (0,) * 18 + (1, 2),
}


def hours_of(kind: Kind) -> tuple[int, ...]:
    """How often a kind of visit falls into each hour of a day, as weights."""
    return _HOURS_OF.get(kind, HOURS)


def make(at: datetime, kind: Kind, random: Random) -> SampleVisit:
    """A visit of a kind, beginning at a moment."""
    made = _Visit(at, random)
    kind(made)
    return SampleVisit(f"sample:{at.isoformat()}", at, tuple(made.steps))
