"""What a household sees, in a real browser: live, filtered, in order, and nothing run or sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dashboard.browser.appending import append, now
from tests.dashboard.browser.conftest import PHONE, Pages, accounts, sign_in
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

STROKE_PX = 3  # of a box and its edge, and what rounding adds
EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


def test_a_live_event_appears_without_reload(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """It appears at the top, changes as its facts arrive, and its day has one title."""
    running, token = sampled
    page = sign_in(open_page(running.url), running.url)
    page.locator("#live[data-state=on]").wait_for()
    page.evaluate("window.stayed = true")
    ding = {"kind": "ding", "camera_id": "garden", "recorded_at": now()}
    event_id = append(running, token, ding)
    card = page.locator(f"#event-{event_id}")
    card.wait_for()
    assert page.locator(".card").first.get_attribute("id") == f"event-{event_id}"
    assert "Somebody rang" in card.inner_text()
    face = {"kind": "face_result", "name": "ada", "distance": 0.3, "tolerance": 0.6}
    unlock = {"kind": "unlock_action", "granted": True, "door_action": "unlocked", "person": "ada"}
    append(running, token, face, unlock, event_id=event_id)
    page.get_by_text("Ada rang").first.wait_for()
    card.locator(".chip.granted").wait_for()
    assert page.locator(f"#event-{event_id}").count() == 1
    titles = page.locator(".day h2").all_inner_texts()
    assert len(titles) == len(set(titles))
    assert page.evaluate("window.stayed") is True


def test_a_filter_holds_for_what_comes_live(sampled: tuple[Running, str], open_page: Pages) -> None:
    """The filter lives in the address; what does not fit does not appear."""
    running, token = sampled
    page = sign_in(open_page(running.url), running.url)
    page.locator("summary", has_text="Find").click()
    page.locator("select[name=outcome]").select_option("refused")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/?outcome=refused")
    page.locator("#live[data-state=on]").wait_for()
    ding = {"kind": "ding", "camera_id": "front_door", "recorded_at": now()}
    other = append(running, token, ding)
    refused = {"kind": "unlock_action", "granted": False, "actor": "keypad", "rule": "wrong code"}
    fits = append(running, token, {**ding, "recorded_at": now()}, refused)
    page.locator(f"#event-{fits}").wait_for()
    assert page.locator(f"#event-{other}").count() == 0
    assert page.locator(f"#event-{fits} .chip").all_inner_texts() == ["Refused"]


def test_boxes_lie_where_the_detections_say(sampled: tuple[Running, str], open_page: Pages) -> None:
    """On the screen, on a wide one and on a phone: at the same part of the picture."""
    running, _ = sampled
    for viewport in (None, PHONE):
        options = {} if viewport is None else {"viewport": viewport}
        page = sign_in(open_page(running.url, **options), running.url)
        page.goto(f"{running.url}/?label=person&outcome=granted")
        page.locator(".card h3 a").first.click()
        page.locator(".boxes rect[data-label]").first.wait_for()
        event_id = page.url.rpartition("/")[2]
        whole = page.evaluate(f"fetch('/api/events/{event_id}').then(answer => answer.json())")
        picture = page.locator(".picture img").bounding_box()
        drawn = [box.bounding_box() for box in page.locator(".object rect[data-label]").all()]
        assert len(drawn) == len(whole["event"]["detections"]) > 0
        for box, said in zip(drawn, whole["event"]["detections"], strict=True):
            scale = picture["width"] / 480
            assert abs(box["x"] - picture["x"] - said["bbox_x1"] * scale) < STROKE_PX
            assert abs(box["y"] - picture["y"] - said["bbox_y1"] * scale) < STROKE_PX
            assert abs(box["width"] - (said["bbox_x2"] - said["bbox_x1"]) * scale) < STROKE_PX
            assert abs(box["height"] - (said["bbox_y2"] - said["bbox_y1"]) * scale) < STROKE_PX


def test_signing_in_and_out(sampled: tuple[Running, str], open_page: Pages) -> None:
    """A wrong password says so; after signing out the way back shows nothing."""
    running, _ = sampled
    page = open_page(running.url)
    page.goto(f"{running.url}/people")
    page.get_by_label("Name").fill("owner")
    page.get_by_label("Password").fill("wrong horse battery")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    sign_in(page, running.url)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("heading", name="The door").wait_for()
    page.go_back()
    page.get_by_role("button", name="Sign in").wait_for()


def test_a_link_signs_in_once(sampled: tuple[Running, str], open_page: Pages) -> None:
    """A click on it opens the timeline; a second use asks for another code."""
    running, _ = sampled
    page = open_page(running.url)
    page.goto(running.link)
    page.get_by_role("heading", name="Timeline").wait_for()
    again = open_page(running.url)
    again.goto(running.link)
    again.get_by_role("alert").wait_for()


def test_a_form_of_another_session_is_refused(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """A page that was loaded before a sign-out can do nothing after it."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    page.goto(f"{running.url}/people")
    other = page.context.new_page()
    other.goto(f"{running.url}/account")
    other.get_by_role("button", name="Sign out", exact=True).click()
    sign_in(other, running.url)
    page.get_by_role("button", name="Save").first.click()
    page.get_by_text("This page is too old").wait_for()


def test_a_name_full_of_html_is_text(tmp_path: Path, open_page: Pages) -> None:
    """No script runs, no dialog opens, nothing is asked of another host: `open_page` holds that."""
    token = accounts(tmp_path)
    with Running(tmp_path) as running:
        page = sign_in(open_page(running.url), running.url)
        page.locator("#live[data-state=on]").wait_for()
        event_id = append(
            running,
            token,
            {"kind": "ding", "camera_id": EVIL, "recorded_at": now()},
            {"kind": "detection", "label": EVIL, "confidence": 0.5},
            {"kind": "face_result", "name": EVIL, "distance": 0.3},
            {"kind": "unlock_action", "granted": True, "person": EVIL, "rule": EVIL},
        )
        page.locator(f"#event-{event_id} h3", has_text="rang").wait_for()
        for path in ("/", f"/events/{event_id}", "/people", "/unlocks", "/status"):
            page.goto(running.url + path)
            page.wait_for_load_state()
            assert page.locator("main img[src=x]").count() == 0
            assert page.locator("main script").count() == 0
            assert EVIL in page.locator("main").inner_text() or path == "/status"


def test_times_are_the_doors(sampled: tuple[Running, str], open_page: Pages) -> None:
    """The same words in Tokyo and in Berlin, of the same instant; a viewer elsewhere is told so."""
    running, _ = sampled
    shown = []
    for zone in ("Asia/Tokyo", "Europe/Berlin"):
        page = sign_in(open_page(running.url, timezone_id=zone), running.url)
        page.goto(f"{running.url}/events/1")
        time = page.locator(".byline time")
        shown.append((time.inner_text(), time.get_attribute("datetime")))
        note = page.locator("[data-zone-note]").inner_text()
        assert note.startswith("Times are the door's, Europe/Berlin.")
        assert ("This device is in Asia/Tokyo." in note) is (zone == "Asia/Tokyo")
    assert shown[0] == shown[1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", shown[0][1])


def test_everything_is_reached_by_keyboard(sampled: tuple[Running, str], open_page: Pages) -> None:
    """The first stop skips to the content; a card opens by Enter."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    page.reload()
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(100):  # past today's figures, what needs a look, and the filters
        page.keyboard.press("Tab")
        if page.locator(".card :focus").count():
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What happened").wait_for()
