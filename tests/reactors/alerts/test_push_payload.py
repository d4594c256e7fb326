"""What a push message holds: texts cut to fit, an event by its number, and nothing else."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.reactors.alerts import push_payload
from eventlog.reactors.alerts.push_payload import PAYLOAD_MAX, SHORT_MAX, cut, headers, payload
from eventlog.reactors.alerts.wording import Message

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)
AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


def message(title: str = "t", body: str = "b", **more: object) -> Message:
    """A message about event 7."""
    return Message(
        **{  # type: ignore[arg-type]  # fields by name
            "id": "alert:7:bell:phone",
            "revision": 0,
            "rule": "bell",
            "title": title,
            "body": body,
            "event_id": 7,
            "at": AT,
            **more,
        }
    )


def test_a_message_has_its_title_its_text_its_tag_and_its_event() -> None:
    """No picture, no name besides those of the texts, no address."""
    found = json.loads(payload(message("Somebody rang", "at noon", picture="thumbnails/one.jpg")))
    assert found == {
        "title": "Somebody rang",
        "body": "at noon",
        "tag": "alert:7:bell:phone",
        "event": 7,
    }


@example("\x01" * 200, "\x01" * 3000, SHORT_MAX)
@example("👩" * 200, "👩" * 3000, SHORT_MAX)
@given(TEXTS, TEXTS, st.sampled_from([PAYLOAD_MAX, SHORT_MAX]))
def test_every_message_fits(title: str, body: str, limit: int) -> None:
    """Whatever its texts are; a text that is cut is the beginning of the whole one."""
    data = payload(message(title, body), limit)
    assert len(data) <= limit
    found = json.loads(data)
    assert found["event"] == 7
    for whole, kept in ((title, found["title"]), (body, found["body"])):
        assert kept == whole or (kept.endswith("…") and whole.startswith(kept[:-1])) or not kept


@example("👩\u200d 👩 aaaa", 4)
@example("aaa \u0301aa", 5)
@given(st.text(st.sampled_from("ae\u0301\u200d👩👧\ufe0f "), max_size=40), st.integers(0, 40))
def test_a_text_is_not_cut_within_what_is_shown_as_one(text: str, length: int) -> None:
    """A mark stays with its letter, and a joined emoji is kept or left out."""
    kept = cut(text, length)
    assert len(kept) <= length
    if kept == text:
        return
    rest = text[len(kept.removesuffix("…")) :]
    assert not kept.removesuffix("…").endswith("\u200d")
    assert not rest or not unicodedata.category(rest[0]).startswith("M") or kept in {"", "…"}


def test_a_revision_takes_the_place_of_what_was_not_delivered() -> None:
    """Its topic is the alert's; another alert has another."""
    first, second = headers(message()), headers(message(revision=1))
    assert first["topic"] == second["topic"] != headers(message(id="alert:8:bell:phone"))["topic"]
    assert len(first["topic"]) <= push_payload.TOPIC_SIZE
    assert set(first["topic"]) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


def test_a_digest_can_wait() -> None:
    """A single alert wakes the device."""
    assert headers(message())["urgency"] == "high"
    assert headers(message(at=None))["urgency"] == "normal"
