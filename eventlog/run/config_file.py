"""Reads `/etc/eventlog.toml`; unknown keys and invalid values are errors with their path.

Reads one file and nothing else: no secret is read here, no address looked up.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from eventlog.codecs import split_error
from eventlog.errors import BadArgument
from eventlog.evidence.small_files import read_given
from eventlog.run.config import (
    BY_MQTT,
    Alert,
    Channel,
    Config,
    Dashboard,
    Door,
    HomeAssistant,
    Log,
    Mqtt,
    Publish,
    SourceTable,
)
from eventlog.run.retain_config import Retain

T = TypeVar("T")

DEFAULT_PATH: Final = Path("/etc/eventlog.toml")
NAME_PATTERN: Final = r"\A[a-z][a-z0-9_-]{0,31}\Z"

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
        BadArgument: the file can't be read, is not a TOML, or a value can't be; the sentence names
            the file and the key's path.
    """
    try:
        text = read_given(path).decode()
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


# ── what one value alone can't show ────────────────────────────────────────────────────────


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
    _check_channels(config)
    for name, alert in config.alert.items():
        _check_named(f"alert.{name}.channels", "channel", alert.channels, config.channel)
        _check_named(f"alert.{name}.doors", "door", alert.doors, config.door)
    for name, door in config.door.items():
        _check_teller(f"door.{name}.lock", door.lock, config)
        _check_teller(f"door.{name}.contact", door.contact, config)


def _check_channels(config: Config) -> None:
    for name, channel in config.channel.items():
        _one_of(
            f"channel.{name}",
            url=channel.url,
            url_file=channel.url_file,
            web_push="true" if channel.web_push else None,
            webhook=channel.webhook,
        )
    by_push = [name for name, channel in config.channel.items() if channel.web_push]
    if len(by_push) > 1:
        raise BadArgument(
            f"channel.{by_push[1]}.web_push: {by_push[0]} is web push already, and every device"
            " would be told twice"
        )
    where = f"channel.{by_push[0]}.web_push" if by_push else ""
    if by_push and config.keys is None:
        raise BadArgument(f"{where}: needs keys, the folder that its key is kept in")
    if by_push and (config.dashboard is None or config.dashboard.https_address is None):
        raise BadArgument(
            f"{where}: browsers take it by https and a real name alone; set dashboard.public_url,"
            " or dashboard.certificate and dashboard.public_name"
        )


def _check_named(path: str, family: str, names: Iterable[str], there: Mapping[str, object]) -> None:
    for name in names:
        if name not in there:
            raise BadArgument(f"{path}: there is no {family}.{name}")


def _check_teller(path: str, told: Mapping[str, str], config: Config) -> None:
    """Only one source may report a device: with two, each opening would be recorded twice."""
    for source in told:
        if source not in config.source:
            raise BadArgument(f"{path}.{source}: there is no source.{source}")
    if len(told) > 1:
        raise BadArgument(
            f"{path}: {' and '.join(sorted(told))} both report it; name only the one that"
            " knows who it was"
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
            reason = "a secret belongs in a file (…_file) or in the environment (env:NAME)"
        raise BadArgument(f"{where}: {reason}") from error
