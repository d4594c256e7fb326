"""Each alert is sent once: by restarts, kills, lost checkpoints, outages and quiet hours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from eventlog.facts import (
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    DeviceState,
    Ding,
    DoorState,
    FaceResult,
    Fact,
    Motion,
    RuleArmed,
    SourceBack,
    SourceSilent,
    ThumbnailSaved,
    UnlockAction,
)
from eventlog.reactors.alerts.rules import Rule
from eventlog.store.event_store import EventStore
from tests.reactors.alerts.house import House, Killed, Phone

pytestmark = pytest.mark.anyio

RING = Rule(name="bell", when="ring", channels=("phone",))
STRANGER = Rule(name="stranger", when="stranger", channels=("phone",))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open log."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


async def ring(house: House, camera: str = "front_door", *more: Fact, ago_s: float = 0) -> int:
    """Somebody rings; the answer is the event's id."""
    at = house.now - timedelta(seconds=ago_s)
    receipt = await house.store.append(Ding(camera_id=camera, recorded_at=at), *more)
    assert receipt.event_id is not None
    return receipt.event_id


async def facts_of(house: House, kind: type[Fact]) -> list[Fact]:
    """All facts of a kind in the journal."""
    found = []
    last = await house.store.reader.last_position()
    if last:
        async for record in house.store.subscribe():
            if isinstance(record.fact, kind):
                found.append(record.fact)
            if record.position == last:
                break
    return found


async def test_a_ring_is_told_once(store: EventStore) -> None:
    """Intent, message, outcome; and the event says that an alert was sent."""
    phone = Phone()
    house = House(store, [RING], phone=phone)
    await house.tell()
    event = await ring(house)
    await house.tell()
    await house.tell()
    assert phone.titles == ["Somebody rang at front"]
    assert [type(f) for f in await facts_of(house, AlertIntended | AlertSent)] == [  # type: ignore[arg-type]  # isinstance takes a union
        AlertIntended,
        AlertSent,
    ]
    await store.caught_up(await store.reader.last_position())
    found = await store.get_event(event)
    assert found is not None
    assert found["alert_sent"] == 1


async def test_nothing_old_is_told_at_a_first_start(store: EventStore) -> None:
    """A rule selects only records after it was armed."""
    phone = Phone()
    await store.append_many(
        [[Ding(camera_id="front_door", recorded_at=datetime.now(UTC))] for _ in range(2000)]
    )
    house = House(store, [RING], phone=phone)
    await house.tell()
    assert phone.got == []
    assert len(await facts_of(house, RuleArmed)) == 1


async def test_a_lost_checkpoint_tells_nothing_twice(store: EventStore) -> None:
    """2,000 records folded again: 0 sent."""
    phone = Phone()
    house = House(store, [RING, STRANGER], phone=phone)
    await house.tell()
    for _ in range(3):
        await ring(house)
        house.pass_time(60)
        await house.tell()
    await store.append_many(
        [[Motion(camera_id="side", recorded_at=house.now)] for _ in range(2000)]
    )
    told = len(phone.got)
    await house.forget_checkpoint()
    await house.tell()
    assert (told, len(phone.got)) == (3, 3)


@pytest.mark.parametrize("unsure", ["again", "never"])
@pytest.mark.parametrize("kill", ["before intent", "before send", "after send", "before outcome"])
async def test_a_kill_at_each_step(store: EventStore, kill: str, unsure: str) -> None:
    """An alert is sent once if the journal can know; a doubtful one follows its rule."""
    phone = Phone()
    rule = Rule(name="bell", when="ring", channels=("phone",), unsure=unsure)  # type: ignore[arg-type]  # one of its words
    house = House(store, [rule], phone=phone)
    await house.tell()
    await ring(house)
    house.kill_at_append = {"before intent": AlertIntended, "before outcome": AlertSent}.get(kill)  # type: ignore[assignment]  # two classes of one union
    phone.mode = {"before send": "killed before", "after send": "killed after"}.get(kill, "sends")
    with pytest.raises(Killed):
        await house.tell()
    delivered = len(phone.got)
    phone.mode, house.kill_at_append = "sends", None
    house.restart()
    await house.tell()
    house.restart()
    await house.tell()
    again = len(phone.got) - delivered
    if kill == "before intent":
        assert (delivered, again) == (0, 1)
        assert "second time" not in phone.titles[-1]
    elif unsure == "again":
        assert again == 1
        assert "perhaps a second time" in phone.titles[-1]
    else:
        assert again == 0
        outcomes = [f.outcome for f in await facts_of(house, AlertSent) if isinstance(f, AlertSent)]
        assert outcomes == ["unknown"]


