"""Builds the parts of the process from the config, with their dependencies.

Each part is made here and runs elsewhere. Extras are imported by the part that needs them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eventlog.errors import BadArgument
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.reactors.alerts.teller import Teller
from eventlog.record import Author
from eventlog.run import alerts, recorded, web_push
from eventlog.run.around import Around
from eventlog.run.author import RUN, Signed
from eventlog.run.config import (
    BY_MQTT,
    Config,
    Dashboard,
    DoubleTake,
    Frigate,
    HomeAssistant,
    Mqtt,
    Nuki,
    Ring,
    RingMqtt,
    Statestream,
    Webhook,
    Zigbee2Mqtt,
    ZwaveJs,
)
from eventlog.run.health import Board
from eventlog.run.silence import Silence
from eventlog.run.supervisor import Part
from eventlog.run.values import Span, seconds, secret
from eventlog.sources.adapter import Settings
from eventlog.sources.live.life import Life
from eventlog.store.event_store import EventStore

if TYPE_CHECKING:
    from eventlog.sources.live.mqtt import Broker, Listening

log = logging.getLogger("eventlog")

MQTT_AUTHOR: Final = Author("source", "mqtt")
NOTARY_AUTHOR: Final = Author("part", "notary")


class Door:
    """What the parts of one process share: the open log, the board, and the log's name."""

    def __init__(
        self,
        store: EventStore,
        board: Board,
        *,
        say: Callable[[str], None] = log.info,
        sign_in_link: bool = False,
    ) -> None:
        self.store = store
        self.board = board
        self.say = say
        self.sign_in_link = sign_in_link
        self.log_id = b""
        self.teller: Teller | None = None

    async def open(self, config: Config) -> None:
        """Get ready for the parts of a config."""
        from eventlog.journal import table as journal  # noqa: PLC0415

        self.log_id = await self.store.reader.run(journal.log_id)
        for name in config.source:
            self.board.source(name)


def of(config: Config, door: Door) -> list[Part]:
    """The parts of a config."""
    return list(_parts(config, door))


def _parts(config: Config, door: Door) -> Iterator[Part]:
    settings: object
    by_mqtt = {
        name: source for name, source in config.source.items() if isinstance(source, BY_MQTT)
    }
    if by_mqtt:
        yield Part("mqtt", (config.mqtt, by_mqtt), lambda: _follow_mqtt(config, door))
    yield from _asked(config, door)
    if config.keys is not None:
        yield Part("notary", (config.keys, config.head_to), lambda: _sign(config, door))
    watched = {
        name: source.silent_after
        for name, source in config.source.items()
        if source.silent_after is not None and not isinstance(source, Webhook)
    }
    if watched:
        kinds = {name: type(config.source[name]).__name__ for name in watched}
        yield Part("silence", (watched, kinds), lambda: _watch(config, door, watched))
    if config.retain is not None:
        yield Part("retain", (config.retain, config.zone), lambda: _retain(config, door))
    if config.dashboard is not None:
        hooks = {n: s for n, s in config.source.items() if isinstance(s, Webhook)}
        settings = (config.dashboard, config.zone, hooks)
        yield Part("dashboard", settings, lambda: _show(config, door))
    if config.home_assistant is not None:
        settings = (config.home_assistant, config.mqtt, config.door)
        yield Part("home_assistant", settings, lambda: _publish(config, door))
    if config.alert:
        settings = (config.alert, config.channel, config.door, config.zone, web_push.needs(config))
        yield Part("alerts", settings, lambda: _tell(config, door))


async def _sign(config: Config, door: Door) -> None:
    from eventlog.reactors import notary_settings  # noqa: PLC0415 - an extra signs

    db_path = Path(door.store.db_path)
    await notary_settings.of_log(
        db_path,
        door.log_id,
        Path(config.keys or ""),
        config.head_to,
        append=Signed(door.store, NOTARY_AUTHOR).append,
        nudge=door.store.reader.nudge,
    ).run()


async def _ask_frigate(name: str, table: Frigate, door: Door) -> None:
    from eventlog.run import sources  # noqa: PLC0415 - slow to load

    await sources.ask_frigate(name, table, door.store, door.board)


async def _follow_ring(name: str, table: Ring, door: Door) -> None:
    from eventlog.run import ring  # noqa: PLC0415 - slow to load

    await ring.follow(name, table, door.store, door.board)


async def _follow_ha(name: str, config: Config, door: Door) -> None:
    from eventlog.run import sources  # noqa: PLC0415 - slow to load

    table = config.source[name]
    assert isinstance(table, HomeAssistant)  # noqa: S101 - `_parts` chose it
    await sources.follow_home_assistant(
        name,
        table,
        door.store,
        door.board,
        own_ids=f"eventlog_{door.log_id.hex()[:8]}_",
        left_out=sources.told_by_others(config, name),
    )


