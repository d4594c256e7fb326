"""August and Yale: activities and pushes, compared with yalexs and its recorded payloads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eventlog.facts import (
    DeviceState,
    Ding,
    DoorState,
    LockState,
    Motion,
    UnlockAction,
    VisitEnded,
)
from eventlog.sources.august.adapter import ADAPTER
from eventlog.sources.feed import Feeder, feed
from eventlog.sources.items import Item, Refused, Skipped, Standalone, Unknown
from eventlog.sources.messages import millis
from eventlog.sources.reading import read
from tests.sources.published import facts, payloads, standing, told
from tests.sources.store_model import ModelStore

ACTIONS: dict[str, dict[str, Any]] = payloads("august")["actions"]
DOORBELL: dict[str, list[str]] = payloads("august")["doorbell"]


def activity(action: str, **changes: object) -> dict[str, Any]:
    """An activity of the log of today."""
    return {
        "id": "e05b1c22-71d1-44b8-8a4c-e729174a8972",
        "timestamp": 1665378377000,
        "action": action,
        "deviceID": "3ED27C5D",
        "deviceType": "lock",
        "user": {"UserID": "u-1", "FirstName": "Sample", "LastName": "Person"},
        "title": "<b>Sample Person</b> did it",
        **changes,
    }


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_what_yalexs_says(action: str) -> None:
    """Its state, and by which of its ways it was done."""
    row = ACTIONS[action]
    found = facts(told(ADAPTER, activity(action)))
    if row["state"] in {"locking", "unlocking", "unlatching"}:
        assert found == []
        return
    (fact,) = found
    if row["state"] == "jammed":
        assert isinstance(fact, LockState)
        assert fact.state == "jammed"
    elif row["state"] in {"open", "closed"}:
        assert isinstance(fact, DoorState)
        assert fact.state == row["state"]
    else:
        assert isinstance(fact, UnlockAction)
        assert (fact.granted, fact.door_action) == (True, row["state"])
        assert (fact.actor in {"keypad", "finger", "button"}) is row["keypad"]
        assert (fact.actor == "remote") is row["remote"]
        assert (fact.actor == "tag") is row["tag"]
        assert (fact.actor == "manual") is row["manual"]
        assert (fact.actor == "auto") is row["auto"]


def test_who_it_was_is_told_and_unknown_user_is_nobody() -> None:
    """No title is read: it is HTML. A special id is not a person."""
    (fact,) = facts(told(ADAPTER, activity("pin_unlock")))
    assert isinstance(fact, UnlockAction)
    assert (fact.person, fact.user_ref, fact.credential_kind) == ("Sample Person", "u-1", "pin")
    nobody: list[dict[str, str]] = [
        {"UserID": "deleted", "FirstName": "Unknown", "LastName": "User"},
        {"UserID": "automaticrelock"},
        {"UserID": "manualunlock", "FirstName": "Manual", "LastName": "Unlock"},
    ]
    for user in nobody:
        (fact,) = facts(told(ADAPTER, activity("unlock", user=user)))
        assert isinstance(fact, UnlockAction)
        assert (fact.person, fact.user_ref) == (None, None)


def test_a_doorbell_rings_and_says_whether_somebody_answered() -> None:
    """Every action that yalexs takes for a ring is one."""
    for action in DOORBELL["DoorbellDingActivity"]:
        found = facts(told(ADAPTER, activity(action)))
        assert isinstance(found[0], Ding)
        ended = [fact.answered for fact in found if isinstance(fact, VisitEnded)]
        assert ended == {"doorbell_call_missed": [False], "doorbell_call_hangup": [True]}.get(
            action, []
        )
    for action in DOORBELL["DoorbellViewActivity"] + DOORBELL["DoorbellImageCaptureActivity"]:
        assert facts(told(ADAPTER, activity(action))) == []
    for action in DOORBELL["BridgeOperationActivity"]:
        (fact,) = facts(told(ADAPTER, activity(action)))
        assert isinstance(fact, DeviceState)
        assert fact.state == action.rpartition("_")[2]


# ── pushes ─────────────────────────────────────────────────────────────────────────────────


def push(**changes: object) -> dict[str, Any]:
    """What a bridge pushes after an entry by PIN; see yalexs's pubnub_activity.py."""
    return {
        "status": "kAugLockState_Unlocked",
        "lockID": "3ED27C5D",
        "timestamp": 1665128675405.432,
        "callingUserID": "u-1",
        "info": {"action": "unlock", "startTime": "2022-10-07T07:44:35.405Z"},
        **changes,
    }


