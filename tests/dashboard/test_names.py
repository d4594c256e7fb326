"""Names: the recorded one is always visible, and no text from outside passes for another's."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from eventlog.dashboard.names import Person, isolated, labels, visible
from eventlog.facts import FaceResult, Motion, PersonNamed, UnlockAction
from tests.dashboard.house import AT, VISIT, House

pytestmark = pytest.mark.anyio

CYRILLIC_ADA: Final = "\u0430da"


def shown(*persons: tuple[str, str | None]) -> dict[str, str]:
    """How each of these persons is shown among them all."""
    everybody = [Person(*person) for person in persons]
    return labels([person.name for person in everybody], everybody)


def test_the_recorded_name_is_visible_where_the_shown_one_differs() -> None:
    """But for capitals alone, which hide nothing."""
    assert shown(("mallory", "Nora Lind"), ("ada", "Ada"), ("bela", None)) == {
        "mallory": "Nora Lind (recorded as mallory)",
        "ada": "Ada",
        "bela": "bela",
    }


def test_two_persons_shown_alike_are_marked() -> None:
    """Both of them, with the other's recorded name."""
    assert shown(("ada", None), ("mallory", "ada")) == {
        "ada": "ada (shown like mallory)",
        "mallory": "ada (recorded as mallory; shown like ada)",
    }


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (CYRILLIC_ADA, r"\u0430da (imitates ada)"),
        ("a\u200bda", r"a\u200bda (imitates ada)"),
        ("\u202eada", r"\u202eada (imitates ada)"),
        ("ada\u2800", r"ada\u2800 (imitates ada)"),
        ("ada\u3164", r"ada\u3164 (imitates ada)"),
        ("\uff41da", r"\uff41da (imitates ada)"),
        ("\u0251da", r"\u0251da (imitates ada)"),
        ("ada\u00a0", r"ada\xa0 (imitates ada)"),
    ],
)
def test_an_imitation_is_marked_and_shown_with_escapes(name: str, label: str) -> None:
    """Zero width, direction, blank and look-alike letters; the one who is imitated stays as is."""
    assert shown(("ada", None), (name, None)) == {"ada": "ada", name: label}


def test_names_of_other_scripts_stay_as_they_are() -> None:
    """A name is not an imitation for being written in letters beyond ASCII."""
    names = [
        "Bj\u00f6rn",
        "\u0410\u043d\u043d\u0430",
        "\u9648\u6668",
        "Ren\u00e9e",
        "\u05e0\u05e2\u05d4",
    ]
    assert shown(*[(name, None) for name in names]) == {name: name for name in names}


def test_what_can_not_be_seen_becomes_an_escape() -> None:
    """Control characters, directions and odd spaces; letters, accents and line ends stay."""
    assert visible("a\x1b[2Jb\u2028c\u00a0d\ne\u0301") == "a\\x1b[2Jb\\u2028c\\xa0d\ne\u0301"
    assert visible("\u2069 the door was opened \u2068") == r"\u2069 the door was opened \u2068"
    label = isolated({"x": "\u05e0\u05e2\u05d4"})["x"]
    assert visible(f"{label} rang") == f"{label} rang"


async def test_a_display_name_does_not_rewrite_what_the_records_say(house: House) -> None:
    """Mallory, shown as ada, stays mallory on the timeline, the event, the unlocks and the API."""
    await house.append(*VISIT)
    later = AT + timedelta(minutes=5)
    await house.append(
        Motion(camera_id="front_door", recorded_at=later),
        FaceResult(name="mallory", distance=0.5, tolerance=0.6, recorded_at=later),
        UnlockAction(granted=True, door_action="unlocked", person="mallory", actor="face"),
    )
    await house.append(PersonNamed(name="mallory", display_name="ada"))
    label = "ada (recorded as mallory; shown like ada)"
    async with await house.signed_in() as client:
        for path in ("/", "/events/2", "/unlocks", "/people"):
            assert label in (await client.get(path)).text, path
        told = (await client.get("/api/events/2")).json()
        assert f"unlocked for {label}" in told["sentence"]
        assert f"Face: {label}" in [line["text"] for line in told["story"]][1]
        page = (await client.get("/events/2")).text
    assert f"<bdi>{label}</bdi>" in page


async def test_an_imitated_name_is_isolated_and_escaped_on_every_page(house: House) -> None:
    """No page has the zero-width letter itself, but in what a form or an address sends back."""
    await house.append(*VISIT)
    later = AT + timedelta(minutes=5)
    await house.append(
        Motion(camera_id="front_\u202edoor", recorded_at=later),
        FaceResult(name="a\u200bda", distance=0.5, tolerance=0.6, recorded_at=later),
    )
    async with await house.signed_in() as client:
        for path in ("/", "/events/2"):
            page = (await client.get(path)).text
            assert r"<bdi>a\u200bda (imitates ada)</bdi>" in page, path
            assert "\u200b" not in page.replace('value="a\u200bda"', ""), path
            assert "\u202e" not in page.replace('value="front_\u202edoor"', ""), path
            assert r"front_\u202edoor" in page, path
