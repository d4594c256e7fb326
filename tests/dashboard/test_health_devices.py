"""Devices and sources on Health: in sentences, and no "all is well" over a low battery."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from eventlog.facts import (
    DeviceState,
    DoorState,
    Fact,
    LockState,
    Motion,
    PartBack,
    PartStopped,
    SourceBack,
    SourceSilent,
)
from eventlog.journal import clock
from tests.dashboard.house import AT, House

pytestmark = pytest.mark.anyio


async def health(house: House, *facts: Fact) -> str:
    """The words of the page Health after these facts."""
    await house.append(Motion(camera_id="front_door", recorded_at=AT))
    for fact in facts:
        await house.append(fact)
    async with await house.signed_in() as client:
        page = (await client.get("/status")).text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        (
            DeviceState(device_id="front", what="battery", state="low", value=12, recorded_at=AT),
            "The battery of front is low (12 %) since 25 Feb 2026, 10:30:00 UTC.",
        ),
        (
            DeviceState(device_id="bridge", what="connectivity", state="offline", recorded_at=AT),
            "bridge reports since 25 Feb 2026, 10:30:00 UTC: offline.",
        ),
        (
            DeviceState(device_id="keypad", what="tamper", state="tampered", recorded_at=AT),
            "keypad reports since 25 Feb 2026, 10:30:00 UTC: tampered with.",
        ),
        (
            LockState(door_id="front", state="jammed", source="zwave", recorded_at=AT),
            "The lock front reported a jam at 25 Feb 2026, 10:30:00 UTC.",
        ),
        (
            DoorState(door_id="front", state="forced_open", source="matter", recorded_at=AT),
            "The door front is forced open at 25 Feb 2026, 10:30:00 UTC.",
        ),
        (
            SourceSilent(source="ring", since=AT, reason="offline"),
            "Nothing has come from ring since 25 Feb 2026, 10:30:00 UTC.",
        ),
        (PartStopped(part="mqtt", error="OSError 111", restarts=3), "The part mqtt stopped at "),
    ],
)
async def test_what_somebody_should_look_at_is_a_sentence(
    house: House, fact: Fact, sentence: str
) -> None:
    """With since when."""
    said = await health(house, fact)
    assert sentence in said
    assert "All is well" not in said


async def test_what_is_over_is_not_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new battery, a source that is back, a part that runs again, a source's first start."""
    later = AT + timedelta(minutes=5)
    monkeypatch.setattr(clock, "now_us", lambda: int(later.timestamp() * 1e6))
    said = await health(
        house,
        DeviceState(device_id="front", what="battery", state="low", recorded_at=AT),
        DeviceState(device_id="front", what="battery", state="ok", value=97, recorded_at=later),
        SourceSilent(source="ring", since=AT, reason="offline"),
        SourceBack(source="ring", until=later),
        SourceSilent(source="frigate", since=AT, reason="first_start"),
        PartStopped(part="mqtt", error="OSError 111", restarts=3),
        PartBack(part="mqtt", restarts=3),
        LockState(door_id="front", state="jammed", source="zwave", recorded_at=AT),
        LockState(door_id="front", state="locked", source="zwave", recorded_at=later),
    )
    for word in ("The battery of", "Nothing has come from", "The part mqtt stopped", "a jam"):
        assert word not in said
    assert "front battery 97 % ; last sign of life" in said


async def test_a_name_of_a_device_is_a_text_from_outside(house: House) -> None:
    """It is escaped."""
    name = "<b>front</b>"
    await house.append(
        DeviceState(device_id=name, what="battery", state="low", value=1, recorded_at=AT)
    )
    async with await house.signed_in() as client:
        for path in ("/status", "/doors"):
            page = (await client.get(path)).text
            assert "<b>" not in page
            assert name in unescape(page)