@pytest.mark.anyio
async def test_two_pushes_of_one_entry_are_one_operation() -> None:
    """The first has no name, and is a state; the second is the operation, also sent again."""
    store = ModelStore()
    feeder = Feeder(store)
    for message in (push(callingUserID=None, info={}), push(), push()):
        await feeder.feed(told(ADAPTER, message))
    state, operation = standing(store)
    assert isinstance(state, LockState)
    assert isinstance(operation, UnlockAction)
    assert (operation.user_ref, operation.door_action) == ("u-1", "unlocked")
    assert feeder.tally.known == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"info": {"action": "status"}}, []),
        ({"status": "kAugLockState_Unlocking"}, []),
        ({"status": "FAILED_BRIDGE_ERROR_LOCK_JAMMED"}, ["jammed"]),
        ({"status": "kAugLockState_Locked", "callingUserID": "manuallock"}, ["locked"]),
        ({"status": None, "doorState": "kAugDoorState_Open"}, ["open"]),
        ({"status": "associated_bridge_offline"}, ["offline"]),
        ({"error": {"name": "ERRNO_BRIDGE_OFFLINE", "restCode": 98}}, ["offline"]),
    ],
)
def test_other_pushes_are_states_or_nothing(changes: dict[str, Any], expected: list[str]) -> None:
    """On the way is not done; a hand at the knob is not a user."""
    found = facts(told(ADAPTER, push(**changes)))
    states = [fact.state for fact in found if isinstance(fact, LockState | DoorState | DeviceState)]
    assert states == expected


# ── recorded payloads ──────────────────────────────────────────────────────────────────────


@pytest.mark.anyio
async def test_the_recorded_activities_are_their_own_reading(shared_data: Path) -> None:
    """Each file's one activity: its time, what was done, and who."""
    for path in sorted((shared_data / "yalexs").glob("*_activity*.json")):
        value = json.loads(path.read_text(encoding="utf-8"))
        at = millis(value.get("timestamp", value.get("dateTime")))
        fact = facts(told(ADAPTER, value))[0]
        if value["action"] == "doorbell_motion_detected":
            assert fact == Motion(camera_id="front_door", recorded_at=at)
        elif value["action"] == "dooropen":
            assert isinstance(fact, DoorState)
            assert (fact.state, fact.recorded_at) == ("open", at)
        else:
            assert isinstance(fact, UnlockAction)
            way, _, done = value["action"].rpartition("_")
            assert fact.door_action == {"lock": "locked", "unlock": "unlocked"}.get(
                done, "unlatched"
            )
            assert fact.recorded_at == at
            user = value.get("user")
            assert fact.person == (f"{user['FirstName']} {user['LastName']}" if user else None)
            assert way in {"auto", "homekey", "linked", "manual", "pin", "remote"}


@pytest.mark.anyio
async def test_a_recorded_house_goes_in_once_in_any_order(shared_data: Path) -> None:
    """Its placeholders give many entries one id: device, time and action distinguish them."""
    data = (shared_data / "yalexs/get_house_activities.json").read_bytes()
    told_of = json.loads(data)
    apart = {(one["deviceID"], one["dateTime"], one["action"]) for one in told_of}
    store = ModelStore()
    tally = await feed(store, read(ADAPTER, data))
    assert tally.facts == len(apart) == len(told_of)
    assert not tally.refused
    backwards = json.dumps(told_of[::-1]).encode()
    assert (await feed(store, read(ADAPTER, backwards))).facts == 0
    people = {fact.person for fact in standing(store) if isinstance(fact, UnlockAction)}
    assert "Unknown User" not in people
    assert "MockHouse House" in people


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (activity("addedpin"), Skipped),
        (activity("dance_lock"), Unknown),
        (activity("unlock", timestamp=None), Refused),
        (activity("unlock", deviceID=None), Refused),
        (push(status="dance"), Unknown),
        (7, Refused),
    ],
)
def test_what_is_no_fact_is_counted(message: object, kind: type[Item]) -> None:
    """Skipped, named, or refused."""
    items = told(ADAPTER, message)
    assert isinstance(items[-1], kind)
    assert not any(isinstance(item, Standalone) for item in items)