async def test_a_channel_that_is_down_for_a_day(store: EventStore) -> None:
    """The first is tried for the day; what waited behind it comes as one digest, in order."""
    phone = Phone()
    house = House(store, [RING], phone=phone)
    await house.tell()
    phone.mode = "away"
    for _ in range(12):
        await ring(house)
        await house.tell()
        house.pass_time(7000)
    phone.mode = "sends"
    house.pass_time(600)
    await house.tell()
    await house.tell()
    assert phone.titles == ["Somebody rang at front", "While I was away: 11"]
    assert len(phone.got[1].body.splitlines()) == 11


async def test_a_channel_that_never_comes_back_is_given_up(store: EventStore) -> None:
    """After 24 hours; the outcome says so."""
    phone = Phone()
    house = House(store, [RING], phone=phone)
    await house.tell()
    phone.mode = "away"
    await ring(house)
    for _ in range(30):
        await house.tell()
        house.pass_time(3600)
    outcomes = [f.outcome for f in await facts_of(house, AlertSent) if isinstance(f, AlertSent)]
    assert outcomes == ["gave_up"]


async def test_a_time_out_is_no_failure(store: EventStore) -> None:
    """It may have been sent: the next one says that it is perhaps the second."""
    phone = Phone()
    house = House(store, [RING], phone=phone)
    await house.tell()
    phone.mode = "slow"
    await ring(house)
    await house.tell()
    phone.mode = "sends"
    house.pass_time(5)
    await house.tell()
    assert phone.titles == [
        "Somebody rang at front",
        "Somebody rang at front (perhaps a second time)",
    ]


async def test_two_tellers_of_one_ring_make_one_alert(store: EventStore) -> None:
    """One ring that two systems report within ten seconds gives one alert."""
    phone = Phone()
    house = House(store, [RING], phone=phone)
    await house.tell()
    await ring(house, "front_door")
    await ring(house, "front lock", ago_s=4)
    await house.tell()
    house.pass_time(30)
    await ring(house, "front_door")
    await house.tell()
    assert len(phone.got) == 2


async def test_quiet_hours_hold_back_and_end_in_one_digest(store: EventStore) -> None:
    """Over midnight, and over the night in which the clock is set back."""
    phone = Phone()
    rule = Rule(name="bell", when="ring", channels=("phone",), quiet=(time(23, 0), time(6, 0)))
    house = House(store, [rule], phone=phone)
    house.now = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # 22:00 in Berlin
    await house.tell()
    house.now = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    await ring(house)
    await house.tell()
    house.pass_time(3 * 3600)
    await ring(house)
    await house.tell()
    house.restart()
    await house.tell()
    assert phone.got == []
    house.now = datetime(2026, 10, 25, 5, 1, tzinfo=UTC)  # 06:01, an hour later than it looks
    await house.tell()
    assert phone.titles == ["During quiet hours: 2"]


async def test_a_storm_becomes_one_digest(store: EventStore) -> None:
    """More than five at once are one message."""
    phone = Phone()
    house = House(store, [RING], phone=phone)
    await house.tell()
    for number in range(9):
        await ring(house, f"camera {number}")
    await house.tell()
    assert phone.titles == ["Many things at once: 9"]


