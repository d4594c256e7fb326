"""Reads `/etc/eventlog.toml`: each table is a Struct, and an unknown key is an error.

Reads one file and nothing else: no secret is read here, no address looked up. A secret is named
by a file (`password_file`) or by a variable of the environment (`password = "env:NAME"`), and
read when it is used; a secret in the config itself is refused.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct, field

from eventlog.codecs import split_error
from eventlog.errors import BadArgument
from eventlog.facts import Word
from eventlog.run.retain_config import Retain
from eventlog.storage.system_zone import system_zone

T = TypeVar("T")

DEFAULT_PATH: Final = Path("/etc/eventlog.toml")

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN: Final = re.compile(r"([0-9]{1,7})(ms|s|m|h|d)")
NAME_PATTERN: Final = r"\A[a-z][a-z0-9_-]{0,31}\Z"

# A length of time: 500ms, 30s, 5m, 2h, 30d.
Span: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{1,7}(ms|s|m|h|d)\Z")]
Port: TypeAlias = Annotated[int, Meta(ge=1, le=65535)]
# A secret by the name of the variable that holds it.
FromEnvironment: TypeAlias = Annotated[str, Meta(pattern=r"\Aenv:[A-Za-z_][A-Za-z0-9_]*\Z")]
# A time window of each day, local: 23:00-06:00.
Hours: TypeAlias = Annotated[
    str, Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]\Z")
]


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the config."""


class Log(_Table, frozen=True, kw_only=True):
    """Where the log and its pictures lie. `must_exist` refuses to make a new log."""

    db: str
    thumbnails: str
    must_exist: bool = False


class Dashboard(_Table, frozen=True, kw_only=True):
    """Where the dashboard listens.

    `public_url` is the address that a proxy gives it, with its path, `public_name` the name that
    phones reach it by where its own certificate is used, and `host_names` are further names.
    A session ends `sign_out_idle` after its last request and `sign_out_after` after its sign-in.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    public_url: str | None = None
    public_name: str | None = None
    host_names: list[str] = field(default_factory=list)
    certificate: str | None = None
    key: str | None = None
    sign_out_idle: Span = "30m"
    sign_out_after: Span = "12h"

    @property
    def all_host_names(self) -> tuple[str, ...]:
        """The names that it answers to, besides the machine's own."""
        named = () if self.public_name is None else (self.public_name,)
        return (*self.host_names, *named)


class Mqtt(_Table, frozen=True, kw_only=True):
    """The broker."""

    host: str = "127.0.0.1"
    port: Port = 1883
    user: str | None = None
    password: FromEnvironment | None = None
    password_file: str | None = None
    tls_ca: str | None = None


class Door(_Table, frozen=True, kw_only=True):
    """One door, as each source calls its parts: `lock = { z2m = "front lock" }`."""

    cameras: list[Word] = field(default_factory=list)
    lock: dict[str, str] = field(default_factory=dict)
    contact: dict[str, str] = field(default_factory=dict)


class _Source(_Table, frozen=True, kw_only=True, tag_field="kind"):
    """A way in. Without `silent_after` a source can't be called silent."""

    silent_after: Span | None = None


class Frigate(_Source, frozen=True, kw_only=True, tag="frigate"):
    """Frigate by MQTT, and by its API where `api` is given.

    `people` are the sub labels that name a person: any other is a label.
    """

    prefix: str = "frigate"
    api: str | None = None
    every: Span = "10m"
    history: Span | Literal["all"] = "0d"
    recognition_threshold: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.9
    people: list[str] = field(default_factory=list)


class Zigbee2Mqtt(_Source, frozen=True, kw_only=True, tag="zigbee2mqtt"):
    """Locks, contacts and buttons behind Zigbee2MQTT; `devices` are their friendly names."""

    prefix: str = "zigbee2mqtt"
    devices: list[str] = field(default_factory=list)


class RingMqtt(_Source, frozen=True, kw_only=True, tag="ring_mqtt"):
    """Ring's devices by ring-mqtt."""

    prefix: str = "ring"


class ZwaveJs(_Source, frozen=True, kw_only=True, tag="zwave_js"):
    """Z-Wave locks by Z-Wave JS UI, with its setting "Send Z-Wave Events"."""

    prefix: str = "zwave"


class Nuki(_Source, frozen=True, kw_only=True, tag="nuki"):
    """Nuki's locks by their own MQTT."""

    prefix: str = "nuki"


class DoubleTake(_Source, frozen=True, kw_only=True, tag="double_take"):
    """Faces by Double Take."""

    prefix: str = "double-take"


class Statestream(_Source, frozen=True, kw_only=True, tag="statestream"):
    """Home Assistant's MQTT statestream, for houses that can't open its websocket."""

    prefix: str = "homeassistant"


class HomeAssistant(_Source, frozen=True, kw_only=True, tag="home_assistant"):
    """Home Assistant by its websocket and its logbook."""

    url: str = "http://127.0.0.1:8123"
    token: FromEnvironment | None = None
    token_file: str | None = None
    entities: list[str]
    every: Span = "10m"
    history: Span | Literal["all"] = "0d"


