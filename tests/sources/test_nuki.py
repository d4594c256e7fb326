"""Nuki: numbers of its MQTT topics, compared with the constants of pynuki."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventlog.facts import DeviceState, DoorState, LockState, UnlockAction
from eventlog.sources.feed import feed
from eventlog.sources.items import Item, Occurrence, Refused, Skipped, Unknown
from eventlog.sources.nuki import ADAPTER
from tests.sources.published import NOW, facts, payloads, published, standing, told
from tests.sources.store_model import ModelStore

CONSTANTS: dict[str, int] = payloads("nuki")["constants"]
STATES = {
    "UNCALIBRATED": "unknown",
    "LOCKED": "locked",
    "UNLOCKED": "unlocked",
    "UNLATCHED": "unlatched",
    "UNLOCKED_LOCK_N_GO": "unlocked",
    "MOTOR_BLOCKED": "jammed",
    "UNDEFINED": "unknown",
}
ACTIONS = {
    "UNLOCK": "unlocked",
    "LOCK": "locked",
    "UNLATCH": "unlatched",
    "LOCK_N_GO": "unlocked",
    "LOCK_N_GO_WITH_UNLATCH": "unlatched",
}


def read(what: str, payload: str, *, retained: bool = False) -> list[Item]:
    """The items of one topic of a lock."""
    return published(ADAPTER, f"nuki/3A2B/{what}", payload.encode(), retained=retained)


@pytest.mark.parametrize("name", [n for n in CONSTANTS if n.startswith("STATE_LOCK_")])
def test_a_state_is_that_of_its_number(name: str) -> None:
    """A lock on its way is in no state yet."""
    found = facts(read("state", str(CONSTANTS[name])))
    word = STATES.get(name.removeprefix("STATE_LOCK_"))
    assert [fact.state for fact in found if isinstance(fact, LockState)] == [word] * (
        word is not None
    )
    assert (word is None) is name.endswith("ING")


@pytest.mark.parametrize("name", [n for n in CONSTANTS if n.startswith("ACTION_LOCK_")])
def test_an_action_is_that_of_its_number(name: str) -> None:
    """By the app, with an authorization."""
    (fact,) = facts(read("lockActionEvent", f"{CONSTANTS[name]},0,7,0,0"))
    assert isinstance(fact, UnlockAction)
    assert fact.door_action == ACTIONS[name.removeprefix("ACTION_LOCK_")]
    assert (fact.granted, fact.actor, fact.user_ref, fact.door_id) == (True, "app", "7", "3A2B")


@pytest.mark.parametrize(
    ("payload", "actor", "credential", "slot", "rule"),
    [
        ("1,0,0,12,0", "keypad", "pin", 12, None),
        ("1,1,0,0,0", "manual", None, None, None),
        ("1,2,0,0,0", "button", None, None, None),
        ("1,3,0,0,0", "schedule", None, None, None),
        ("2,6,0,0,0", "auto", None, None, None),
        ("1,172,0,0,0", "remote", None, None, None),
        ("3,0,7,0,1", "app", None, None, "auto unlock"),
        ("4,2,0,0,0", "button", None, None, "lock 'n' go"),
        ("1,99", None, None, None, None),
    ],
)
def test_who_asked_is_the_trigger_or_the_code(
    payload: str, actor: str | None, credential: str | None, slot: int | None, rule: str | None
) -> None:
    """A code is the keypad's; whose authorization it was is in no key."""
    (item,) = read("lockActionEvent", payload)
    assert isinstance(item, Occurrence)
    (fact,) = item.facts
    assert isinstance(fact, UnlockAction)
    told = (fact.actor, fact.credential_kind, fact.credential_slot, fact.rule)
    assert told == (actor, credential, slot, rule)
    (other,) = read("lockActionEvent", payload.replace(",7,", ",8,"))
    assert isinstance(other, Occurrence)
    assert other.series == item.series


def test_door_battery_and_connection_are_states() -> None:
    """2 is closed, 3 open; 90 is a button without an action."""
    assert facts([*read("doorsensorState", "3"), *read("doorsensorState", "2")]) == [
        DoorState(door_id="3A2B", state=state, source="nuki", recorded_at=NOW)
        for state in ("open", "closed")
    ]
    assert facts([*read("batteryCritical", "true"), *read("connected", "false")]) == [
        DeviceState(device_id="3A2B", what="battery", state="low", recorded_at=NOW),
        DeviceState(device_id="3A2B", what="connectivity", state="offline", recorded_at=NOW),
    ]
    assert read("lockActionEvent", "90,2,0,0,1") == [Skipped("a button without an action")]
    assert read("doorsensorState", "1") == [Skipped("a door sensor that is off")]


def test_a_retained_operation_does_not_happen_now() -> None:
    """A retained state is one."""
    assert facts(read("lockActionEvent", "1,0,7,0,0", retained=True)) == []
    assert len(facts(read("state", "1", retained=True))) == 1


@pytest.mark.anyio
async def test_a_recorded_stream_is_fed_once_in_any_order() -> None:
    """With the time of each line; a day later the same action is another one."""
    lines = [
        ("state", "1", 0),
        ("lockActionEvent", "1,0,7,0,0", 5),
        ("state", "3", 6),
        ("state", "3", 60),
        ("lockActionEvent", "1,0,7,0,0", 86_400),
    ]
    items = [
        item
        for what, payload, seconds in lines
        for item in published(
            ADAPTER,
            f"nuki/3A2B/{what}",
            payload.encode(),
            at=NOW + timedelta(seconds=seconds),
            live=False,
        )
    ]
    store = ModelStore()
    assert (await feed(store, items)).facts == 4
    for again in (items, items[::-1], items[2:]):
        assert (await feed(store, again)).facts == 0
    assert len(standing(store)) == 4


@pytest.mark.anyio
async def test_a_file_without_times_is_counted_within_itself() -> None:
    """Two equal lines are two openings; the file a second time changes nothing."""
    line = ("lockActionEvent", "1,0,7,0,0")
    state = ("state", "1")
    items = [
        item
        for what, payload in (line, state, state, line, ("state", "3"), state)
        for item in published(ADAPTER, f"nuki/3A2B/{what}", payload.encode(), at=None, live=False)
    ]
    store = ModelStore()
    assert (await feed(store, items)).facts == 5
    assert (await feed(store, items)).facts == 0
    assert (await feed(store, items[::-1])).facts == 0


@pytest.mark.parametrize(
    ("what", "payload", "kind"),
    [
        ("firmware", "3.5", Skipped),
        ("dance", "1", Unknown),
        ("state", "77", Unknown),
        ("lockActionEvent", "77,0", Unknown),
        ("lockActionEvent", "a,b", Refused),
        ("state", "locked", Refused),
        ("batteryCritical", "maybe", Refused),
    ],
)
def test_what_is_no_fact_is_counted(what: str, payload: str, kind: type[Item]) -> None:
    """Skipped, named, or refused."""
    (item,) = read(what, payload)
    assert isinstance(item, kind)
    (bare,) = told(ADAPTER, "1,0,7,0,0")
    assert isinstance(bare, Refused)