async def test_a_late_name_edits_where_the_channel_can(store: EventStore) -> None:
    """Revision 1 where it can take the older one's place, silence where it can't."""
    editing, plain = Phone(can_edit=True), Phone()
    rule = Rule(name="stranger", when="stranger", channels=("editing", "plain"))
    house = House(store, [rule], editing=editing, plain=plain)
    await house.tell()
    event = await ring(house, "front_door", FaceResult(name=None))
    await house.tell()
    house.pass_time(120)
    await store.append(FaceResult(name="ada"), event_id=event)
    await house.tell()
    await house.tell()
    house.restart()
    await house.tell()
    assert [(one.revision, one.title) for one in editing.got] == [
        (0, "A stranger at front"),
        (1, "At front: ada"),
    ]
    assert editing.got[0].id == editing.got[1].id
    assert plain.titles == ["A stranger at front"]


async def test_an_old_alert_is_not_revised(store: EventStore) -> None:
    """A name that comes after ten minutes does not change an alert that was sent."""
    phone = Phone(can_edit=True)
    house = House(store, [STRANGER], phone=phone)
    await house.tell()
    event = await ring(house, "front_door", FaceResult(name=None))
    await house.tell()
    house.pass_time(700)
    await store.append(FaceResult(name="ada", recorded_at=house.now), event_id=event)
    await house.tell()
    assert len(phone.got) == 1


async def test_the_picture_is_the_visits_own(store: EventStore) -> None:
    """Not that of the visit before, also after a restart in between."""
    phone = Phone()
    house = House(store, [STRANGER], phone=phone)
    await house.tell()
    await ring(house, "front_door", ThumbnailSaved(path="thumbnails/one.jpg"))
    house.pass_time(60)
    second = await ring(house, "front_door", ThumbnailSaved(path="thumbnails/two.jpg"))
    house.pass_time(7200)
    await house.tell()
    house.restart()
    await store.append(FaceResult(name=None, recorded_at=house.now), event_id=second)
    await house.tell()
    assert [message.picture for message in phone.got] == ["thumbnails/two.jpg"]


async def test_a_door_that_stays_open_is_told_after_its_time(store: EventStore) -> None:
    """If it was closed before, there is no alert; a restart in between does not matter."""
    phone = Phone()
    rule = Rule(name="open", when="door_open", channels=("phone",), after_s=300)
    house = House(store, [rule], phone=phone)
    await house.tell()

    async def door(state: str) -> None:
        await store.append(
            DoorState(door_id="front lock", state=state, source="z2m", recorded_at=house.now)  # type: ignore[arg-type]  # one of its words
        )
        await house.tell()

    await door("open")
    house.pass_time(100)
    await door("closed")
    house.pass_time(600)
    await house.tell()
    assert phone.got == []
    await door("open")
    house.pass_time(200)
    house.restart()
    await house.tell()
    assert phone.got == []
    house.pass_time(101)
    await house.tell()
    assert phone.titles == ["front is open"]


async def test_an_opening_is_told_when_the_bolt_has_moved(store: EventStore) -> None:
    """Not at the intent, not for a trial; and once where the lock reports it as well."""
    phone = Phone()
    rule = Rule(name="opened", when="opened", channels=("phone",))
    house = House(store, [rule], phone=phone)
    await house.tell()
    await ring(
        house,
        "front_door",
        UnlockAction(granted=True, door_action="unlocked", dry_run=True, door_id="front lock"),
    )
    await ring(
        house,
        "front_door",
        UnlockAction(granted=True, door_action="unlocked", intent="i1", door_id="front lock"),
    )
    await house.tell()
    assert phone.got == []
    await store.append(ActuatorOutcome(intent="i1", outcome="done", recorded_at=house.now))
    await store.append(
        UnlockAction(
            granted=True, door_action="unlocked", door_id="front lock", recorded_at=house.now
        )
    )
    await house.tell()
    assert phone.titles == ["front was opened"]


