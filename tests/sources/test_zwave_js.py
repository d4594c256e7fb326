"""Z-Wave JS: notifications by their numbers, compared with the driver's own table of labels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventlog.facts import CredentialPresented, DeviceState, DoorState, LockState, UnlockAction
from eventlog.sources.feed import Feeder
from eventlog.sources.home_assistant import adapter as home_assistant
from eventlog.sources.items import Item, Occurrence, Refused, Skipped, Standalone, Unknown
from eventlog.sources.zwave_js import ADAPTER
from tests.sources.published import NOW, facts, payloads, published, standing, told
from tests.sources.store_model import ModelStore

LABELS: dict[str, str] = payloads("zwave_js")["notifications"]["6"]["labels"]


def server(event: int, parameters: dict[str, Any] | None = None, kind: int = 6) -> dict[str, Any]:
    """An event of the zwave-js server."""
    args = {"type": kind, "event": event, "label": "x", "parameters": parameters or {}}
    return {
        "type": "event",
        "event": {
            "source": "node",
            "event": "notification",
            "nodeId": 8,
            "ccId": 113,
            "args": args,
        },
    }


def home(event: int, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """Home Assistant's event of the same notification."""
    return {
        "event_type": "zwave_js_notification",
        "data": {
            "domain": "zwave_js",
            "node_id": 8,
            "home_id": 3467406754,
            "command_class": 113,
            "command_class_name": "Notification",
            "label": "Access Control",
            "type": 6,
            "event": event,
            "event_label": LABELS[str(event)],
            "parameters": parameters or {},
        },
        "origin": "LOCAL",
        "time_fired": "2026-02-25T10:29:59.250000+00:00",
        "context": {"id": "01HZX3T0", "parent_id": None, "user_id": None},
    }


@pytest.mark.parametrize("number", LABELS, ids=lambda number: f"{number} {LABELS[number]}")
def test_a_notification_says_what_its_label_says(number: str) -> None:
    """The table's rows are read against the driver's words."""
    label = LABELS[number].lower()
    items = told(ADAPTER, server(int(number), {"userId": 2}))
    assert not any(isinstance(item, Unknown) for item in items)
    fact = next(iter(facts(items)), None)
    if isinstance(fact, UnlockAction):
        done = fact.door_action
        refused = ("denied", "invalid", "exceeds")
        assert (done == "none") is any(word in label for word in refused)
        if done != "none":
            assert done == ("unlocked" if "unlock" in label else "locked")
            assert "lock" in label
        assert fact.credential_slot == 2
        for word, actor in (("manual ", "manual"), ("keypad", "keypad"), ("auto", "auto")):
            if label.startswith(word):
                assert fact.actor == actor if "code limit" not in label else True
        if label.startswith("rf ") or "by rf" in label:
            assert fact.actor == "remote"
    elif isinstance(fact, LockState):
        assert fact.state == ("jammed" if "jammed" in label else "not_fully_locked")
        assert "not fully locked" in label or "jammed" in label
    elif isinstance(fact, DoorState):
        assert label == f"window/door is {fact.state}"
    elif isinstance(fact, DeviceState):
        assert (fact.state, label) == ("keypad_disabled", "keypad temporary disabled")
    elif isinstance(fact, CredentialPresented):
        assert "code entered" in label or "non-access" in label
    else:
        assert not any(label.endswith(word) for word in ("lock operation", "credential used"))


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (0x2F, "disabled_user"),
        (0x30, "out_of_hours"),
        (0x31, "restricted"),
        (0x32, "invalid_credential"),
        (0x13, "code_limit"),
    ],
)
def test_a_refusal_says_why(number: int, reason: str) -> None:
    """The words are those of the vocabulary."""
    (fact,) = facts(told(ADAPTER, server(number)))
    assert isinstance(fact, UnlockAction)
    assert (fact.granted, fact.door_action, fact.reason) == (False, "none", reason)


@pytest.mark.parametrize("slot", [0, 255, None, True, "2"])
def test_a_slot_that_is_no_users_is_left_out(slot: object) -> None:
    """0 and 255 belong to no user; some locks send no slot."""
    (fact,) = facts(told(ADAPTER, server(6, {"userId": slot})))
    assert isinstance(fact, UnlockAction)
    assert fact.credential_slot is None


