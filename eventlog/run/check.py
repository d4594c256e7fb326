"""`eventlog run --check`: checks a config without starting anything.

Parses, reads the secrets, asks the broker and every address for an answer, and names what loses
messages. Starts nothing and writes nothing.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import secrets as random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from eventlog.errors import BadArgument
from eventlog.evidence.keys import require_apart
from eventlog.reactors.head_to import parse_places
from eventlog.run.check_frigate import loses_messages
from eventlog.run.config import (
    BY_MQTT,
    Config,
    Frigate,
    HomeAssistant,
    Ring,
    Webhook,
    Zigbee2Mqtt,
)
from eventlog.run.config_file import load
from eventlog.run.error_code import error_code
from eventlog.run.parts import broker, listening
from eventlog.run.values import secret

ANSWER_S: Final = 5.0
BROKER_LINES: Final = (
    "max_queued_messages 0",
    "max_inflight_messages 256",
    "queue_qos0_messages true",
    "persistence true",
    "autosave_interval 1",
    "autosave_on_changes true",
)


# The package that a kind of source needs, and the extra that brings it.
_NEEDS: Final[dict[type, tuple[str, str]]] = {
    **dict.fromkeys(BY_MQTT, ("aiomqtt", "mqtt")),
    HomeAssistant: ("websockets", "homeassistant"),
    Ring: ("ring_doorbell", "ring"),
}


class Finding(Struct, frozen=True):
    """One thing that was looked at: where in the config, and what there is to say."""

    grade: Literal["ok", "note", "wrong"]
    where: str
    said: str


async def check(path: Path) -> AsyncIterator[Finding]:
    """Everything that is found, the gravest kinds included. Raises BadArgument for no config."""
    config = load(path)
    yield Finding("ok", str(path), "can be read")
    for finding in _files(config):
        yield finding
    for finding in _secrets(config):
        yield finding
    for finding in _heads(config):
        yield finding
    for finding in _sources(config):
        yield finding
    missing = list(_extras(config))
    for finding in missing:
        yield finding
    if missing:
        return
    if any(isinstance(source, BY_MQTT) for source in config.source.values()):
        async for finding in _broker(config):
            yield finding
    async for finding in _asked(config):
        yield finding


async def _asked(config: Config) -> AsyncIterator[Finding]:
    """What answers at the addresses of the config."""
    for where, url in _addresses(config):
        yield await _answers(where, url)
    for name, source in config.source.items():
        if isinstance(source, HomeAssistant):
            async for finding in _home_assistant(name, source, config):
                yield finding
        if isinstance(source, Frigate) and source.api and await loses_messages(source.api):
            said = "publishes at QoS 0 and may lose messages: set mqtt.qos: 1 in its config"
            yield Finding("note", f"source.{name}", said)


async def _home_assistant(
    name: str, table: HomeAssistant, config: Config
) -> AsyncIterator[Finding]:
    """Whether Home Assistant takes the token, and which devices it reports as another does."""
    from eventlog.run import check_home_assistant  # noqa: PLC0415 - an extra

    answer = await check_home_assistant.look(name, table, config)
    if answer.refused is not None:
        yield Finding("wrong", f"source.{name}.url", answer.refused)
        return
    yield Finding("ok", f"source.{name}.url", "answers, and takes the token")
    for note in answer.notes:
        yield Finding("note", f"source.{name}.entities", note)


def _files(config: Config) -> Iterator[Finding]:
    db = Path(config.log.db)
    if db.exists():
        yield Finding("ok", "log.db", f"{db} is there")
    elif config.log.must_exist:
        yield Finding("wrong", "log.db", f"there is no {db}; is its disk mounted?")
    elif not db.parent.is_dir():
        yield Finding("wrong", "log.db", f"there is no folder {db.parent}")
    else:
        yield Finding("note", "log.db", f"{db} is not there yet; the first start makes it")
    for name, folder in (("log.db", db.parent), ("log.thumbnails", Path(config.log.thumbnails))):
        if folder.exists() and not os.access(folder, os.W_OK):
            yield Finding("wrong", name, f"{folder} can't be written")


def _secrets(config: Config) -> Iterator[Finding]:
    wanted = [
        (f"source.{name}.token", source.token, source.token_file)
        for name, source in config.source.items()
        if isinstance(source, HomeAssistant)
    ]
    wanted += [
        (f"source.{name}.token", None, source.token_file)
        for name, source in config.source.items()
        if isinstance(source, Ring)
    ]
    for name, channel in config.channel.items():
        wanted.append((f"channel.{name}.url", channel.url, channel.url_file))
        wanted.append((f"channel.{name}.token", channel.token, channel.token_file))
    if config.mqtt is not None:
        wanted.append(("mqtt.password", config.mqtt.password, config.mqtt.password_file))
    for name, value, file in wanted:
        try:
            secret(name, value, file)
        except BadArgument as error:
            yield Finding("wrong", name, str(error))


def _extras(config: Config) -> Iterator[Finding]:
    """Packages that the config needs and this installation lacks."""
    needed: list[tuple[str, tuple[str, str]]] = [
        (f"source.{name}", _NEEDS[type(source)])
        for name, source in config.source.items()
        if type(source) in _NEEDS
    ]
    needed += [
        (f"channel.{name}", ("cryptography", "push") if channel.web_push else ("apprise", "alerts"))
        for name, channel in config.channel.items()
        if channel.webhook is None
    ]
    if config.home_assistant is not None:
        needed.append(("home_assistant", ("aiomqtt", "mqtt")))
    if config.dashboard is not None:
        needed.append(("dashboard", ("litestar", "web")))
    if config.keys is not None:
        needed.append(("keys", ("cryptography", "proof")))
    for where, (package, extra) in needed:
        if importlib.util.find_spec(package) is None:
            yield Finding("wrong", where, f"{package} is missing; it is in the extra {extra}")


def _heads(config: Config) -> Iterator[Finding]:
    """Whether heads can be signed, and where they go."""
    if config.keys is None:
        yield Finding("note", "keys", "is not set: heads are not signed, and nothing can be proved")
        return
    db = Path(config.log.db)
    try:
        places = parse_places(config.head_to, db)
        require_apart(Path(config.keys), db)
    except BadArgument as error:
        yield Finding("wrong", "head_to" if "HEAD_TO" in str(error) else "keys", str(error))
        return
    if not Path(config.keys).is_dir():
        yield Finding("wrong", "keys", f"there is no {config.keys}: eventlog keys init makes it")
    elif not places:
        yield Finding("note", "head_to", "is not set: heads stay on this machine")
    else:
        yield Finding("ok", "head_to", ", ".join(place.name for place in places))


def _sources(config: Config) -> Iterator[Finding]:
    """Sources that can't be called silent, and devices that two sources report."""
    for name, source in config.source.items():
        if isinstance(source, Webhook):
            yield Finding("note", f"source.{name}", "a webhook has no sign of life: never silent")
        elif source.silent_after is None:
            yield Finding(
                "note", f"source.{name}", "silent_after is not set, so its silence is not recorded"
            )
        if isinstance(source, Frigate) and source.api is None:
            yield Finding(
                "note",
                f"source.{name}.api",
                "is not set: what Frigate publishes while the broker is down is lost",
            )
        if isinstance(source, Zigbee2Mqtt):
            yield Finding(
                "note", f"source.{name}", "set last_seen: ISO_8601 in Zigbee2MQTT, for its keys"
            )
    yield from _told_twice(config)


