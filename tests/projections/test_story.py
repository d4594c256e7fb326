"""A story says why the door opened or did not, from the facts and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given

from eventlog.facts import (
    AlertSent,
    Detection,
    Ding,
    FaceResult,
    Fact,
    Motion,
    PersonNamed,
    Score,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
)
from eventlog.journal.append import prepare
from eventlog.projections import events, story
from eventlog.record import EventId, Position, Record, StoredRecord
from tests.projections.engine import projected
from tests.projections.engine import rows as rows_of
from tests.support.logs import T0, T0_US, build_log, rows
from tests.support.strategies import visits

OPENER = Motion(camera_id="front_door", recorded_at=T0)
NEAR = FaceResult(name="ada", distance=0.38, tolerance=0.6)
STRANGER = FaceResult(name=None, distance=0.71, tolerance=0.6)


def records(*facts: Fact) -> list[Record]:
    """Facts as the records of one event, a second apart."""
    return [
        Record(Position(n), EventId(1), T0_US + n * 1_000_000, None, fact)
        for n, fact in enumerate(facts, start=1)
    ]


def sentence(*facts: Fact) -> str:
    """The sentence on top of an event of these facts, its opener before them."""
    return story.tell(records(OPENER, *facts), {"ada": "Ada"}).sentence


def by_face(person: str | None, distance: float | None, rule: str | None = None) -> UnlockAction:
    """An action that a face asked for; a stranger is refused."""
    granted = person is not None
    return UnlockAction(
        granted=granted,
        door_action="unlocked" if granted else "none",
        person=person,
        distance=distance,
        rule=rule,
        actor="face",
    )


REFUSED = UnlockAction(granted=False, actor="keypad", rule="wrong code")
OPENED = UnlockAction(granted=True, door_action="unlocked", actor="app")
LOCKED = UnlockAction(granted=True, door_action="locked", actor="lock")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            [NEAR, by_face("ada", 0.38, "by day")],
            (
                "The door was unlocked for Ada: asked by face, distance 0.38 within the tolerance"
                ' of 0.6; rule: "by day".'
            ),
        ),
        (
            [NEAR, by_face("ada", None)],
            (
                "The door was unlocked for Ada: asked by face, distance 0.38 within the tolerance"
                " of 0.6."
            ),
        ),
        (
            [STRANGER, by_face(None, 0.71)],
            (
                "The door was not unlocked for a stranger: asked by face, distance 0.71 beyond the"
                " tolerance of 0.6."
            ),
        ),
        (
            [by_face("ada", 0.38)],
            "The door was unlocked for Ada: asked by face, distance 0.38.",
        ),
        (
            [REFUSED, REFUSED, REFUSED],
            'The door was not unlocked in 3 tries: asked by keypad; rule: "wrong code".',
        ),
        ([REFUSED], 'The door was not unlocked: asked by keypad; rule: "wrong code".'),
        ([REFUSED, OPENED], "The door was unlocked after 1 refused try: asked by app."),
        (
            [REFUSED, REFUSED, OPENED, LOCKED],
            "The door was unlocked after 2 refused tries, and locked again: asked by app.",
        ),
        ([LOCKED], "The door was locked: asked by lock."),
        (
            [UnlockAction(granted=True, person="ada")],
            (
                "An unlock was granted for Ada, and what the door did is not known; why is not"
                " recorded."
            ),
        ),
        (
            [UnlockAction(granted=True, door_action="unlocked")],
            "The door was unlocked; why is not recorded.",
        ),
        (
            [UnlockAction(granted=False, door_action="unlocked", actor="key")],
            "The door was unlocked without a grant: asked by key.",
        ),
        (
            [UnlockAction(granted=False, door_action="locked", actor="app")],
            "The door was locked: asked by app.",
        ),
        (
            [
                FaceResult(name="ada", score=Score(value=0.95, scale="similarity")),
                UnlockAction(granted=True, door_action="unlocked", person="ada"),
            ],
            "The door was unlocked for Ada: score 0.95 (similarity).",
        ),
        (
            [UnlockAction(granted=True, door_action="unlocked", actor="face", confidence=0.62)],
            "The door was unlocked for a stranger: asked by face, confidence 62 %.",
        ),
        ([NEAR], "Nothing asked the lock to act. Ada was recognised."),
        (
            [NEAR, FaceResult(name="ben"), NEAR],
            "Nothing asked the lock to act. Ada and ben were recognised.",
        ),
        (
            [STRANGER, Detection(label="person", confidence=0.9)],
            "Nothing asked the lock to act. Seen: a stranger's face, person.",
        ),
        ([], "Nothing asked the lock to act. Nothing is known of who or what was there."),
    ],
)
def test_the_sentence_names_what_decided(facts: list[Fact], expected: str) -> None:
    """Who asked, what was measured against what, the rule, and how often it was tried."""
    assert sentence(*facts) == expected


def test_a_measure_comes_from_a_face_that_was_seen_before_the_action() -> None:
    """A face that was compared afterwards decided nothing."""
    late = FaceResult(name="ada", distance=0.38, tolerance=0.6)
    assert "tolerance" not in sentence(by_face("ada", None), late)


def test_of_several_faces_the_one_with_the_actions_distance_is_told() -> None:
    """Two tries of one person may be compared with different tolerances."""
    strict = FaceResult(name="ada", distance=0.38, tolerance=0.4)
    nearer = FaceResult(name="ada", distance=0.3, tolerance=0.6)
    assert "0.38 within the tolerance of 0.4" in sentence(strict, nearer, by_face("ada", 0.38))


def test_a_face_of_somebody_else_is_no_reason() -> None:
    """Who was granted is not explained by the nearest face of another."""
    assert "tolerance" not in sentence(NEAR, by_face("ben", None))


def test_an_action_by_keypad_is_not_explained_by_a_face() -> None:
    """A face was there, and the code decided."""
    keypad = UnlockAction(granted=True, door_action="unlocked", person="ada", actor="keypad")
    assert sentence(NEAR, keypad) == "The door was unlocked for Ada: asked by keypad."


def test_numbers_that_would_look_alike_are_written_out() -> None:
    """0.6 beyond a tolerance of 0.6 would be no sentence."""
    just = FaceResult(name=None, distance=0.60000001, tolerance=0.6)
    assert "distance 0.60000001 beyond the tolerance of 0.6" in sentence(just, by_face(None, None))


@given(visits())
def test_the_outcome_is_the_one_of_the_view(facts: list[Fact]) -> None:
    """Story and list never disagree on whether the lock granted or refused."""
    (event,) = rows_of(projected(records(*facts), views=[events.EVENTS]), "events")
    assert story.tell(records(*facts)).outcome == event["outcome"]


@given(visits())
def test_every_record_has_its_line_in_order(facts: list[Fact]) -> None:
    """Nothing of an event is left out of its story, and every line says something."""
    told = story.tell(records(*facts))
    assert [line.position for line in told.lines] == list(range(1, len(facts) + 1))
    assert all(line.text and line.at.tzinfo is not None for line in told.lines)


def test_a_line_tells_the_cameras_time_and_else_that_of_the_append() -> None:
    """The line says which of the two it is."""
    at = T0 + timedelta(hours=1)
    known, unknown = story.tell(
        records(AlertSent(channel="telegram", recorded_at=at), AlertSent())
    ).lines
    assert (known.at, known.happened) == (at, True)
    assert (unknown.at, unknown.happened) == (T0 + timedelta(seconds=2), False)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (Ding(camera_id="gate", recorded_at=T0), "Somebody rang at gate"),
        (OPENER, "Something moved at front_door"),
        (
            Detection(label="dog", confidence=0.876, model="yolov8n"),
            "Seen: dog, 88 % sure, by yolov8n",
        ),
        (NEAR, "Face: Ada, distance 0.38 within the tolerance of 0.6"),
        (FaceResult(), "Face: a stranger"),
        (
            UnlockAction(
                granted=True,
                door_action="unlocked",
                person="ada",
                actor="face",
                rule="by day",
                door_id="front",
            ),
            'Asked to unlock (front) by face for Ada: granted, unlocked; rule: "by day"',
        ),
        (REFUSED, 'Asked to unlock by keypad: refused; rule: "wrong code"'),
        (
            UnlockAction(granted=False, door_action="locked", actor="app"),
            "Door locked by app",
        ),
        (
            ThumbnailSaved(path="thumbnails/a.jpg", size_bytes=12_345, width_px=480, height_px=270),
            "Picture saved: thumbnails/a.jpg (480 × 270 pixels, 12.3 kB)",  # noqa: RUF001 - as shown
        ),
        (ThumbnailSaved(path="thumbnails/a.jpg"), "Picture saved: thumbnails/a.jpg"),
        (AlertSent(), "Alert sent"),
        (PersonNamed(name="ada", display_name="Ada"), "ada is shown as Ada"),
        (PersonNamed(name="ada"), "ada is shown as ada"),
        (
            UncleanStop(journal_position=7),
            "The recorder had not been closed; the journal ended at 7",
        ),
        (
            UncleanStop(journal_position=7, head_position=9),
            (
                "The recorder had not been closed; the journal ended at 7, and 2 records after it"
                " are lost"
            ),
        ),
    ],
)
def test_a_fact_has_words(fact: Fact, expected: str) -> None:
    """Every kind of fact, with what is known of it and without what is not."""
    assert story.text_of(fact, {"ada": "Ada"}) == expected


@pytest.fixture
def stored(tmp_path: Path) -> StoredRecord:
    """A row of a journal."""
    path = build_log(tmp_path / "door.db", [prepare([OPENER])])
    return StoredRecord._make(rows(path)[0])


def test_a_sound_row_is_read_as_its_record(stored: StoredRecord) -> None:
    """The fact comes out as it went in."""
    read = story.read(stored)
    assert isinstance(read, Record)
    assert read.fact == OPENER


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"kind": "smoke"}, "smoke"),
        ({"version": 9}, "motion"),
        ({"body": b"no fact"}, "motion"),
        ({"body": 7}, "damaged"),
        ({"hash": b"short"}, "damaged"),
        ({"appended_at": 2**62}, "motion"),
    ],
)
def test_a_row_that_cannot_be_read_stays_in_the_story(
    stored: StoredRecord, change: dict[str, object], kind: str
) -> None:
    """It has its line with the reason, and the sentence says that something is missing."""
    unread = story.read(stored._replace(**change))  # type: ignore[arg-type]  # damaged on purpose
    assert isinstance(unread, story.Unread)
    told = story.tell([*records(OPENER, NEAR), unread])
    assert told.sentence.endswith(" 1 record of the event can't be read.")
    assert told.lines[-1].kind == kind
    assert told.lines[-1].text.startswith("can't be read: ")
    assert not told.lines[-1].happened


def test_texts_from_outside_can_not_speak_as_the_log() -> None:
    """A rule, an actor, a label and a camera that look like part of a sentence are quoted."""
    lie = "none. The door was locked again"
    asked = UnlockAction(granted=False, actor=lie, rule=f'x"; {lie}')
    told = story.tell(records(Ding(camera_id=lie, recorded_at=T0), Detection(label=lie), asked))
    assert told.sentence == (f'The door was not unlocked: asked by "{lie}"; rule: "x\\"; {lie}".')
    assert told.lines[0].text == f'Somebody rang at "{lie}"'
    assert told.lines[1].text == f'Seen: "{lie}"'


def test_an_action_that_names_nobody_takes_the_person_of_the_views() -> None:
    """One that names somebody keeps the name; so does the record itself."""
    keypad = UnlockAction(granted=True, door_action="unlocked", actor="keypad", credential_slot=2)
    told = records(OPENER, keypad, by_face("ada", 0.38))
    shown = story.relabelled(told, {2: "bo", 3: "eve", 9: "eve"})
    texts = [line.text for line in story.tell(shown, {"bo": "Bo"}).lines]
    assert texts[1] == "Bo opened with the code of slot 2"
    assert "for ada" in texts[2]
    assert told[1].fact == keypad
