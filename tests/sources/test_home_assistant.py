"""Home Assistant: events, triggers, states and the statestream."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eventlog.facts import DeviceState, Ding, DoorState, LockState, Motion, UnlockAction
from eventlog.sources.feed import Feeder
from eventlog.sources.home_assistant.adapter import ADAPTER
from eventlog.sources.items import Item, Occurrence, Refused, Skipped, Standalone, Unknown, Visit
from tests.sources.published import facts, published, standing, told
from tests.sources.store_model import ModelStore

CHANGED = datetime(2026, 2, 25, 10, 29, 59, 250000, tzinfo=UTC)


def entity(entity_id: str, state: str, **attributes: object) -> dict[str, Any]:
    """A state as Home Assistant writes it."""
    return {
        "entity_id": entity_id,
        "state": state,
        "attributes": {"friendly_name": "x", **attributes},
        "last_changed": "2026-02-25T10:29:59.250000+00:00",
        "last_updated": "2026-02-25T10:29:59.250000+00:00",
        "context": {"id": "01H", "parent_id": None, "user_id": None},
    }


def changed(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    """An event `state_changed`, as the WebSocket sends it."""
    data = {"entity_id": (new or old or {})["entity_id"], "old_state": old, "new_state": new}
    event = {"event_type": "state_changed", "data": data, "time_fired": "x", "origin": "LOCAL"}
    return {"id": 2, "type": "event", "event": event}


def lock(state: str, **attributes: object) -> dict[str, Any]:
    """A lock's state."""
    return entity("lock.front_door", state, **attributes)


@pytest.mark.parametrize(
    ("state", "action"), [("unlocked", "unlocked"), ("open", "unlatched"), ("unlocking", None)]
)
def test_a_change_of_a_lock_is_an_operation_under_entity_and_time(
    state: str, action: str | None
) -> None:
    """On the way is not done."""
    items = told(ADAPTER, changed(lock("locked"), lock(state)))
    if action is None:
        assert facts(items) == []
        return
    (item,) = items
    assert isinstance(item, Standalone)
    assert item.key == "home-assistant:lock.front_door:2026-02-25T10:29:59.250000+00:00"
    (fact,) = item.facts
    assert isinstance(fact, UnlockAction)
    assert (fact.door_action, fact.recorded_at, fact.door_id) == (action, CHANGED, "front_door")


@pytest.mark.parametrize("before", ["unavailable", "unknown", None])
def test_a_lock_that_comes_back_is_a_state_and_nobodys_operation(before: str | None) -> None:
    """After a restart, whatever `changed_by` still says."""
    old = None if before is None else lock(before)
    (fact,) = facts(told(ADAPTER, changed(old, lock("locked", changed_by="Ada"))))
    assert fact == LockState(
        door_id="front_door", state="locked", source="home-assistant", recorded_at=CHANGED
    )


@pytest.mark.parametrize(
    ("before", "by", "expected"),
    [
        (None, "Keypad", ("keypad", "pin", None)),
        (None, "RFID", ("tag", "rfid", None)),
        (None, "Ada", (None, None, "Ada")),
        ("Ada", "Ada", (None, None, None)),
        ("Ada", "Ben", (None, None, "Ben")),
        (None, "Unspecified", (None, None, None)),
        ("Ada", None, (None, None, None)),
    ],
)
def test_changed_by_counts_only_where_it_changed(
    before: str | None, by: str | None, expected: tuple[str | None, ...]
) -> None:
    """It is kept from the operation before; one word may be a way, or a user."""
    message = changed(lock("locked", changed_by=before), lock("unlocked", changed_by=by))
    (fact,) = facts(told(ADAPTER, message))
    assert isinstance(fact, UnlockAction)
    assert (fact.actor, fact.credential_kind, fact.user_ref) == expected


def test_a_jam_is_a_state_and_a_repeat_is_nothing() -> None:
    """Attributes change without the state."""
    (jam,) = facts(told(ADAPTER, changed(lock("locking"), lock("jammed"))))
    assert isinstance(jam, LockState)
    assert jam.state == "jammed"
    assert told(ADAPTER, changed(lock("locked"), lock("locked"))) == [
        Skipped("a state that did not change")
    ]