def test_a_credential_says_by_what() -> None:
    """Of User Credential notifications: a finger, a face, a tag."""
    for kind, actor, credential in (
        (3, "tag", "rfid"),
        (8, "face", "face"),
        (9, "finger", "fingerprint"),
    ):
        parameters = {"userId": 3, "credentialType": kind, "credentialSlot": 1}
        (fact,) = facts(told(ADAPTER, server(0x24, parameters)))
        assert isinstance(fact, UnlockAction)
        assert (fact.actor, fact.credential_kind, fact.credential_slot) == (actor, credential, 3)


def test_a_door_that_is_tilted_is_ajar() -> None:
    """By the parameter of 22."""
    (fact,) = facts(told(ADAPTER, server(0x16, {"state": 1})))
    assert fact == DoorState(door_id="node_8", state="ajar", source="zwave-js", recorded_at=NOW)


def test_all_envelopes_tell_the_same() -> None:
    """The server's, the gateway's topic, and Home Assistant's, which has an id and a time."""
    by_server = facts(told(ADAPTER, server(6, {"userId": 2})))
    gateway = "zwave/_EVENTS/ZWAVE_GATEWAY-home/node/notification"
    args = {"type": 6, "event": 6, "parameters": {"userId": 2}}
    assert facts(published(ADAPTER, gateway, {"data": [{"id": 8}, 113, args]})) == by_server
    for adapter in (ADAPTER, home_assistant.ADAPTER):
        (item,) = told(adapter, home(6, {"userId": 2}))
        assert isinstance(item, Standalone)
        assert item.key == "home-assistant:01HZX3T0"
        (fact,) = item.facts
        assert isinstance(fact, UnlockAction)
        assert fact.credential_slot == 2
        assert fact.recorded_at == datetime(2026, 2, 25, 10, 29, 59, 250000, tzinfo=UTC)


@pytest.mark.anyio
async def test_a_jam_is_a_state_that_the_next_operation_ends() -> None:
    """It never ends by itself; two reports of it are one jam."""
    store = ModelStore()
    feeder = Feeder(store)
    for number in (0x0B, 0x0B):
        await feeder.feed(told(ADAPTER, server(number)))
    assert [type(fact) for fact in standing(store)] == [LockState]
    assert feeder.tally.known == 1


@pytest.mark.anyio
async def test_a_bare_notification_is_numbered() -> None:
    """The same code an hour later is another opening; a second delivery is not."""
    store = ModelStore()
    feeder = Feeder(store)
    for minutes in (0, 60):
        (item,) = told(ADAPTER, server(6, {"userId": 2}))
        assert isinstance(item, Occurrence)
        at = NOW + timedelta(minutes=minutes)
        await feeder.feed([Occurrence(item.series, item.facts, at, live=True)])
        await feeder.feed([Occurrence(item.series, item.facts, at, live=True, duplicate=True)])
    assert (len(standing(store)), feeder.tally.known) == (2, 2)


def test_tamper_battery_and_status_are_states_of_the_device() -> None:
    """Of Home Security, Power Management, and the gateway's own topics."""
    assert [
        fact.__struct_fields__ and type(fact) for fact in facts(told(ADAPTER, server(3, kind=7)))
    ] == [DeviceState]
    (low,) = facts(told(ADAPTER, server(10, kind=8)))
    (dead,) = facts(published(ADAPTER, "zwave/Front/status", {"status": "Dead"}))
    assert isinstance(low, DeviceState)
    assert isinstance(dead, DeviceState)
    assert (low.what, low.state, dead.what, dead.state) == (
        "battery",
        "low",
        "connectivity",
        "offline",
    )


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"type": "event", "event": {"event": "value updated", "nodeId": 8}}, Skipped),
        (server(200), Unknown),
        (server(3, kind=1), Skipped),
        ({"event": {"event": "notification", "nodeId": "x", "args": {}}}, Refused),
        ({"event": {"event": "notification", "nodeId": 8, "args": {"type": 6}}}, Refused),
        (7, Refused),
    ],
)
def test_what_is_no_fact_is_counted(message: object, kind: type[Item]) -> None:
    """Skipped, named, or refused."""
    (item,) = told(ADAPTER, message)
    assert isinstance(item, kind)
