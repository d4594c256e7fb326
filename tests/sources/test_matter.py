"""Matter: a door lock's events, as the cluster objects of CHIP make them."""

from __future__ import annotations

from typing import Any

import pytest

from eventlog.facts import CredentialPresented, DeviceState, DoorState, LockState, UnlockAction
from eventlog.sources.feed import feed
from eventlog.sources.items import Item, Refused, Skipped, Standalone, Unknown
from eventlog.sources.matter import ADAPTER
from tests.sources.published import NOW, payloads, told
from tests.sources.store_model import ModelStore

MADE = payloads("matter")
NAMES: dict[str, dict[str, str]] = MADE["names"]
MESSAGES: list[dict[str, Any]] = MADE["messages"]
REASONS = {
    "kInvalidCredential": "invalid_credential",
    "kDisabledUserDenied": "disabled_user",
    "kRestricted": "restricted",
    "kInsufficientBattery": "low_battery",
    "kUnspecified": "unspecified",
}
ACTIONS = {"kLock": "locked", "kUnlock": "unlocked", "kUnlatch": "unlatched"}
ACTORS = {
    "kManual": "manual",
    "kProprietaryRemote": "remote",
    "kKeypad": "keypad",
    "kAuto": "auto",
    "kButton": "button",
    "kSchedule": "schedule",
    "kRemote": "remote",
    "kRfid": "tag",
    "kBiometric": "finger",
    "kAliro": "app",
    "kUnspecified": None,
}


def of_event(number: int) -> list[dict[str, Any]]:
    """The messages of one event of the cluster."""
    return [one for one in MESSAGES if one["data"]["event_id"] == number]


def only(message: dict[str, Any]) -> Any:
    """The one fact of a message, whose key is node, endpoint and number."""
    (item,) = told(ADAPTER, message)
    assert isinstance(item, Standalone)
    assert item.key == f"matter:5:1:{message['data']['event_number']}"
    (fact,) = item.facts
    return fact


@pytest.mark.parametrize("message", of_event(2), ids=lambda one: str(one["data"]["event_number"]))
def test_an_operation_is_what_its_enums_say(message: dict[str, Any]) -> None:
    """Type, source, user and credential."""
    data = message["data"]["data"]
    kind = NAMES["LockOperationTypeEnum"][str(data["lockOperationType"])]
    source = NAMES["OperationSourceEnum"][str(data["operationSource"])]
    fact = only(message)
    if kind not in ACTIONS:
        assert isinstance(fact, CredentialPresented)
        assert fact.reason in {"no_access", "forced_user"}
        return
    assert isinstance(fact, UnlockAction)
    assert (fact.granted, fact.door_action) == (True, ACTIONS[kind])
    assert fact.credential_slot == data["userIndex"] or not data["userIndex"]
    used = data["credentials"] or [{"credentialType": None}]
    if used[0]["credentialType"] is None:
        assert fact.actor == ACTORS[source]
    else:
        name = NAMES["CredentialTypeEnum"][str(used[0]["credentialType"])].removeprefix("k")
        assert fact.credential_kind is not None
        first = fact.credential_kind.partition("_")[0].removesuffix("print")
        assert first in name.lower() or first == "programming"


def test_an_error_is_a_refusal_with_its_reason() -> None:
    """The lock says why."""
    for message in of_event(3):
        name = NAMES["OperationErrorEnum"][str(message["data"]["data"]["operationError"])]
        fact = only(message)
        assert isinstance(fact, UnlockAction)
        assert (fact.granted, fact.door_action, fact.reason) == (False, "none", REASONS[name])
        assert fact.actor == "keypad"


def test_a_door_is_open_closed_ajar_or_forced_open() -> None:
    """A door that is stuck is not known to be either."""
    for message in of_event(1):
        name = NAMES["DoorStateEnum"][str(message["data"]["data"]["doorState"])]
        fact = only(message)
        assert isinstance(fact, DoorState)
        known = {
            "kDoorOpen": "open",
            "kDoorClosed": "closed",
            "kDoorForcedOpen": "forced_open",
            "kDoorAjar": "ajar",
        }
        assert fact.state == known.get(name, "unknown")


def test_an_alarm_is_a_state_of_lock_door_or_device() -> None:
    """A jam is the lock's, an open cover the device's."""
    found = {
        NAMES["AlarmCodeEnum"][str(message["data"]["data"]["alarmCode"])]: only(message)
        for message in of_event(0)
    }
    jam, forced = found["kLockJammed"], found["kDoorForcedOpen"]
    assert isinstance(jam, LockState)
    assert jam.state == "jammed"
    assert isinstance(forced, DoorState)
    assert isinstance(found["kDoorAjar"], DoorState)
    cover = found["kFrontEsceutcheonRemoved"]
    assert isinstance(cover, DeviceState)
    assert cover.what == "tamper"
    assert found["kWrongCodeEntryLimit"].state == "wrong_code_limit"


def test_a_timestamp_since_the_start_of_the_device_is_no_time() -> None:
    """The message's arrival is used then; microseconds are accepted too."""
    since_boot = next(one for one in MESSAGES if one["data"]["timestamp_type"] == 0)
    assert only(since_boot).recorded_at == NOW
    exact = next(iter(of_event(1)))
    for timestamp in (1772015400000, 1772015400000000):
        message = {**exact, "data": {**exact["data"], "timestamp": timestamp}}
        assert only(message).recorded_at == NOW


@pytest.mark.anyio
async def test_events_are_known_by_their_numbers_in_any_order() -> None:
    """Twice, and backwards, they change nothing."""
    items = [item for message in MESSAGES for item in told(ADAPTER, message)]
    store = ModelStore()
    assert (await feed(store, items)).facts == len(MESSAGES)
    assert (await feed(store, items[::-1])).facts == 0


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"event": "attribute_updated", "data": []}, Skipped),
        ({"event": "node_event", "data": {**MESSAGES[0]["data"], "cluster_id": 6}}, Skipped),
        ({"event": "node_event", "data": {**MESSAGES[0]["data"], "event_id": 4}}, Skipped),
        ({"event": "node_event", "data": {**MESSAGES[0]["data"], "event_id": 9}}, Unknown),
        ({"event": "node_event", "data": {"node_id": 5}}, Refused),
        (7, Refused),
    ],
)
def test_what_is_no_fact_is_counted(message: object, kind: type[Item]) -> None:
    """Skipped, named, or refused."""
    (item,) = told(ADAPTER, message)
    assert isinstance(item, kind)
