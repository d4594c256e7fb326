"""UniFi Access: the log of its doors; payloads as in issues of hass-unifi-access."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eventlog.facts import CredentialPresented, Ding, DoorState, LockState, UnlockAction
from eventlog.sources.items import Addition, Item, Refused, Skipped, Standalone, Unknown, Visit
from eventlog.sources.unifi_access.adapter import ADAPTER
from tests.sources.published import facts, standing, told
from tests.sources.store_model import fed

PUBLISHED = 1772015400000
AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


def log(
    result: str = "ACCESS",
    provider: str = "NFC",
    actor: dict[str, Any] | None = None,
    **event: object,
) -> dict[str, Any]:
    """An `access.logs.add`: `_id` and `@timestamp` are empty."""
    return {
        "event": "access.logs.add",
        "receiver_id": "",
        "data": {
            "_id": "",
            "@timestamp": "",
            "tag": "access",
            "_source": {
                "actor": actor or {"id": "u-1", "type": "user", "display_name": "Ada Byron"},
                "authentication": {"credential_provider": provider, "issuer": "04"},
                "event": {
                    "type": "access.door.unlock",
                    "log_key": "dashboard.access.door.unlock.success",
                    "published": PUBLISHED,
                    "result": result,
                    **event,
                },
                "target": [
                    {"type": "UAH", "id": "hub-1", "display_name": "UA Hub"},
                    {"type": "door", "id": "hub-1", "display_name": "Front Door"},
                    {"type": "device_config", "id": "door_entry_method", "display_name": "entry"},
                ],
            },
        },
    }


def insight() -> dict[str, Any]:
    """An `access.logs.insights.add` of the same opening."""
    return {
        "event": "access.logs.insights.add",
        "data": {
            "event_type": "access.door.unlock",
            "log_key": "dashboard.access.door.unlock.success",
            "published": PUBLISHED // 1000,
            "result": "ACCESS",
            "message": "Front Door unlocked",
            "metadata": {
                "actor": {"id": "u-1", "display_name": "Ada Byron", "type": "user"},
                "door": {"id": "door-1", "display_name": "Front Door"},
                "authentication": {"display_name": "NFC"},
                "device": [{"id": "hub-1"}],
            },
        },
    }


def only(message: dict[str, Any]) -> UnlockAction:
    """The one operation of a message, whose key holds nothing personal."""
    (item,) = told(ADAPTER, message)
    assert isinstance(item, Standalone)
    assert "u-1" not in item.key
    (fact,) = item.facts
    assert isinstance(fact, UnlockAction)
    return fact


def test_an_access_is_an_opening_with_person_and_credential() -> None:
    """By the door's name, for its id may be the hub's."""
    fact = only(log())
    assert (fact.granted, fact.door_action, fact.door_id) == (True, "unlocked", "front_door")
    assert (fact.actor, fact.credential_kind) == ("tag", "nfc")
    assert (fact.user_ref, fact.person, fact.recorded_at) == ("u-1", "Ada Byron", AT)


@pytest.mark.parametrize(
    ("provider", "actor", "credential"),
    [
        ("PIN_CODE", "keypad", "pin"),
        ("FACE", "face", "face"),
        ("MOBILE_TAP", "app", "nfc"),
        ("REMOTE_THROUGH_UAH", "remote", None),
        ("REX", "button", None),
        ("telepathy", None, None),
    ],
)
def test_the_provider_says_by_what(
    provider: str, actor: str | None, credential: str | None
) -> None:
    """An unknown provider is left out."""
    fact = only(log(provider=provider))
    assert (fact.actor, fact.credential_kind) == (actor, credential)


def test_a_refusal_and_an_incomplete_try_open_nothing() -> None:
    """BLOCKED is refused; INCOMPLETE is a credential that was shown."""
    fact = only(log("BLOCKED"))
    assert (fact.granted, fact.door_action, fact.reason) == (False, "none", "restricted")
    (shown,) = facts(told(ADAPTER, log("INCOMPLETE")))
    assert isinstance(shown, CredentialPresented)
    assert shown.reason == "incomplete"


def test_a_program_is_no_person() -> None:
    """The actor may be `open_api`."""
    fact = only(log(actor={"id": "open_api", "type": "open_api", "display_name": "Api"}))
    assert (fact.user_ref, fact.person, fact.actor) == (None, None, "remote")


@pytest.mark.anyio
@pytest.mark.parametrize("order", [[log(), insight()], [insight(), log()]], ids=["log", "insight"])
async def test_log_and_insight_of_one_opening_are_one(order: list[dict[str, Any]]) -> None:
    """Their times differ by the part of a second, or by their unit."""
    items = [item for message in order for item in told(ADAPTER, message)]
    store, tally = await fed(items)
    assert (len(store.keys), tally.known) == (1, 1)
    _, tally = await fed([*items, *told(ADAPTER, log(published=PUBLISHED + 4000))])
    assert tally.facts == 2


def test_a_call_rings_and_its_end_ends_it() -> None:
    """Known by the request."""
    call = {"request_id": "r-1", "door_name": "Front Door", "create_time": PUBLISHED // 1000}
    (rang,) = told(ADAPTER, {"event": "access.remote_view", "data": call})
    assert rang == Visit("unifi-access:r-1", (Ding(camera_id="front_door", recorded_at=AT),))
    change = {"remote_call_request_id": "r-1", "reason": 107}
    (end,) = told(ADAPTER, {"event": "access.remote_view.change", "data": change})
    assert isinstance(end, Addition)
    assert end.opener_key == "unifi-access:r-1"


def test_a_location_tells_lock_and_contact() -> None:
    """They are states, and come three or four times each."""
    data = {"id": "d", "name": "Front Door", "state": {"lock": "unlocked", "dps": "open"}}
    found = facts(told(ADAPTER, {"event": "access.data.v2.location.update", "data": data}))
    assert [(type(fact), getattr(fact, "state", None)) for fact in found] == [
        (LockState, "unlocked"),
        (DoorState, "open"),
    ]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Hello", Skipped),
        ({"event": "access.base.info", "data": {"top_log_count": 3}}, Skipped),
        (log(type="access.user.update"), Skipped),
        ({"event": "access.dance", "data": {}}, Unknown),
        ({"event": "access.logs.add", "data": {}}, Refused),
        (log(published=None), Refused),
        (7, Refused),
    ],
)
def test_what_is_no_fact_is_counted(message: object, kind: type[Item]) -> None:
    """Skipped, named, or refused."""
    items = told(ADAPTER, message)
    assert isinstance(items[-1], kind)


@pytest.mark.anyio
async def test_two_persons_within_one_second_are_two() -> None:
    """Who it was is in no key; the insight of either is known."""
    ben = {"id": "u-2", "type": "user", "display_name": "Ben"}
    messages = [log(), log(actor=ben), insight()]
    for order in (messages, messages[::-1], [*messages, *messages]):
        store, _ = await fed([item for message in order for item in told(ADAPTER, message)])
        people = [fact.person for fact in standing(store) if isinstance(fact, UnlockAction)]
        assert sorted(map(str, people)) == ["Ada Byron", "Ben"]
