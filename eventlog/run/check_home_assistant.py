"""Asks a Home Assistant which of the chosen entities another source reports as well.

Home Assistant has most devices by way of another system, and its registry says which: one that
the config follows too would bring each opening twice. Only reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from msgspec import Struct

from eventlog.errors import BadArgument, BadPayload
from eventlog.run.config import (
    Config,
    Frigate,
    HomeAssistant,
    Nuki,
    Ring,
    RingMqtt,
    SourceTable,
    Zigbee2Mqtt,
    ZwaveJs,
)
from eventlog.run.error_code import error_code
from eventlog.run.sources import told_by_others
from eventlog.run.values import secret
from eventlog.sources.live.home_assistant_socket import (
    AWAY,
    ask,
    decoded,
    is_chosen,
    objects,
    signed_in,
)

ANSWER_S: Final = 10.0
_REGISTRIES: Final = ("config/entity_registry/list", "config/device_registry/list")
# What Home Assistant calls the integration that brings the same devices.
_INTEGRATIONS: Final[Mapping[type, str]] = {
    Frigate: "frigate",
    Nuki: "nuki",
    Ring: "ring",
    ZwaveJs: "zwave_js",
}


class Entity(Struct, frozen=True):
    """An entity of Home Assistant, with what its device is called and who made it."""

    entity_id: str
    integration: str
    unique_id: str
    device: str
    maker: str


class Answer(Struct, frozen=True):
    """What a Home Assistant says: whether it takes us, and what is to be noted of its entities."""

    refused: str | None = None
    notes: tuple[str, ...] = ()


async def look(name: str, table: HomeAssistant, config: Config) -> Answer:
    """Ask for the entities, and compare them with what the config says.

    Args:
        name: what the config calls this source.
        table: its table.
        config: the whole config, for the other sources.
    """
    try:
        token = secret(f"source.{name}.token", table.token, table.token_file)
        async with asyncio.timeout(ANSWER_S):
            entities = await _entities(table.url, token or "")
    except (BadArgument, BadPayload) as error:
        return Answer(refused=str(error))
    except AWAY as error:
        return Answer(refused=f"no answer: {error_code(error)}")
    return Answer(notes=tuple(notes(name, table, config, entities)))


def notes(name: str, table: HomeAssistant, config: Config, entities: list[Entity]) -> Iterator[str]:
    """What is to be said of the entities: names that fit none, and devices reported twice."""
    for wanted in table.entities:
        if not any(fnmatchcase(entity.entity_id, wanted) for entity in entities):
            yield f"Home Assistant has no entity {wanted}"
    left_out = told_by_others(config, name)
    for entity in entities:
        if not is_chosen(entity.entity_id, table.entities, left_out):
            continue
        for other, source in config.source.items():
            if _reports(source, entity):
                yield (
                    f"{entity.entity_id} is also reported by source.{other}"
                    f"{f' as {entity.device!r}' if entity.device else ''}:"
                    f" leave it out of source.{name}.entities, or it is recorded twice"
                )


def _reports(source: SourceTable, entity: Entity) -> bool:
    if isinstance(source, Zigbee2Mqtt):
        # Zigbee2MQTT ends the unique ids of its discovery with its base topic.
        ours = entity.integration == "mqtt" and entity.unique_id.endswith(f"_{source.prefix}")
        return ours and (not source.devices or entity.device in source.devices)
    if isinstance(source, RingMqtt):
        # ring-mqtt names Ring as the maker of every device of its discovery.
        return entity.integration == "mqtt" and entity.maker == "Ring"
    return entity.integration == _INTEGRATIONS.get(type(source))


async def _entities(url: str, token: str) -> list[Entity]:
    """All entities, with those that have a state and no entry in the registry."""
    async with signed_in(url, token) as socket:
        for number, question in enumerate((*_REGISTRIES, "get_states"), start=1):
            await ask(socket, number, question)
        answers: dict[object, list[dict[str, Any]]] = {}
        while len(answers) <= len(_REGISTRIES):
            answer = decoded(await socket.recv())
            if answer.get("type") == "result":
                answers[answer.get("id")] = objects(answer.get("result"))
    devices = {device.get("id"): device for device in answers[2]}
    found = {
        str(entry.get("entity_id")): _entity(entry, devices.get(entry.get("device_id"), {}))
        for entry in answers[1]
    }
    for state in answers[3]:
        entity_id = str(state.get("entity_id"))
        found.setdefault(entity_id, Entity(entity_id, "", "", "", ""))
    return [found[entity_id] for entity_id in sorted(found)]


def _entity(entry: dict[str, Any], device: dict[str, Any]) -> Entity:
    def text(value: object) -> str:
        return value if isinstance(value, str) else ""

    return Entity(
        entity_id=text(entry.get("entity_id")),
        integration=text(entry.get("platform")),
        unique_id=text(entry.get("unique_id")),
        device=text(device.get("name")),
        maker=text(device.get("manufacturer")),
    )