def _asked(config: Config, door: Door) -> Iterator[Part]:
    """The sources that are asked, not only listened to."""
    settings: object
    for name, source in config.source.items():
        if isinstance(source, Frigate) and source.api is not None:
            yield Part(f"source.{name}", source, partial(_ask_frigate, name, source, door))
        elif isinstance(source, HomeAssistant):
            settings = (source, config.door)
            yield Part(f"source.{name}", settings, partial(_follow_ha, name, config, door))
        elif isinstance(source, Ring):
            yield Part(f"source.{name}", source, partial(_follow_ring, name, source, door))


async def _publish(config: Config, door: Door) -> None:
    from eventlog.run import home_assistant  # noqa: PLC0415 - an extra

    await home_assistant.run(config, door.store, broker(config.mqtt), door.log_id)


async def _watch(config: Config, door: Door, watched: Mapping[str, Span]) -> None:
    from eventlog.sources.live.signs import SIGNS  # noqa: PLC0415 - slow to load

    told = await door.store.reader.run(recorded.sources_silent)
    now = time.monotonic()
    lives = {}
    for name, span in watched.items():
        signs = SIGNS.get(ADAPTERS.get(type(config.source[name]), ""))
        lives[name] = Life(
            seconds(span),
            periodic=signs is not None and signs.periodic,
            now=now,
            told_silent=name in told,
        )
    await Silence(Signed(door.store, RUN), door.board, lives).run()


async def _retain(config: Config, door: Door) -> None:
    from eventlog.run import retention  # noqa: PLC0415 - few houses have it

    await retention.run(config, door.store)


async def _show(config: Config, door: Door) -> None:
    from eventlog.dashboard.run import serve  # noqa: PLC0415 - an extra, and slow to load

    table = config.dashboard or Dashboard()
    await serve(
        config.log.db,
        config.log.thumbnails,
        host=table.host,
        port=table.port,
        time_zone=config.zone,
        public_url=table.public_url,
        host_names=table.all_host_names,
        certificate=table.certificate,
        key=table.key,
        idle_s=seconds(table.sign_out_idle),
        longest_s=seconds(table.sign_out_after),
        say=door.say,
        sign_in_link=door.sign_in_link,
        store=door.store,
        keys_dir=config.keys,
        running=Around(config, door.board, lambda: door.teller),
    )


async def _tell(config: Config, door: Door) -> None:
    door.teller = alerts.make_teller(config, door.store, web_push.opened(config, door.log_id))
    await alerts.run(config, door.store, door.teller)


async def _follow_mqtt(config: Config, door: Door) -> None:
    from eventlog.sources.live.mqtt import MqttIn  # noqa: PLC0415 - an extra

    client_id = f"eventlog-{door.log_id.hex()}"
    await MqttIn(
        broker(config.mqtt),
        client_id,
        listening(config),
        Signed(door.store, MQTT_AUTHOR),
        door.board,
        pictures=Thumbnails(door.store.thumbnails_dir),
    ).run()


def broker(mqtt: Mqtt | None) -> Broker:
    """How the broker is reached, its password read now. Raises BadArgument."""
    from eventlog.sources.live.mqtt import Broker  # noqa: PLC0415 - an extra

    if mqtt is None:
        raise BadArgument("mqtt: is missing")
    password = secret("mqtt.password", mqtt.password, mqtt.password_file)
    return Broker(
        host=mqtt.host, port=mqtt.port, user=mqtt.user, password=password, tls_ca=mqtt.tls_ca
    )


# The adapter of each kind of source that comes by the broker.
ADAPTERS: Final[Mapping[type, str]] = {
    Frigate: "frigate",
    RingMqtt: "ring",
    Zigbee2Mqtt: "zigbee2mqtt",
    ZwaveJs: "zwave-js",
    Nuki: "nuki",
    DoubleTake: "double-take",
    Statestream: "home-assistant",
}


def listening(config: Config) -> list[Listening]:
    """What every source that comes by the broker listens to."""
    from eventlog.sources import SOURCES  # noqa: PLC0415 - slow to load
    from eventlog.sources.live.mqtt import Listening  # noqa: PLC0415 - an extra
    from eventlog.sources.live.signs import SIGNS, Signs  # noqa: PLC0415 - likewise

    made = []
    for name, source in config.source.items():
        if not isinstance(source, BY_MQTT):
            continue
        adapter = SOURCES[ADAPTERS[type(source)]]
        assert adapter.topics  # noqa: S101 - a test holds the table
        signs = SIGNS.get(adapter.name, Signs((), lambda _: None))
        settings = Settings(prefix=source.prefix)
        if isinstance(source, Frigate):
            settings = Settings(
                prefix=source.prefix,
                recognition_threshold=source.recognition_threshold,
                people=frozenset(source.people),
            )
        made.append(
            Listening(
                source=name,
                adapter=adapter,
                settings=settings,
                sign=signs.read,
                signs=signs.topics,
            )
        )
    return made
