"""Zigbee2MQTT: operations, states and devices, compared with what its converters publish."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventlog.facts import CredentialPresented, DeviceState, DoorState, LockState, UnlockAction
from eventlog.sources.feed import Feeder
from eventlog.sources.items import Item, Occurrence, Refused, Skipped, Standalone, Unknown
from eventlog.sources.zigbee2mqtt import ADAPTER
from tests.sources.published import NOW, facts, payloads, published, standing
from tests.sources.store_model import ModelStore

TOPIC = "zigbee2mqtt/Front Door"
MADE = payloads("zigbee2mqtt")["messages"]

# What each word says, read on its own: what became of the door, and why not.
REFUSED = {
    "lock_failure_invalid_pin_or_id": "invalid_credential",
    "unlock_failure_invalid_pin_or_id": "invalid_credential",
    "lock_failure_invalid_schedule": "out_of_hours",
    "unlock_failure_invalid_schedule": "out_of_hours",
}
ACTORS = {"keypad": "keypad", "rf": "remote", "manual": "manual", "rfid": "tag"}
OWN_ACTORS = {"key": "key", "auto": "auto", "schedule": "schedule", "manual": "manual"}


def read(payload: object, **how: Any) -> list[Item]:
    """The items of a state message."""
    return published(ADAPTER, TOPIC, payload, **how)


@pytest.mark.parametrize(
    "made", [one for one in MADE if one["converter"] == "lock_operation_event"], ids=str
)
def test_an_operation_is_what_its_converter_says(made: dict[str, Any]) -> None:
    """Locked, unlocked or refused; by whom, by what, and who by its slot."""
    payload = made["payload"]
    action, slot = payload["action"], payload["action_user"]
    items = read(payload)
    if action == "unknown":
        assert (
            items == [Skipped("action unknown"), Skipped("nothing about a door")][:1]
            or facts(items) == []
        )
        return
    (fact,) = facts(items)
    if action == "non_access_user_operational_event":
        assert isinstance(fact, CredentialPresented)
        return
    assert isinstance(fact, UnlockAction)
    assert fact.granted is (action not in REFUSED)
    assert fact.reason == REFUSED.get(action)
    done = "none" if action in REFUSED else "unlocked" if "unlock" in action else "locked"
    assert fact.door_action == done
    assert fact.credential_slot == (None if slot == 65535 else slot)
    assert (fact.door_id, fact.recorded_at) == ("front_door", NOW)
    first = action.partition("_")[0]
    if first in OWN_ACTORS:
        assert fact.actor == OWN_ACTORS[first]
    elif first != "one":
        assert fact.actor == ACTORS.get(payload.get("action_source_name"), "finger")


def test_changes_of_codes_are_no_operations() -> None:
    """They share the field `action`."""
    for made in MADE:
        if made["converter"] == "lock_programming_event":
            assert facts(read(made["payload"])) == []


def test_states_are_those_that_the_converter_gives() -> None:
    """Of the lock and of the door; a jam of the door is not known to be open or closed."""
    found = [
        fact.state
        for made in MADE
        if made["converter"] == "lock"
        for fact in facts(read(made["payload"]))
        if isinstance(fact, LockState | DoorState)
    ]
    assert found == [
        "not_fully_locked",
        "locked",
        "unlocked",
        "open",
        "closed",
        "unknown",
        "forced_open",
        "unknown",
        "unknown",
    ]


def test_a_state_beside_an_action_may_be_the_old_one() -> None:
    """`manual_unlock` with `state` LOCK: the operation counts, the state does not."""
    (fact,) = facts(read({"action": "manual_unlock", "action_user": 65535, "state": "LOCK"}))
    assert isinstance(fact, UnlockAction)
    assert fact.door_action == "unlocked"


@pytest.mark.parametrize("action", [None, ""])
def test_a_state_that_is_sent_again_with_an_empty_action_is_a_state(action: str | None) -> None:
    """The fields of the operation are stale then."""
    items = read({"action": action, "action_user": 2, "lock_state": "locked"})
    assert [type(fact) for fact in facts(items)] == [LockState]


@pytest.mark.anyio
async def test_repeated_states_are_one_and_an_opening_each_time_is_many() -> None:
    """A heartbeat says nothing; the same code an hour later is another opening."""
    store = ModelStore()
    feeder = Feeder(store)
    unlock = {"action": "unlock", "action_user": 2, "action_source": 0}
    for minutes in range(0, 120, 10):
        at = NOW + timedelta(minutes=minutes)
        await feeder.feed(read({"lock_state": "locked", "battery": 80}, at=at))
    for minutes in (0, 60):
        await feeder.feed(read(unlock, at=NOW + timedelta(minutes=minutes)))
    kinds = Counter(type(fact) for fact in standing(store))
    assert kinds == {LockState: 1, DeviceState: 1, UnlockAction: 2}


@pytest.mark.anyio
async def test_a_second_delivery_is_the_first_one_again() -> None:
    """By the broker's mark after a crash, also in a new process; and at once, by the window."""
    store = ModelStore()
    unlock = {"action": "unlock", "action_user": 2, "action_source": 0}
    await Feeder(store).feed(read(unlock))
    again = read(unlock, at=NOW + timedelta(minutes=5), duplicate=True)
    at_once = read(unlock, at=NOW + timedelta(seconds=1))
    restarted = Feeder(store)
    await restarted.feed([*again, *at_once])
    assert restarted.tally.known == 2
    assert len(standing(store)) == 1
    await restarted.feed(read(unlock, at=NOW + timedelta(minutes=5)))
    assert len(standing(store)) == 2


