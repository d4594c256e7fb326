"""The sample day is the same for the same seed, and filled as a pipeline would fill it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from PIL import Image, ImageChops

from eventlog import codecs
from eventlog.facts import Detection, Ding, FaceResult, Motion, ThumbnailSaved, UnlockAction
from eventlog.journal.append import prepare
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import EventId, Receipt
from eventlog.sources.simulator import HOURS, HOUSEHOLD, play, play_live, sample_day, sample_visit
from eventlog.sources.simulator.drawings import HEIGHT_PX, WIDTH_PX, Scene, draw, figures
from eventlog.sources.simulator.visits import BY_DAY, BY_NIGHT
from eventlog.store.event_store import EventStore

DAY = date(2026, 2, 25)


def test_a_day_is_made_again_from_its_seed() -> None:
    """Same day and seed, same facts; another seed, another day."""
    assert sample_day(DAY) == sample_day(DAY)
    assert sample_day(DAY) != sample_day(DAY, seed=8)


def test_a_days_visits_are_on_that_day_and_in_order() -> None:
    """Times are UTC, and each visit has its own key."""
    day = sample_day(DAY, visits=100)
    times = [visit.recorded_at for visit in day]
    midnight = datetime(2026, 2, 25, tzinfo=UTC)
    assert times == sorted(times)
    assert all(midnight <= at < midnight + timedelta(days=1) for at in times)
    assert len({visit.key for visit in day}) == len(day) == 100


def test_every_append_of_a_day_may_enter_a_journal() -> None:
    """The first step opens the event, and each later one may join it."""
    for visit in sample_day(DAY, visits=200):
        first, *others = visit.steps
        assert prepare(first.facts, key=visit.key).opens
        for step in others:
            if step.facts:
                assert not prepare(step.facts, event_id=1).opens


def test_what_is_decided_carries_its_why() -> None:
    """Every unlock has an actor and a rule; every face a distance, a tolerance and a model."""
    facts = [f for v in sample_day(DAY, visits=200) for step in v.steps for f in step.facts]
    for fact in facts:
        assert codecs.decode(*codecs.encode(fact)) == fact
        if isinstance(fact, UnlockAction):
            assert fact.actor is not None
            assert fact.rule is not None
        if isinstance(fact, FaceResult):
            assert None not in (fact.distance, fact.tolerance, fact.model, fact.box)
        if isinstance(fact, Detection):
            assert None not in (fact.model, fact.box, fact.recorded_at)


def test_a_recognised_face_is_within_the_tolerance_and_a_strangers_is_not() -> None:
    """Or the story would contradict itself."""
    facts = [f for v in sample_day(DAY, visits=200) for step in v.steps for f in step.facts]
    for face in facts:
        if isinstance(face, FaceResult) and face.distance is not None and face.tolerance:
            assert (face.name is not None) == (face.distance <= face.tolerance)


def test_a_day_holds_every_kind_of_outcome() -> None:
    """Granted and refused, by face, keypad and app, and a stranger."""
    actions = [
        (fact.actor, fact.granted)
        for visit in sample_day(DAY)
        for step in visit.steps
        for fact in step.facts
        if isinstance(fact, UnlockAction)
    ]
    assert Counter(actions).keys() >= {
        ("face", True),
        ("face", False),
        ("keypad", True),
        ("keypad", False),
        ("app", True),
    }


@pytest.mark.parametrize("hour", range(24))
def test_a_visit_fits_its_hour(hour: int) -> None:
    """A rule of the night is not used by day, and the reverse."""
    random = Random(hour)
    at = datetime(2026, 2, 25, hour, 30, tzinfo=UTC)
    visits = [sample_visit(at, random) for _ in range(60)]
    facts = [fact for visit in visits for step in visit.steps for fact in step.facts]
    rules = {fact.rule for fact in facts if isinstance(fact, UnlockAction)}
    assert (BY_DAY in rules) == (6 <= hour < 22)
    assert (BY_NIGHT in rules) == (not 6 <= hour < 22)
    assert all(visit.recorded_at == at for visit in visits)


def test_the_rule_of_the_day_holds_by_day() -> None:
    """In every made-up day."""
    for visit in sample_day(DAY, visits=300):
        for step in visit.steps:
            for fact in step.facts:
                if isinstance(fact, UnlockAction) and fact.rule == BY_DAY:
                    assert 6 <= visit.recorded_at.hour < 22


def test_the_hours_are_a_hundred_visits() -> None:
    """The figures are parts of a hundred, one for each hour."""
    assert len(HOURS) == 24
    assert sum(HOURS) in range(95, 106)


@pytest.mark.parametrize("label", ["person", "package", "cat", "dog", "car", "bicycle", "yeti"])
def test_a_picture_is_drawn_for_every_label(label: str) -> None:
    """The same scene is the same picture; what has no shape of its own gets another."""
    scene = Scene(hour=12, labels=(label,), seed=3)
    picture = Image.open(BytesIO(draw(scene)))
    assert picture.size == (WIDTH_PX, HEIGHT_PX)
    assert draw(scene) == draw(scene)
    assert draw(scene) != draw(Scene(hour=12, labels=(), seed=3))


@pytest.mark.parametrize("label", ["person", "package", "cat", "dog", "car", "bicycle", "yeti"])
@pytest.mark.parametrize("seed", range(5))
def test_a_figure_is_where_it_is_said_to_be(label: str, seed: int) -> None:
    """Its corners hold all that is drawn of it, and little else."""
    scene = Scene(hour=12, labels=(label,), seed=seed)
    (figure,) = figures(scene)
    drawn = [
        Image.open(BytesIO(draw(shown))) for shown in (scene, Scene(hour=12, labels=(), seed=seed))
    ]
    box = ImageChops.difference(*drawn).getbbox()
    assert box is not None
    assert all(abs(is_at - said) <= 2 for is_at, said in zip(box, figure.corners, strict=True))


def test_a_days_boxes_lie_over_what_its_pictures_show() -> None:
    """Objects in their order, and each face in the upper half of a person."""
    for visit in sample_day(DAY, visits=200):
        scene = next(step.scene for step in visit.steps if step.scene is not None)
        shown = figures(scene)
        facts = [fact for step in visit.steps for fact in step.facts]
        objects = [fact for fact in facts if isinstance(fact, Detection)]
        assert [(d.label, corners(d)) for d in objects] == [(f.label, f.corners) for f in shown]
        faces = [corners(fact) for fact in facts if isinstance(fact, FaceResult)]
        persons = [figure.face for figure in shown if figure.label == "person"]
        assert len(set(faces)) == len(faces)
        assert set(faces) <= set(persons)


def corners(fact: Detection | FaceResult) -> tuple[float | None, ...]:
    """The corners of a fact's box."""
    assert fact.box is not None
    return fact.box.x1, fact.box.y1, fact.box.x2, fact.box.y2


