"""Doors and devices: the page, the API, and the links that say who is who."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from eventlog.facts import (
    CredentialPresented,
    DeviceState,
    DoorState,
    FaceResult,
    IdentityLinked,
    LockState,
    Motion,
    SourceSilent,
    UnlockAction,
)
from eventlog.journal import clock
from tests.dashboard.house import AT, VISIT, House, open_house

pytestmark = pytest.mark.anyio

CODE = UnlockAction(
    granted=True,
    door_action="unlocked",
    actor="keypad",
    credential_kind="pin",
    credential_slot=2,
    door_id="front",
    recorded_at=AT + timedelta(seconds=3),
)


def shown(page: str) -> str:
    """The words of a page, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture(autouse=True)
def that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal gets what happens when it happens, but for what a test makes late."""
    at_us = int((AT + timedelta(minutes=1)).timestamp() * 1e6)
    monkeypatch.setattr(clock, "now_us", lambda: at_us)
    monkeypatch.setattr(clock, "boot_id", lambda: bytes(16))


def nine_months_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on, and the machine was started anew meanwhile."""
    at_us = int(datetime(2026, 11, 25, 10, 30, tzinfo=UTC).timestamp() * 1e6)
    monkeypatch.setattr(clock, "now_us", lambda: at_us)
    monkeypatch.setattr(clock, "boot_id", lambda: bytes([1] * 16))


async def a_day(house: House) -> None:
    """A ring, a code, an open door, a jam, a low battery and a silent source."""
    await house.append(*VISIT)
    for fact in (
        CODE,
        DoorState(
            door_id="front", state="open", source="zwave", recorded_at=AT + timedelta(seconds=5)
        ),
        DoorState(
            door_id="front", state="closed", source="zwave", recorded_at=AT + timedelta(seconds=845)
        ),
        LockState(
            door_id="front", state="jammed", source="zwave", recorded_at=AT + timedelta(seconds=900)
        ),
        DeviceState(device_id="front", what="battery", state="low", value=12, recorded_at=AT),
        SourceSilent(source="ring", since=AT, reason="offline"),
        CredentialPresented(credential_kind="nfc", reason="out_of_hours", recorded_at=AT),
    ):
        await house.append(fact)


async def test_the_page_says_how_doors_are_and_what_opened_them(house: House) -> None:
    """In sentences, each with its visit."""
    await a_day(house)
    async with await house.signed_in() as client:
        page = (await client.get("/doors")).text
    words = shown(page)
    assert "Door front Closed since" in words
    assert "Lock front Jammed since" in words
    assert "Somebody opened with the code of slot 2 ( front ) visit 1" in words
    assert "The door stood open for 14 minutes ( front ) visit 1" in words
    assert "ada opened by face" in words
    assert "An NFC tag was shown and opened nothing: out of hours" in words
    assert "battery low, 12 %" in words
    assert "ring silent since" in words
    assert page.count('href="/events/1"') >= 3


async def test_the_page_shows_any_moment(house: House) -> None:
    """A local time of the door's zone; what is not a time is refused by name."""
    await a_day(house)
    async with await house.signed_in() as client:
        words = shown((await client.get("/doors?at=2026-02-25T10:31")).text)
        assert "Door front Open since" in words
        assert "Lock front Unlocked since" in words
        before = shown((await client.get("/doors?at=2026-02-25T10:29")).text)
        assert "had reported by then" in before
        assert "No opening was recorded by then" in before
        assert "Devices now" in before
        assert "Shown, and nothing opened" not in before  # that was later
        refused = await client.get("/doors?at=soon")
        assert refused.status_code == 400
        assert "is not a valid time" in unescape(refused.text)