def test_a_retained_message_is_a_state_and_never_an_operation() -> None:
    """What a broker kept does not happen now."""
    assert facts(read({"action": "unlock", "action_user": 2}, retained=True)) == []
    assert len(facts(read({"lock_state": "locked"}, retained=True))) == 1


@pytest.mark.parametrize("last_seen", ["2026-02-25T10:29:58.500Z", 1772015398500])
def test_the_devices_own_time_is_the_key_where_it_is_told(last_seen: object) -> None:
    """As ISO 8601 or in milliseconds."""
    (item,) = read({"action": "unlock", "action_user": 2, "last_seen": last_seen})
    assert isinstance(item, Standalone)
    (fact,) = item.facts
    assert isinstance(fact, UnlockAction)
    assert fact.recorded_at == datetime(2026, 2, 25, 10, 29, 58, 500000, tzinfo=UTC)


def test_a_contact_a_battery_and_a_tamper_are_told_of_doors_only() -> None:
    """A thermometer's battery is not the door's."""
    items = read({"contact": False, "battery": 9, "tamper": True})
    assert facts(items) == [
        DoorState(door_id="front_door", state="open", source="zigbee2mqtt", recorded_at=NOW),
        DeviceState(
            device_id="front_door", what="battery", state="low", value=9.0, recorded_at=NOW
        ),
        DeviceState(device_id="front_door", what="tamper", state="tampered", recorded_at=NOW),
    ]
    assert read({"temperature": 20, "battery": 9}) == [Skipped("nothing about a door")]


def test_topics_of_the_bridge_and_repeats_are_left_out() -> None:
    """Names may hold slashes; `/action` says again what its state message says."""
    for topic in ("zigbee2mqtt/bridge/devices", f"{TOPIC}/action", f"{TOPIC}/set"):
        (item,) = published(ADAPTER, topic, b"unlock")
        assert isinstance(item, Skipped)
    (state,) = published(ADAPTER, "zigbee2mqtt/hall/front", {"lock_state": "locked"})
    assert isinstance(state, Occurrence)
    assert facts([state]) == [
        LockState(door_id="hall_front", state="locked", source="zigbee2mqtt", recorded_at=NOW)
    ]
    for payload in ({"state": "offline"}, b"offline"):
        (gone,) = published(ADAPTER, f"{TOPIC}/availability", payload, retained=True)
        assert facts([gone]) == [
            DeviceState(
                device_id="front_door", what="connectivity", state="offline", recorded_at=NOW
            )
        ]


def test_what_is_not_known_is_named() -> None:
    """An action of another lock's, and a payload that is not an object."""
    assert read({"action": "dance"})[0] == Unknown("action dance")
    assert isinstance(read(b"7")[0], Refused)
