"""`/etc/eventlog.toml` as values: every table a Struct. `config_file.py` reads them.

Knows no file, reads no secret and looks up no address.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct, field

from eventlog.facts import Word
from eventlog.run.retain_config import Retain
from eventlog.run.values import FromEnvironment, Hours, Port, Span
from eventlog.storage.system_zone import system_zone


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the config."""


class Log(_Table, frozen=True, kw_only=True):
    """The paths of the log and its pictures. `must_exist` forbids to make a new log."""

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
        """The host names that it answers to, in addition to the machine's own."""
        named = () if self.public_name is None else (self.public_name,)
        return (*self.host_names, *named)

    @property
    def https_address(self) -> str | None:
        """The address that browsers reach by https and a real name; None if there is none."""
        if self.public_url is not None:
            return self.public_url if self.public_url.startswith("https://") else None
        if self.certificate is None or self.public_name is None:
            return None
        return f"https://{self.public_name}:{self.port}"


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
    """An alert rule: what is sent, and how.

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
    """A way out: an apprise URL, a webhook's address, or web push to subscribed browsers."""

    url: FromEnvironment | None = None
    url_file: str | None = None
    webhook: str | None = None
    token: FromEnvironment | None = None
    token_file: str | None = None
    picture: bool = True
    web_push: bool = False


class Publish(_Table, frozen=True, kw_only=True):
    """The door as a device of Home Assistant, over the broker.

    Names and the picture are on the broker for every client of it to read, so both are off.
    `form` is "device" (Home Assistant 2024.12 and later) or "entity" for an older one.
    """

    discovery: str = "homeassistant"
    prefix: str = "eventlog"
    form: Literal["device", "entity"] = "device"
    last_person: bool = False
    picture: bool = False


class Config(Struct, frozen=True, kw_only=True):
    """The config."""

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