def test_the_night_is_darker_than_noon() -> None:
    """Light follows the hour."""
    dark, light = (
        sum(Image.open(BytesIO(draw(Scene(hour=hour, labels=(), seed=1)))).convert("L").tobytes())
        for hour in (0, 13)
    )
    assert dark < light


@pytest.mark.anyio
async def test_a_day_is_played_once_however_often(tmp_path: Path) -> None:
    """As a pipeline that starts again: no event, no record and no picture is there twice."""
    day = sample_day(DAY)
    folder = Thumbnails(tmp_path / "thumbnails")
    async with EventStore(str(tmp_path / "door.db"), str(folder.folder)) as store:
        assert await play(store, folder, day) == len(day)
        position = await store.reader.last_position()
        pictures = sorted(folder.folder.iterdir())
        assert await play(store, folder, day) == len(day)
        assert await store.reader.last_position() == position
        assert sorted(folder.folder.iterdir()) == pictures
        assert len(pictures) == len(day)
        await store.caught_up(position)
        persons = await store.reader.persons()
        assert [p["name"] for p in persons] == [person.name for person in HOUSEHOLD]


class NoPictures:
    """A folder that can save nothing."""

    async def save_async(self, frame_bytes: bytes, event_timestamp: str) -> ThumbnailSaved | None:
        """Nothing is saved."""
        assert frame_bytes
        assert event_timestamp
        return None


class Kept:
    """A store that keeps what it was given."""

    def __init__(self) -> None:
        self.facts: list[object] = []

    async def append(
        self, *facts: object, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Keep."""
        assert key is not None
        self.facts += facts
        return Receipt((), None if event_id is None else EventId(event_id))

    async def receipt(self, key: str) -> Receipt | None:
        """Nothing was appended before."""
        assert key
        return None


@pytest.mark.anyio
async def test_a_day_without_pictures_has_no_fact_of_any() -> None:
    """A frame that can't be saved never stops an event."""
    store = Kept()
    await play(store, NoPictures(), sample_day(DAY))
    assert store.facts
    assert not any(isinstance(fact, ThumbnailSaved) for fact in store.facts)


@pytest.mark.anyio
async def test_visits_are_played_as_time_goes_by(tmp_path: Path) -> None:
    """Nothing is appended before it has happened, and every visit has its picture."""
    clock = [datetime(2026, 2, 25, 12, tzinfo=UTC)]
    folder = Thumbnails(tmp_path / "thumbnails")

    async def sleep(seconds: float) -> None:
        assert seconds >= 0
        clock[0] += timedelta(seconds=seconds)

    class Watched(Kept):
        async def append(
            self, *facts: object, event_id: int | None = None, key: str | None = None
        ) -> Receipt:
            assert all(getattr(fact, "recorded_at", clock[0]) <= clock[0] for fact in facts)
            return await super().append(*facts, event_id=event_id, key=key)

    store = Watched()
    await play_live(store, folder, visits=20, seed=3, now=lambda: clock[0], sleep=sleep)
    assert sum(isinstance(fact, Ding | Motion) for fact in store.facts) == 20
    assert sum(isinstance(fact, ThumbnailSaved) for fact in store.facts) == 20