class Ring(_Source, frozen=True, kw_only=True, tag="ring"):
    """Ring's cloud: pushes for speed, its history for truth."""

    token_file: str
    every: Span = "5m"
    history: Span | Literal["all"] = "0d"


class Webhook(_Source, frozen=True, kw_only=True, tag="webhook"):
    """What another program posts to /api/hooks/NAME, with a mapping of its fields to a fact's.

    `fields` says for each field of the fact where the message has it ("device.name"), or its
    value ("= front_door"). `id` names the field that makes a message the same one again. Who
    posts has an API token with the scope append.
    """

    fact: Word
    id: str
    fields: dict[str, str]


SourceTable: TypeAlias = (
    Frigate
    | Zigbee2Mqtt
    | RingMqtt
    | ZwaveJs
    | Nuki
    | DoubleTake
    | Statestream
    | HomeAssistant
    | Ring
    | Webhook
)
BY_MQTT: Final = (Frigate, Zigbee2Mqtt, RingMqtt, ZwaveJs, Nuki, DoubleTake, Statestream)


class Alert(_Table, frozen=True, kw_only=True):
    """A rule: what the household is told, and how.

    `after` is for door_open: how long it must be open. `quiet` holds alerts back until its end.
    `unsure` says what becomes of an alert that was perhaps sent before a crash.
    """

    when: Literal["stranger", "ring", "refused", "opened", "door_open", "device", "source_silent"]
    channels: Annotated[list[str], Meta(min_length=1)]
    doors: list[str] = field(default_factory=list)
    after: Span = "0s"
    quiet: Hours | None = None
    stale_after: Span = "1h"
    unsure: Literal["again", "never"] = "again"
    updates: Literal["edit", "send"] = "edit"


class Channel(_Table, frozen=True, kw_only=True):
    """A way out: an apprise URL, or a webhook's address."""

    url: FromEnvironment | None = None
    url_file: str | None = None
    webhook: str | None = None
    token: FromEnvironment | None = None
    token_file: str | None = None
    picture: bool = True


class Publish(_Table, frozen=True, kw_only=True):
    """The door as a device of Home Assistant, over the broker.

    Names and the picture lie on the broker for every client of it to read, so both are off.
    `form` is "device" (Home Assistant 2024.12 and later) or "entity" for an older one.
    """

    discovery: str = "homeassistant"
    prefix: str = "eventlog"
    form: Literal["device", "entity"] = "device"
    last_person: bool = False
    picture: bool = False


class Config(Struct, frozen=True, kw_only=True):
    """The whole config."""

    log: Log
    dashboard: Dashboard | None = None
    zone: str = field(default_factory=system_zone)
    keys: str | None = None
    head_to: str = ""
    mqtt: Mqtt | None = None
    home_assistant: Publish | None = None
    retain: Retain | None = None
    door: dict[str, Door] = field(default_factory=dict)
    source: dict[str, SourceTable] = field(default_factory=dict)
    alert: dict[str, Alert] = field(default_factory=dict)
    channel: dict[str, Channel] = field(default_factory=dict)


_TABLES: Final[Mapping[str, Any]] = {
    "log": Log,
    "dashboard": Dashboard,
    "mqtt": Mqtt,
    "home_assistant": Publish,
    "retain": Retain,
}
_FAMILIES: Final[Mapping[str, Any]] = {
    "door": Door,
    "source": SourceTable,
    "alert": Alert,
    "channel": Channel,
}
_TEXTS: Final = ("zone", "keys", "head_to")


def load(path: Path) -> Config:
    """The config that a file holds.

    Raises:
        BadArgument: the file can't be read, is no TOML, or a value can't be; the sentence names
            the file and the key's path.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadArgument(
            f"the config {path} can't be read: {why}. `eventlog init` writes a first one"
        ) from error
    try:
        return parse(text)
    except BadArgument as error:
        raise BadArgument(f"{path}: {error}") from error


def parse(text: str) -> Config:
    """The config in a TOML text. Raises BadArgument, naming the key's path."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadArgument(f"no TOML: {error}") from error
    values: dict[str, Any] = {}
    for name, value in tree.items():
        if name in _TABLES:
            values[name] = _convert(name, value, _TABLES[name])
        elif name in _FAMILIES:
            members = _convert(name, value, dict[str, dict[str, Any]])
            values[name] = {
                member: _convert(f"{name}.{_named(name, member)}", table, _FAMILIES[name])
                for member, table in members.items()
            }
        elif name in _TEXTS:
            values[name] = _convert(name, value, str)
        else:
            raise BadArgument(f"{name}: there is no such key")
    if "log" not in values:
        raise BadArgument('log: is missing; write log = { db = "…", thumbnails = "…" }')
    config = Config(**values)
    _check(config)
    return config


