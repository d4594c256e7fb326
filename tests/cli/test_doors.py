"""`doors`, `devices` and `decide` on a log: what they say, in text and in JSON."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eventlog import EventStore
from eventlog.facts import (
    DeviceState,
    DoorState,
    FaceResult,
    Fact,
    IdentityLinked,
    LockState,
    Motion,
    PersonNamed,
    SourceSilent,
    UnlockAction,
)
from eventlog.journal.append import prepare
from eventlog.record import Author
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


def later(seconds: float) -> datetime:
    """So long after the ring."""
    return AT + timedelta(seconds=seconds)


CODE = UnlockAction(
    granted=True,
    door_action="unlocked",
    actor="keypad",
    credential_kind="pin",
    credential_slot=2,
    door_id="front",
    recorded_at=later(3),
)
VISIT: tuple[Fact, ...] = (
    Motion(camera_id="front_door", recorded_at=AT),
    FaceResult(name="ada", distance=0.55, tolerance=0.6, recorded_at=AT),
    UnlockAction(granted=True, door_action="unlocked", person="ada", actor="face", distance=0.55),
)
ALONE: tuple[Fact, ...] = (
    CODE,
    DoorState(door_id="front", state="open", source="zwave", recorded_at=later(5)),
    DoorState(door_id="front", state="closed", source="zwave", recorded_at=later(845)),
    LockState(door_id="front", state="jammed", source="zwave", recorded_at=later(900)),
    DeviceState(device_id="front", what="battery", state="low", value=12, recorded_at=AT),
    SourceSilent(source="ring", since=AT, reason="offline"),
    PersonNamed(name="bo", display_name="Bo B."),
    IdentityLinked(person="bo", source="front", identity="slot 2"),
)


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line over a log of a visit, and of what a lock, a door and devices said."""
    appends = [prepare(list(VISIT)), *(prepare([fact]) for fact in ALONE)]
    return CommandLine(capsys, build_log(tmp_path / "events.db", appends))


def test_doors_and_locks_are_shown_with_their_openings(call: CommandLine) -> None:
    """Who opened, with what, and how long the door was open."""
    said = call("doors")
    assert said.code == 0
    lines = [" ".join(line.split()) for line in said.lines]
    assert "door front closed 2026-02-25 10:44:05 zwave" in lines
    assert "lock front jammed 2026-02-25 10:45:00 zwave" in lines
    assert "2026-02-25 10:30:05 front The door stood open for 14 minutes 1" in lines
    code = "Bo B. (recorded as bo) opened with the code of slot 2"
    assert f"2026-02-25 10:30:03 front {code} 1" in lines
    assert "2026-02-25 10:30:00 ada opened by face 1" in lines


def test_doors_are_shown_as_they_were_at_any_time(call: CommandLine) -> None:
    """Before its first report a door is not listed."""
    door, lock, *opened = call("doors", "--at", "2026-02-25T10:31", "--json").json
    assert [row["what"] for row in opened] == ["opening", "unlock", "unlock"]
    early = call("doors", "--at", "2026-02-25T10:30:04", "--json").json
    assert [row["what"] for row in early] == ["lock", "unlock", "unlock"]
    assert (door["what"], door["door_id"], door["state"]) == ("door", "front", "open")
    assert (lock["what"], lock["state"]) == ("lock", "unlocked")
    assert call("doors", "--at", "2026-02-25T10:29", "--json").json == []


def test_a_report_that_was_added_later_is_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With who added it: how a door was at a time is not changed unnoticed."""
    months = timedelta(days=270)
    late: tuple[Fact, ...] = (
        LockState(door_id="front", state="locked", source="feed", recorded_at=AT - months),
        DoorState(door_id="front", state="open", source="feed", recorded_at=AT - months),
    )
    appends = [prepare([fact]) for fact in (*late, *ALONE[:3])]
    call = CommandLine(capsys, build_log(tmp_path / "events.db", appends))
    then = [" ".join(line.split()) for line in call("doors", "--at", "2025-06-01 11:00").lines]
    said = "added 9 months later by an unknown writer"
    assert f"door front open 2025-05-31 10:30:00 feed, {said}" in then
    assert f"lock front locked 2025-05-31 10:30:00 feed, {said}" in then
    assert f"2025-05-31 10:30:00 front The door stood open for 270 days ({said})" in then
    now = [row["late"] for row in call("doors", "--json").json]
    assert now == [None, None, None, said]


def test_a_visit_that_a_token_invents_in_the_past_is_marked_in_the_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that the machine itself read in is not."""
    at = AT - timedelta(days=270)
    facts = [Motion(camera_id="front_door", recorded_at=at), VISIT[2]]
    path = build_log(tmp_path / "events.db", [prepare(facts)])

    async def append() -> None:
        async with EventStore(str(path), str(tmp_path / "thumbnails")) as store:
            author = Author("part", "api", token=4)
            await store.append(*facts, writer=author)
            await store.append(*facts)

    asyncio.run(append())
    call = CommandLine(capsys, path)
    shown = [line.split()[0] for line in call("events").lines if "unlocked, added later" in line]
    assert shown == ["2"]
    assert [(row["id"], row["late"]) for row in call("events", "--json").json] == [
        (3, False),
        (2, True),
        (1, False),
    ]


def test_the_openings_are_lines_of_json(call: CommandLine) -> None:
    """The same rows, for programs, with the visit that each belongs to."""
    found = call("doors", "--json").json
    assert [row["what"] for row in found] == ["door", "lock", "opening", "unlock", "unlock"]
    assert [row["event_id"] for row in found[2:]] == [1, 1, 1]
    assert found[2]["unlock_id"] == found[3]["id"]
    assert [row["what"] for row in call("doors", "--limit", "1", "--json").json] == [
        "door",
        "lock",
        "opening",
    ]


def test_devices_say_what_is_low_and_what_is_silent(call: CommandLine) -> None:
    """With since when."""
    lines = [" ".join(line.split()) for line in call("devices").lines]
    assert "device front battery low, 12 % 2026-02-25 10:30:00" in lines
    assert "source ring silent: offline 2026-02-25 10:30:00" in lines
    kinds = [(row["of"], row.get("what")) for row in call("devices", "--json").json]
    assert kinds == [("device", "battery"), ("silence", None)]


def test_an_empty_log_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is not an error."""
    empty = CommandLine(capsys, build_log(tmp_path / "empty.db", []))
    assert empty("doors").err == "eventlog: no door and no lock has reported yet\n"
    assert "no device has reported yet" in empty("devices").err
    assert empty("decide", "--tolerance", "0.5").code == 0


def test_decide_says_what_would_have_differed(call: CommandLine) -> None:
    """With the event to look at; the code opened by itself, and is not decided."""
    said = call("decide", "--tolerance", "0.5")
    assert said.lines[0] == (
        "With a tolerance of 0.5, of 1 opening by face 1 would have been refused, and of"
        " 0 refusals 0 would have opened."
    )
    (answer,) = call("decide", "--tolerance", "0.5", "--json").json
    (change,) = answer["changes"]
    assert (change["event_id"], change["would"], change["distance"]) == (1, "refused", 0.55)
    (same,) = call("decide", "--tolerance", "0.6", "--json").json
    assert (same["openings"], same["changes"]) == (1, [])
    (none,) = call("decide", "--tolerance", "0.5", "--until", "2026-02-25", "--json").json
    assert none["visits"] == 0


def test_decide_refuses_what_is_no_tolerance(call: CommandLine) -> None:
    """Exit code 2, in a sentence."""
    said = call("decide", "--tolerance", "-1")
    assert said.code == 2
    assert "a tolerance is a number" in said.err
