"""The part that publishes the door to Home Assistant over one MQTT connection."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import aiomqtt
import anyio

from eventlog.followers.reactor import Reactor
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.reactors.home_assistant import Publisher
from eventlog.reactors.home_assistant_device import OFFLINE, ONLINE, Outward, Publication
from eventlog.run import recorded
from eventlog.run.alerts import doors_of
from eventlog.run.config import Config, Publish
from eventlog.run.opened_reactor import opened_reactor
from eventlog.run.sources import together
from eventlog.sources.live.mqtt import Broker, make_client
from eventlog.store.event_store import EventStore

if TYPE_CHECKING:
    from eventlog.reactors.alerts.rules import Doors

log = logging.getLogger("eventlog")

RECONNECT_S: Final = 1.0


def outward_of(config: Config, log_id: bytes) -> Outward:
    """What is published of a config's doors."""
    table = config.home_assistant or Publish()
    try:
        own = version("doorjournal")
    except PackageNotFoundError:
        own = "a checkout"
    return Outward(
        log_id=log_id.hex()[:8],
        doors=tuple(config.door),
        version=own,
        discovery=table.discovery,
        prefix=table.prefix,
        per_entity=table.form == "entity",
        last_person=table.last_person,
        picture=table.picture,
    )


async def run(config: Config, store: EventStore, broker: Broker, log_id: bytes) -> None:
    """Publish forever; a connection that is lost is made again.

    Raises aiomqtt.MqttConnectError where the broker refuses us, DatabaseError.
    """
    outward, doors = outward_of(config, log_id), doors_of(config)
    while True:
        try:
            await _connected(outward, doors, store, broker, log_id)
        except aiomqtt.exceptions.MqttConnectError:
            raise
        except aiomqtt.MqttError as error:
            log.info("nothing is published to Home Assistant: %s", error)
        await asyncio.sleep(RECONNECT_S)


def make_reactor(store: EventStore, publisher: Publisher) -> Reactor:
    """What brings the records to a publisher."""
    return opened_reactor("home_assistant", store, publisher.act)


async def _connected(
    outward: Outward, doors: Doors, store: EventStore, broker: Broker, log_id: bytes
) -> None:
    will = aiomqtt.Will(outward.availability, OFFLINE, qos=1, retain=True)
    client = make_client(broker, f"eventlog-{log_id.hex()}-out", keep_session=False, will=will)
    thumbnails = Thumbnails(store.thumbnails_dir)

    async def publish(one: Publication) -> None:
        await client.publish(one.topic, one.payload, qos=1, retain=one.retain)

    async def read_picture(path: str) -> bytes | None:
        found = thumbnails.find(path)
        try:
            return None if found is None else await anyio.Path(found).read_bytes()
        except OSError:
            return None  # it is shown as missing by the dashboard

    silent = await store.reader.run(recorded.sources_silent)
    down = await store.reader.run(recorded.parts_down)
    troubles = [*(f"source {name}" for name in silent), *(f"part {name}" for name in down)]
    async with client:
        publisher = Publisher(
            outward, doors, publish, read_picture, lambda: datetime.now(UTC), troubles=troubles
        )
        reactor = make_reactor(store, publisher)
        birth = f"{outward.discovery}/status"
        await client.subscribe(birth, qos=1)
        await publisher.announce()

        async def announce_again() -> None:
            async for message in client.messages:
                if message.payload == ONLINE and not message.retain:
                    await publisher.announce()

        try:
            await together(reactor.run, announce_again)
        finally:
            if not client._disconnected.done():  # noqa: SLF001 - aiomqtt has no public way to ask
                await publish(Publication(outward.availability, OFFLINE, retain=True))