def seconds(span: str) -> float:
    """A length of time in seconds; "all" is for ever."""
    if span == "all":
        return float("inf")
    match = _SPAN.fullmatch(span)
    if match is None:
        raise BadArgument(f"{span!r} is no length of time; write 30s, 5m, 2h or 30d")
    return int(match[1]) * _UNITS[match[2]]


def hours(window: str) -> tuple[time, time]:
    """The beginning and the end of a daily window; it spans midnight where it ends earlier."""
    start, _, end = window.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)


def secret(name: str, from_environment: str | None, file: str | None) -> str | None:
    """A secret, from the environment or a file; None where neither is given.

    Raises:
        BadArgument: the variable is not set, or the file can't be read or is empty.
    """
    if from_environment is not None:
        variable = from_environment.removeprefix("env:")
        value = os.environ.get(variable, "")
        if not value:
            raise BadArgument(f"{name}: the environment has no {variable}")
        return value
    if file is None:
        return None
    try:
        value = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadArgument(f"{name}_file: {file} can't be read: {why}") from error
    if not value:
        raise BadArgument(f"{name}_file: {file} is empty")
    return value


# ── what one value alone can't tell ────────────────────────────────────────────────────────


def _check(config: Config) -> None:
    """Raise BadArgument for values that do not fit each other."""
    try:
        ZoneInfo(config.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadArgument(f"zone: there is no time zone {config.zone!r} here") from error
    _check_mqtt(config)
    if config.home_assistant is not None and not config.door:
        raise BadArgument("home_assistant: a [door.NAME] says what is published")
    for name, source in config.source.items():
        if isinstance(source, HomeAssistant):
            _one_of(f"source.{name}", token=source.token, token_file=source.token_file)
    for name, channel in config.channel.items():
        _one_of(
            f"channel.{name}",
            url=channel.url,
            url_file=channel.url_file,
            webhook=channel.webhook,
        )
    for name, alert in config.alert.items():
        _check_named(f"alert.{name}.channels", "channel", alert.channels, config.channel)
        _check_named(f"alert.{name}.doors", "door", alert.doors, config.door)
    for name, door in config.door.items():
        _check_teller(f"door.{name}.lock", door.lock, config)
        _check_teller(f"door.{name}.contact", door.contact, config)


def _check_named(path: str, family: str, names: Iterable[str], there: Mapping[str, object]) -> None:
    for name in names:
        if name not in there:
            raise BadArgument(f"{path}: there is no {family}.{name}")


def _check_teller(path: str, told: Mapping[str, str], config: Config) -> None:
    """One source tells of a device: of two, each opening would be recorded twice."""
    for source in told:
        if source not in config.source:
            raise BadArgument(f"{path}.{source}: there is no source.{source}")
    if len(told) > 1:
        raise BadArgument(
            f"{path}: {' and '.join(sorted(told))} both tell of it; name one of them, the one"
            " that knows who it was"
        )


def _check_mqtt(config: Config) -> None:
    by_mqtt = {
        name: source.prefix for name, source in config.source.items() if isinstance(source, BY_MQTT)
    }
    if config.mqtt is not None and config.mqtt.password and config.mqtt.password_file:
        raise BadArgument("mqtt: give one of password and password_file")
    if config.mqtt is None and (by_mqtt or config.home_assistant):
        who = f"source.{next(iter(by_mqtt))}" if by_mqtt else "home_assistant"
        raise BadArgument(f"mqtt: is missing, and {who} needs a broker")
    for name, prefix in by_mqtt.items():
        _check_prefix(f"source.{name}.prefix", prefix)
    out = config.home_assistant
    if out is not None:
        _check_prefix("home_assistant.prefix", out.prefix)
        _check_prefix("home_assistant.discovery", out.discovery)
        for name, prefix in by_mqtt.items():
            if prefix == out.prefix:
                raise BadArgument(
                    f"home_assistant.prefix: {prefix!r} is what source.{name} listens to:"
                    " the door would hear itself"
                )


def _check_prefix(path: str, prefix: str) -> None:
    if not prefix or prefix.strip("/") != prefix or set(prefix) & set("+#\0"):
        raise BadArgument(f"{path}: a prefix is the first part of a topic, without / at its ends")


def _one_of(path: str, **values: str | None) -> None:
    if sum(value is not None for value in values.values()) != 1:
        *others, last = values
        raise BadArgument(f"{path}: give one of {', '.join(others)} and {last}")


def _named(family: str, name: str) -> str:
    if not re.match(NAME_PATTERN, name):
        raise BadArgument(
            f"{family}.{name[:40]!r}: a name has 1 to 32 of a-z, 0-9, - and _, and begins with"
            " a letter"
        )
    return name


def _convert(path: str, value: object, wanted: type[T]) -> T:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        field, reason = split_error(error)
        where = f"{path}.{field}" if field else path
        if "unknown field" in reason:
            where = f"{where}.{reason.rpartition('field ')[2].strip('`')}"
            reason = "there is no such key"
        elif "env:" in reason:
            reason = "a secret stands in a file (…_file) or in the environment (env:NAME)"
        raise BadArgument(f"{where}: {reason}") from error
