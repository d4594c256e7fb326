"""What detections and persons of a plain store say as facts, and what is kept of the rest."""

from __future__ import annotations

import pytest

from eventlog import Detection
from eventlog.store.compat.plain_rows import Row, person_of_row
from tests.store.compat.plain_facts import NOW_US, event, facts, kept, only, values
from tests.store.compat.plain_stores import ANNA, DOG

# ── detections ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {"confidence": 1.3},
        {"confidence": None},
        {"label": "d" * 65},
        {"label": None},
        {"label": ""},
    ],
)
def test_a_detection_without_a_label_or_confidence_becomes_no_fact_and_is_kept_whole(
    changes: Row,
) -> None:
    """A fact needs both, and neither may be made up."""
    bad = {**DOG, "id": 13, **changes}
    result = event(DOG, bad)
    assert only(result, Detection).label == "dog"
    assert kept(result) == {"id": 7, "detections": [12], "detection_values": [bad]}
    assert result.exceptions == 1


def test_an_event_id_of_another_type_is_kept() -> None:
    """A pipeline's column may hold '7' where the event is 7."""
    result = event({**DOG, "event_id": "7"})
    assert kept(result)["detection_values"] == [{"id": 12, "event_id": "7"}]
    assert result.exceptions == 0


def test_a_corner_that_can_not_be_held_is_not_known_and_kept() -> None:
    """The other corners are kept."""
    bad = {**DOG, "bbox_x1": float("inf"), "bbox_y2": "low"}
    result = event(bad)
    box = only(result, Detection).box
    assert (box.x1, box.y1, box.x2, box.y2) == (None, 2.0, 3.0, None)
    assert kept(result)["detection_values"] == [
        {"id": 12, "bbox_x1": float("inf"), "bbox_y2": "low"}
    ]
    assert result.exceptions == 1


def test_a_detection_without_corners_has_no_box() -> None:
    """Four NULLs are no rectangle."""
    nothing = dict.fromkeys(("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"))
    assert only(event({**DOG, **nothing}), Detection).box is None


def test_an_event_may_have_more_detections_than_one_append_of_a_caller() -> None:
    """The limit is on what callers send; a row that is there goes in."""
    many = [{**DOG, "id": number} for number in range(1, 12_001)]
    assert len(facts(event(*many))) == 12_000 + len(facts(event()))


# ── persons ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["", None, "n" * 65, b"anna", 12])
def test_a_person_whose_name_can_not_be_held_becomes_no_fact(name: object) -> None:
    """There is no person to name; the row is to be kept in a table."""
    told = person_of_row({**ANNA, "name": name}, NOW_US)
    assert (told.append, told.aside, told.exceptions) == (None, True, 1)


@pytest.mark.parametrize(
    ("shown", "aside"), [("", False), ("n" * 65, True), (b"Anna", True), (12, True)]
)
def test_a_name_to_show_that_can_not_be_held_leaves_the_person_without_one(
    shown: object, aside: bool
) -> None:
    """An empty one is kept in the meta, what may be a name is not."""
    told = person_of_row({**ANNA, "display_name": shown}, NOW_US)
    assert getattr(facts(told)[0], "display_name", "") is None
    assert values(told) == ({} if aside else {"display_name": shown})
    assert (told.aside, told.exceptions) == (aside, 1)


def test_a_person_without_a_time_was_named_now() -> None:
    """There is no other time in the row."""
    told = person_of_row({"id": 3, "name": "anna"}, NOW_US)
    assert told.append is not None
    assert (told.append.appended_at_us, kept(told), told.exceptions) == (NOW_US, {"id": 3}, 0)
