"""ONVIF: notifications as zeep and Node's onvif print them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eventlog.facts import Detection, DeviceState, Ding, DoorState, Motion, Observation
from eventlog.sources.items import Item, Refused, Skipped, Unknown, Visit
from eventlog.sources.onvif import ADAPTER
from tests.sources.published import facts, told
from tests.sources.store_model import fed

AT = datetime(2026, 2, 25, 10, 29, 59, tzinfo=UTC)
RULE = "tns1:RuleEngine/MyRuleDetector"


def zeep(
    topic: str, value: str = "true", operation: str = "Changed", origin: str = "000"
) -> dict[str, Any]:
    """A notification as zeep serialises it."""
    return {
        "SubscriptionReference": None,
        "Topic": {"_value_1": topic, "Dialect": "x"},
        "Message": {
            "_value_1": {
                "Source": {"SimpleItem": [{"Name": "Source", "Value": origin}]},
                "Data": {"SimpleItem": [{"Name": "State", "Value": value}]},
                "UtcTime": "2026-02-25T10:29:59Z",
                "PropertyOperation": operation,
            }
        },
    }


def node(topic: str, value: object = True) -> dict[str, Any]:  # noqa: FBT002 - a level
    """The same as Node's onvif has it."""
    return {
        "topic": {"_": topic},
        "message": {
            "message": {
                "$": {"UtcTime": "2026-02-25T10:29:59Z", "PropertyOperation": "Changed"},
                "source": {"simpleItem": {"$": {"Name": "Source", "Value": "000"}}},
                "data": {"simpleItem": {"$": {"Name": "State", "Value": value}}},
            }
        },
    }


@pytest.mark.parametrize(
    ("last", "label"),
    [
        ("PeopleDetect", "person"),
        ("FaceDetect", "face"),
        ("VehicleDetect", "vehicle"),
        ("DogCatDetect", "animal"),
        ("Package", "package"),
    ],
)
def test_what_was_detected_has_no_confidence(last: str, label: str) -> None:
    """Both libraries' shapes say the same."""
    for message in (zeep(f"{RULE}/{last}"), node(f"{RULE}/{last}")):
        (item,) = told(ADAPTER, message)
        assert isinstance(item, Visit)
        assert item.facts == (
            Motion(camera_id="front_door", recorded_at=AT),
            Detection(label=label, recorded_at=AT),
        )


def test_a_visitor_rings_and_a_motion_moves() -> None:
    """A sound is heard."""
    (rang,) = facts(told(ADAPTER, zeep(f"{RULE}/Visitor")))
    (moved,) = facts(told(ADAPTER, zeep("tns1:RuleEngine/CellMotionDetector/Motion")))
    (heard,) = facts(told(ADAPTER, zeep("tns1:AudioAnalytics/Audio/DetectedSound")))
    assert rang == Ding(camera_id="front_door", recorded_at=AT)
    assert moved == Motion(camera_id="front_door", recorded_at=AT)
    assert isinstance(heard, Observation)


def test_initialized_is_a_state_and_false_is_an_end() -> None:
    """Neither happens at the door."""
    assert facts(told(ADAPTER, zeep(f"{RULE}/Visitor", operation="Initialized"))) == []
    assert facts(told(ADAPTER, zeep(f"{RULE}/Visitor", value="false"))) == []


def test_a_tamper_and_an_input_are_states() -> None:
    """Also when they are reported at the subscription."""
    (tamper,) = facts(told(ADAPTER, zeep("tns1:RuleEngine/TamperDetector/Tamper")))
    topic = "tns1:Device/Trigger/DigitalInput"
    (contact,) = facts(told(ADAPTER, zeep(topic, operation="Initialized", origin="1")))
    assert isinstance(tamper, DeviceState)
    assert tamper.state == "tampered"
    assert contact == DoorState(
        door_id="front_door.1", state="open", source="onvif", recorded_at=AT
    )


@pytest.mark.anyio
async def test_a_notification_again_is_known_by_topic_source_and_time() -> None:
    """Without a time of its own it is numbered: its arrival is not a key."""
    message = zeep(f"{RULE}/Visitor")
    store, tally = await fed(told(ADAPTER, message), told(ADAPTER, message))
    assert (len(store.events), tally.known) == (1, 1)
    message["Message"]["_value_1"]["UtcTime"] = None
    store, tally = await fed([*told(ADAPTER, message), *told(ADAPTER, message)])
    assert (len(store.events), tally.events, tally.known) == (1, 1, 1)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (zeep("tns1:Monitoring/ProcessorUsage"), Skipped),
        (zeep("tns1:Dance/Floor"), Unknown),
        ({"Message": {}}, Refused),
        ({"Topic": "tns1:x/y", "Message": 7}, Refused),
        (7, Refused),
    ],
)
def test_what_is_no_fact_is_counted(message: object, kind: type[Item]) -> None:
    """Skipped, named, or refused."""
    (item,) = told(ADAPTER, message)
    assert isinstance(item, kind)