async def test_a_moment_is_the_doors_own_time(tmp_path: Path) -> None:
    """Half past eleven in Berlin is half past ten in UTC."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        await a_day(house)
        async with await house.signed_in() as client:
            words = shown((await client.get("/doors?at=2026-02-25T11:31")).text)
            assert "Door front Open since" in words


async def test_the_api_has_doors_and_devices(house: House) -> None:
    """With ids as text and times with their offset."""
    await a_day(house)
    async with await house.program("read") as client:
        now = (await client.get("/api/doors")).json()
        assert now["doors"] == [
            {
                "door_id": "front",
                "state": "closed",
                "source": "zwave",
                "at": "2026-02-25T10:44:05Z",
                "late": None,
            }
        ]
        (opening,) = now["openings"]
        assert (opening["at"], opening["closed_at"]) == (
            "2026-02-25T10:30:05Z",
            "2026-02-25T10:44:05Z",
        )
        assert opening["event_id"] == "1"
        then = (await client.get("/api/doors?at=2026-02-25T11:31:00+01:00")).json()
        assert [door["state"] for door in then["doors"]] == ["open"]
        assert (await client.get("/api/doors?at=2026-02-25T10:31")).status_code == 400
        devices = (await client.get("/api/devices")).json()
        assert devices["devices"][0]["value"] == 12
        assert [one["source"] for one in devices["silent"]] == ["ring"]


async def test_a_slot_is_given_to_a_person_and_taken_back(house: House) -> None:
    """By a fact; the past is shown with the person, in the list and in the event's story."""
    await house.append(Motion(camera_id="front_door", recorded_at=AT), CODE)
    form = {"source": "front", "identity": "slot 2", "person": "Ada"}
    async with await house.signed_in() as client:
        page = (await client.get("/doors")).text
        assert 'name="identity" value="slot 2"' in page
        answer = await client.post("/identities", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/doors")
        assert "Ada opened with the code of slot 2" in shown((await client.get("/doors")).text)
        story = shown((await client.get("/events/1")).text)
        assert "Ada opened with the code of slot 2 (front)" in story
        assert "for Ada" in (await client.get("/api/events/1")).text
        # Nobody had named her before: she is a person of the log now, with a page of her own.
        (person,) = (await client.get("/api/persons")).json()["persons"]
        assert person["name"] == "Ada"
        assert "slot 2 of front" in shown((await client.get(f"/people/{person['id']}")).text)
        await client.post("/identities", data={**form, "linked": "0"})
        assert "Somebody opened with" in shown((await client.get("/doors")).text)


async def test_two_names_are_one_person_and_parted_again(house: House) -> None:
    """On the person's page; each step is a fact of its own."""
    await house.append(*VISIT)
    await house.append(
        Motion(camera_id="front_door", recorded_at=AT), FaceResult(name="ada_l", distance=0.4)
    )
    ids = await house.site.pages.run(
        lambda c: dict(c.execute("SELECT name, id FROM persons").fetchall())
    )
    form = {"person": "ada", "same_as": "ada_l", "back": str(ids["ada"])}
    async with await house.signed_in() as client:
        answer = await client.post("/identities", data=form)
        assert answer.headers["location"] == f"/people/{ids['ada']}"
        events = (await client.get("/api/events")).json()["events"]
        assert [event["person_name"] for event in events] == ["ada", "ada"]
        page = (await client.get(f"/people/{ids['ada']}")).text
        assert "ada_l is shown as ada" in shown(page)
        await client.post("/identities", data={**form, "linked": "0"})
        events = (await client.get("/api/events")).json()["events"]
        assert sorted(event["person_name"] for event in events) == ["ada", "ada_l"]


async def test_a_persons_page_draws_distances_against_tolerances(house: House) -> None:
    """A point for each visit, with a sentence for a reader that sees no drawing."""
    await house.append(*VISIT)
    await house.append(
        Motion(camera_id="front_door", recorded_at=AT + timedelta(hours=1)),
        FaceResult(name="ada", distance=0.52, tolerance=0.6),
    )
    number = await house.site.pages.run(
        lambda c: c.execute("SELECT id FROM persons WHERE name = 'ada'").fetchone()[0]
    )
    async with await house.signed_in() as client:
        page = (await client.get(f"/people/{number}")).text
        assert "Distances of 2 visits: 0.38 to 0.52 against a tolerance of 0.6" in page
        assert page.count("<circle") == 2
        assert (await client.get("/people/999")).status_code == 404
        assert (await client.get(f"/people/{2**64}")).status_code == 404


async def test_another_tolerance_is_decided_on_a_page(house: House) -> None:
    """With links to what would have differed."""
    await house.append(*VISIT)
    async with await house.signed_in() as client:
        page = (await client.get("/decide?tolerance=0.3")).text
        assert "Of 1 opening by face, 1 would have been refused" in shown(page)
        assert 'href="/events/1"' in page
        assert "Nothing would have differed" in (await client.get("/decide")).text
        assert (await client.get("/decide?tolerance=x")).status_code == 400
        assert (await client.get("/decide?tolerance=nan")).status_code == 400


async def test_names_from_outside_are_escaped_and_isolated(house: House) -> None:
    """A name can't leave its place in a sentence, an attribute or a form."""
    name = '<b>"ada\u202e'
    await house.append(CODE)
    await house.append(IdentityLinked(person=name, source="front", identity="slot 2"))
    async with await house.signed_in() as client:
        page = (await client.get("/doors")).text
        assert "<b>" not in page
        assert "\u202e" not in re.sub(r'value="[^"]*"', "", page)
        found = re.search(r'name="person" value="([^"]*)"', page)
        assert found is not None
        assert unescape(found[1]) == name


async def test_only_an_owner_says_who_is_who(house: House) -> None:
    """A viewer looks, and has no form for it."""
    await a_day(house)
    async with await house.signed_in("guest", role="viewer") as client:
        assert "/identities" not in (await client.get("/doors")).text
        form = {"source": "front", "identity": "slot 2", "person": "eve"}
        assert (await client.post("/identities", data=form)).status_code == 403


async def test_a_report_that_a_token_adds_later_is_marked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a token without limits would say unnoticed how a door was nine months ago."""
    await a_day(house)
    nine_months_later(monkeypatch)
    said = "added 9 months later by the token program append"
    at = "2026-02-25T10:40:00Z"
    forged = (
        {"kind": "lock_state", "door_id": "front", "source": "feed", "state": "locked"},
        {"kind": "door_state", "door_id": "front", "source": "feed", "state": "closed"},
        {"kind": "credential_presented", "credential_kind": "pin"},
        {"kind": "unlock_action", "granted": True, "door_action": "unlocked", "person": "bo"},
    )
    async with await house.program("append") as program:
        for fact in forged:
            body = {"facts": [{**fact, "recorded_at": at}]}
            assert (await program.post("/api/facts", json=body)).status_code == 201
    await house.site.store.caught_up(await house.site.pages.last_position())
    async with await house.signed_in() as client:
        then = shown((await client.get("/doors?at=2026-02-25T10:41")).text)
        assert f"Lock front Locked since 25 Feb 2026, 10:40:00 UTC ({said})" in then
        assert f"Door front Closed since 25 Feb 2026, 10:40:00 UTC ({said})" in then
        now = shown((await client.get("/doors")).text)
        # The report that ends an opening counts too, and what came at its time has no mark.
        assert f"stood open for 10 minutes ( front ) visit 1 ({said})" in now
        assert f"bo opened no visit ({said})" in now
        assert f"A code was shown and opened nothing ({said})" in now
        assert now.count(said) == 3
        found = (await client.get("/api/doors?at=2026-02-25T10:41:00Z")).json()
        assert [one["late"] for one in found["locks"] + found["doors"]] == [said, said]
        unlocks = (await client.get("/unlocks")).text
        assert unlocks.count("added later") == 1


async def test_a_late_report_is_marked_where_it_is_the_newest(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the timeline's tiles, and for a device on its pages and in the API."""
    await a_day(house)
    async with await house.signed_in() as client:
        assert "later" not in shown((await client.get("/today")).text)
        nine_months_later(monkeypatch)
        at = "2026-02-25T14:00:00Z"
        forged = (
            {"kind": "door_state", "door_id": "front", "source": "feed", "state": "closed"},
            {"kind": "unlock_action", "granted": True, "door_action": "unlocked", "person": "bo"},
            {"kind": "device_state", "device_id": "lock", "what": "battery", "state": "ok"},
        )
        async with await house.program("append") as program:
            for fact in forged:
                body = {"facts": [{**fact, "recorded_at": at}]}
                assert (await program.post("/api/facts", json=body)).status_code == 201
        await house.site.store.caught_up(await house.site.pages.last_position())
        tiles = shown((await client.get("/today")).text)
        assert "front Closed, lock jammed since 25 Feb, 14:00 (added later)" in tiles
        assert "bo (added later)" in tiles
        said = "added 9 months later by the token program append"
        for path in ("/doors", "/status"):
            assert f"({said})" in shown((await client.get(path)).text)
        devices = (await client.get("/api/devices")).json()["devices"]
        assert said in [device["late"] for device in devices]
        # A history that the machine itself reads in is not marked there, as on the cards.
        read_in = AT + timedelta(hours=5)
        await house.append(
            LockState(door_id="back", state="locked", source="zwave", recorded_at=read_in)
        )
        tiles = shown((await client.get("/today")).text)
        assert "back Locked since 25 Feb, 15:30 front Closed" in tiles


async def test_a_visit_that_a_token_invents_in_the_past_is_marked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the timeline, the unlocks and its story; one that the machine itself reads in is not."""
    nine_months_later(monkeypatch)
    await house.append(*VISIT)
    facts = [
        {"kind": "motion", "camera_id": "front_door", "recorded_at": "2026-02-25T10:40:00Z"},
        {"kind": "unlock_action", "granted": True, "door_action": "unlocked", "person": "bo"},
    ]
    async with await house.program("append") as program:
        assert (await program.post("/api/facts", json={"facts": facts})).status_code == 201
    await house.site.store.caught_up(await house.site.pages.last_position())
    said = "added 9 months later by the token program append"
    async with await house.signed_in() as client:
        for path, marked in (("/", 2), ("/unlocks", 1)):  # the timeline's tile has it too
            assert (await client.get(path)).text.count("added later") == marked, path
        told = (await client.get("/api/events/2")).json()
        assert told["sentence"].endswith(f"2 records of the event were {said}.")
        assert all(line["text"].endswith(f"({said})") for line in told["story"])
        assert "later" not in (await client.get("/api/events/1")).json()["sentence"]