async def test_refusals_devices_and_silent_sources_are_told(store: EventStore) -> None:
    """Each by its own rule, in order."""
    phone = Phone()
    rules = [
        Rule(name="no", when="refused", channels=("phone",)),
        Rule(name="device", when="device", channels=("phone",)),
        Rule(name="silent", when="source_silent", channels=("phone",)),
    ]
    house = House(store, rules, phone=phone)
    await house.tell()
    await ring(house, "front_door", UnlockAction(granted=False, reason="out_of_hours"))
    await store.append(
        DeviceState(device_id="front lock", what="battery", state="low", recorded_at=house.now)
    )
    await store.append(SourceSilent(source="frigate", since=house.now, reason="no_sign"))
    await house.tell()
    assert phone.titles == [
        "front: an unlock was refused (out_of_hours)",
        "front: battery low",
        "frigate is silent: the log may be missing what happens there",
    ]


async def test_history_of_a_first_start_is_not_told(store: EventStore) -> None:
    """What a new source brings in from before its start sends nothing."""
    phone = Phone()
    house = House(store, [RING], phone=phone)
    await house.tell()
    await store.append(SourceSilent(source="ring", since=house.now, reason="first_start"))
    await ring(house, ago_s=86_400)
    await ring(house, ago_s=60)
    await store.append(SourceBack(source="ring", until=house.now, reconciled=2, late=2))
    await house.tell()
    assert phone.got == []


async def test_a_stranger_of_long_ago_is_not_told(store: EventStore) -> None:
    """A face has no time of its own: it was seen when its visit began, whenever we hear of it."""
    phone = Phone()
    house = House(store, [STRANGER], phone=phone)
    await house.tell()
    await store.append(SourceSilent(source="frigate", since=house.now, reason="first_start"))
    old = house.now - timedelta(days=3)
    event = await store.append(Motion(camera_id="front_door", recorded_at=old))
    await store.append(FaceResult(name=None), event_id=event.event_id)
    await store.append(SourceBack(source="frigate", until=house.now, reconciled=2, late=1))
    await house.tell()
    assert phone.got == []
    late = house.now - timedelta(hours=2)
    event = await store.append(Motion(camera_id="front_door", recorded_at=late))
    await store.append(FaceResult(name=None), event_id=event.event_id)
    await house.tell()
    assert phone.titles == ["While I was away: 1"]


async def test_a_changed_rule_loses_nothing_that_it_holds_back(store: EventStore) -> None:
    """A change of the rule's wording does not arm it again."""
    phone = Phone()
    rule = Rule(name="bell", when="ring", channels=("phone",), quiet=(time(0, 0), time(23, 59)))
    house = House(store, [rule], phone=phone)
    await house.tell()
    await ring(house)
    await house.tell()
    assert phone.got == []
    house.rules = {"bell": RING}
    house.restart()
    await house.tell()
    assert len(phone.got) == 1
    assert len(await facts_of(house, RuleArmed)) == 2


async def test_a_late_record_of_a_told_event_blocks_nothing(store: EventStore) -> None:
    """An hour and a restart later no second alert is sent for it, but one is for the next ring."""
    phone = Phone()
    house = House(store, [STRANGER, RING], phone=phone)
    await house.tell()
    event = await ring(house, "front_door", FaceResult(name=None))
    await house.tell()
    told = len(phone.got)
    house.pass_time(3600)
    await house.tell()
    house.restart()
    await house.tell()
    await store.append(FaceResult(name=None, recorded_at=house.now), event_id=event)
    await house.tell()
    await house.tell()
    assert len(phone.got) == told
    await ring(house)
    await house.tell()
    assert phone.titles[told:] == ["Somebody rang at front"]


async def test_the_newest_head_rides_along(store: EventStore) -> None:
    """Where heads are signed; who keeps the messages has a head outside the machine."""
    phone = Phone()
    house = House(store, [RING], phone=phone)
    house.teller.head_line = lambda: "a head of 7 records"
    await house.tell()
    await ring(house)
    await house.tell()
    assert phone.got[0].body.splitlines()[-1] == "a head of 7 records"


async def test_a_test_leaves_no_record(store: EventStore) -> None:
    """And says what went wrong."""
    phone = Phone()
    house = House(store, [], phone=phone)
    before = await store.reader.last_position()
    assert await house.teller.test("phone") is None
    phone.mode = "away"
    assert await house.teller.test("phone") == "it was not sent"
    assert phone.titles == ["A test of this channel"]
    assert await store.reader.last_position() == before