def _told_twice(config: Config) -> Iterator[Finding]:
    by_name: dict[str, list[str]] = {}
    for name, source in config.source.items():
        if isinstance(source, HomeAssistant):
            for entity in source.entities:
                by_name.setdefault(_device(entity.partition(".")[2]), []).append(name)
        elif isinstance(source, Zigbee2Mqtt):
            for device in source.devices:
                by_name.setdefault(_device(device), []).append(name)
    for device, tellers in by_name.items():
        if len(tellers) > 1:
            yield Finding(
                "note",
                f"source.{tellers[0]}",
                f"{' and '.join(sorted(tellers))} both tell of {device!r}: leave it out of one,"
                " best of the one that does not say who it was",
            )


def _device(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name.lower()).strip("_")


async def _broker(config: Config) -> AsyncIterator[Finding]:
    """Whether the broker takes us and grants QoS 1. The session that it makes is deleted."""
    from aiomqtt import MqttError  # noqa: PLC0415 - an extra

    from eventlog.sources.live import mqtt  # noqa: PLC0415 - likewise

    table = config.mqtt
    assert table is not None  # noqa: S101 - the config was checked
    if table.user is None and table.host not in {"127.0.0.1", "::1", "localhost"}:
        yield Finding("note", "mqtt", "anybody in the network may publish: set user and tls_ca")
    elif table.tls_ca is None and table.host not in {"127.0.0.1", "::1", "localhost"}:
        yield Finding("note", "mqtt", "the password crosses the network in clear: set tls_ca")
    try:
        client = mqtt.make_client(
            broker(table), f"eventlog-check-{random.token_hex(4)}", keep_session=False
        )
        session = mqtt.Session(client)
        async with client:
            granted = await session.subscribe(
                topic for one in listening(config) for topic in one.topics
            )
    except (MqttError, OSError, BadArgument) as error:
        yield Finding("wrong", "mqtt", f"{table.host}:{table.port} refuses: {error}")
        return
    yield Finding("ok", "mqtt", f"{table.host}:{table.port} answers")
    for topic, qos in granted.items():
        if qos != mqtt.QOS:
            yield Finding("wrong", "mqtt", f"{topic} is granted at QoS {qos}: messages can be lost")
    yield Finding("note", "mqtt", f"mosquitto keeps all with: {'; '.join(BROKER_LINES)}")


def _addresses(config: Config) -> Iterator[tuple[str, str]]:
    for name, source in config.source.items():
        if isinstance(source, Frigate) and source.api is not None:
            yield f"source.{name}.api", source.api
    for name, channel in config.channel.items():
        if channel.webhook is not None:
            yield f"channel.{name}.webhook", channel.webhook


async def _answers(where: str, url: str) -> Finding:
    """Whether something listens at an address. Nothing is sent to it."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return Finding("wrong", where, "is not an http:// or https:// address")
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
        writer.close()
    except (OSError, TimeoutError) as error:
        return Finding("wrong", where, f"no answer: {error_code(error)}")
    return Finding("ok", where, "answers")