@pytest.mark.parametrize(
    ("kind", "event_type", "fact"),
    [
        ("doorbell", "ring", Ding),
        ("doorbell", "press", Ding),
        (None, "doorbell_press", Ding),
        ("motion", "motion", Motion),
        ("button", "press", None),
    ],
)
def test_an_event_entity_rings(kind: str | None, event_type: str, fact: Any) -> None:
    """Its state is the time of its event; after a restart the same one is known."""
    attributes = {"device_class": kind, "event_type": event_type}
    state = entity("event.front_ding", "2026-02-25T10:29:58.000+00:00", **attributes)
    items = told(ADAPTER, changed(entity("event.front_ding", "unavailable"), state))
    if fact is None:
        assert isinstance(items[0], Skipped)
        return
    (item,) = items
    assert isinstance(item, Visit)
    assert item.key == "home-assistant:event.front_ding:2026-02-25T10:29:58+00:00"
    at = datetime(2026, 2, 25, 10, 29, 58, tzinfo=UTC)
    assert item.facts == (fact(camera_id="front_ding", recorded_at=at),)


@pytest.mark.parametrize(
    ("device_class", "state", "expected"),
    [
        ("door", "on", DoorState(door_id="d", state="open", source="home-assistant")),
        ("garage_door", "off", DoorState(door_id="d", state="closed", source="home-assistant")),
        ("lock", "on", LockState(door_id="d", state="unlocked", source="home-assistant")),
        ("battery", "on", DeviceState(device_id="d", what="battery", state="low")),
        ("tamper", "on", DeviceState(device_id="d", what="tamper", state="tampered")),
        ("connectivity", "off", DeviceState(device_id="d", what="connectivity", state="offline")),
        ("problem", "on", DeviceState(device_id="d", what="problem", state="problem")),
        ("motion", "on", None),
    ],
)
def test_a_binary_sensor_is_a_door_or_a_devices_health(
    device_class: str, state: str, expected: Any
) -> None:
    """By its class; any other is skipped."""
    new = entity("binary_sensor.d", state, device_class=device_class)
    old = entity("binary_sensor.d", "off" if state == "on" else "on", device_class=device_class)
    found = facts(told(ADAPTER, changed(old, new)))
    if expected is None:
        assert found == []
        return
    (fact,) = found
    assert fact == type(expected)(
        **{n: getattr(expected, n) for n in expected.__struct_fields__ if n != "recorded_at"},
        recorded_at=CHANGED,
    )


def test_a_trigger_of_an_automation_and_a_bare_state_are_read() -> None:
    """As `trigger | to_json` writes it, and as the REST API answers."""
    trigger = {
        "platform": "state",
        "entity_id": "lock.front_door",
        "from_state": lock("locked"),
        "to_state": lock("unlocked", changed_by="Manual"),
    }
    (fact,) = facts(told(ADAPTER, trigger))
    assert isinstance(fact, UnlockAction)
    assert fact.actor == "manual"
    assert [type(one) for one in facts(told(ADAPTER, lock("locked")))] == [LockState]
    by_event = {"platform": "event", "event": changed(None, lock("locked"))["event"]}
    assert [type(one) for one in facts(told(ADAPTER, by_event))] == [LockState]


@pytest.mark.anyio
async def test_the_statestream_tells_states() -> None:
    """Retained, one attribute a topic; a state again is not a fact."""
    store = ModelStore()
    feeder = Feeder(store)
    for payload in (b"locked", b"locked", b"unlocked"):
        items = published(ADAPTER, "home/lock/front_door/state", payload, retained=True)
        assert isinstance(items[0], Occurrence)
        await feeder.feed(items)
    assert [fact.state for fact in standing(store) if isinstance(fact, LockState)] == [
        "locked",
        "unlocked",
    ]
    (door,) = facts(published(ADAPTER, "home/binary_sensor/front_door/state", b"on"))
    assert isinstance(door, DoorState)
    for topic in ("lock/front_door/changed_by", "sensor/x/state"):
        assert facts(published(ADAPTER, f"home/{topic}", b'"Ada"')) == []


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (changed(lock("locked"), None), Skipped),
        (changed(None, entity("light.x", "on")), Skipped),
        ({"event_type": "call_service", "data": {}}, Unknown),
        (changed(None, lock("dancing")), Unknown),
        (changed(None, entity("event.x", "soon", device_class="doorbell")), Refused),
        (changed(None, entity("binary_sensor.x", "maybe", device_class="door")), Refused),
        ({"hello": 1}, Refused),
        (7, Refused),
    ],
)
def test_what_is_no_fact_is_counted(message: object, kind: type[Item]) -> None:
    """Skipped, named, or refused."""
    (item,) = told(ADAPTER, message)
    assert isinstance(item, kind)
