"""The config: every key is checked, and an error names the key's path."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from eventlog.errors import BadArgument
from eventlog.run.config import Frigate
from eventlog.run.config_file import load, parse
from eventlog.run.values import seconds, secret

LOG: Final = 'log = { db = "events.db", thumbnails = "thumbnails" }\n'
KEYS: Final = 'keys = "/keys"\n'
HTTPS: Final = 'dashboard = { public_url = "https://door.example.org" }\n'
MQTT: Final = "mqtt = {}\n"
FRIGATE: Final = '[source.frigate]\nkind = "frigate"\n'
HA: Final = '[source.ha]\nkind = "home_assistant"\nentities = ["lock.front"]\ntoken_file = "t"\n'

BAD: Final = {
    "no log": ("", "log: is missing"),
    "no TOML": ("log = ", "no TOML"),
    "an unknown table": (LOG + "logs = 1", "logs: there is no such key"),
    "an unknown key": (LOG + MQTT + FRIGATE + "typo = 1", "source.frigate.typo: there is no such"),
    "a kind that is none": (LOG + '[source.x]\nkind = "nope"', "source.x.kind"),
    "a wrong type": (LOG + 'dashboard = { port = "a" }', "dashboard.port: Expected `int`"),
    "a port out of range": (LOG + "mqtt = { port = 0 }", "mqtt.port"),
    "a secret in clear": (LOG + 'mqtt = { password = "hunter2" }', "mqtt.password: a secret"),
    "two secrets": (LOG + 'mqtt = { password = "env:A", password_file = "b" }', "give one of"),
    "no secret": (LOG + HA.replace('token_file = "t"\n', ""), "source.ha: give one of token"),
    "no broker": (LOG + FRIGATE, "mqtt: is missing, and source.frigate needs a broker"),
    "a wildcard": (LOG + MQTT + FRIGATE + 'prefix = "a/#"', "source.frigate.prefix"),
    "a bad span": (LOG + MQTT + FRIGATE + 'silent_after = "5 min"', "source.frigate.silent_after"),
    "a zone that is none": (LOG + 'zone = "Mars/Base"', "zone: there is no time zone"),
    "no such channel": (
        LOG + '[alert.a]\nwhen = "ring"\nchannels = ["x"]',
        "alert.a.channels: there is no channel.x",
    ),
    "a channel of nothing": (LOG + "[channel.x]\n", "channel.x: give one of url"),
    "web push and a webhook": (
        LOG + '[channel.x]\nweb_push = true\nwebhook = "http://127.0.0.1:1/"',
        "channel.x: give one of url",
    ),
    "web push without a folder of keys": (
        LOG + HTTPS + "[channel.x]\nweb_push = true",
        "channel.x.web_push: needs keys",
    ),
    "web push without a dashboard": (
        LOG + 'keys = "/keys"\n[channel.x]\nweb_push = true',
        "channel.x.web_push: browsers take it by https",
    ),
    "web push over plain http": (
        LOG + KEYS + HTTPS.replace("https", "http") + "[channel.x]\nweb_push = true",
        "channel.x.web_push: browsers take it by https",
    ),
    "web push by a certificate without a name": (
        LOG + KEYS + 'dashboard = { certificate = "c", key = "k" }\n[channel.x]\nweb_push = true',
        "channel.x.web_push: browsers take it by https",
    ),
    "web push twice": (
        LOG + KEYS + HTTPS + "[channel.x]\nweb_push = true\n[channel.y]\nweb_push = true",
        "channel.y.web_push: x is web push already",
    ),
    "a loop": (
        LOG + MQTT + FRIGATE + '[home_assistant]\nprefix = "frigate"',
        "the door would hear itself",
    ),
    "no door to publish": (LOG + MQTT + "[home_assistant]\n", "home_assistant: a [door.NAME]"),
    "two tellers": (
        LOG + MQTT + HA + '[source.z2m]\nkind = "zigbee2mqtt"\n'
        '[door.front]\nlock = { z2m = "front lock", ha = "lock.front" }',
        "door.front.lock: ha and z2m both report it",
    ),
    "a teller that is none": (LOG + '[door.f]\nlock = { x = "y" }', "there is no source.x"),
    "a name that is none": (LOG + '[door."Front Door"]\n', "a name has 1 to 32"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_can_not_be_is_refused_with_its_path(case: str) -> None:
    """The sentence names the key, and repeats no secret."""
    text, said = BAD[case]
    with pytest.raises(BadArgument) as refused:
        parse(text)
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "address"),
    [
        ('public_url = "https://door.example.org/door"', "https://door.example.org/door"),
        (
            'certificate = "c", key = "k", public_name = "door.lan", port = 8443',
            "https://door.lan:8443",
        ),
    ],
)
def test_web_push_is_one_line_of_the_config(table: str, address: str) -> None:
    """It is off until then. The dashboard's address says who sends."""
    assert parse(LOG + '[channel.x]\nurl = "env:A"').channel["x"].web_push is False
    config = parse(LOG + KEYS + f"dashboard = {{ {table} }}\n[channel.x]\nweb_push = true")
    assert config.channel["x"].web_push
    assert config.dashboard is not None
    assert config.dashboard.https_address == address


def test_defaults_are_those_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source needs its kind, the rest is filled in; the zone is the machine's."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    config = parse(LOG + MQTT + FRIGATE)
    source = config.source["frigate"]
    assert isinstance(source, Frigate)
    assert (source.prefix, source.every, source.history) == ("frigate", "10m", "0d")
    assert (config.zone, config.dashboard) == ("Europe/Berlin", None)


def test_a_file_that_is_missing_names_itself(tmp_path: Path) -> None:
    """And says which command writes one."""
    with pytest.raises(BadArgument, match=r"door.toml can't be read: .*eventlog init"):
        load(tmp_path / "door.toml")


@pytest.mark.parametrize(
    ("span", "length"), [("500ms", 0.5), ("30s", 30), ("5m", 300), ("2h", 7200), ("30d", 2592000)]
)
def test_a_span_is_a_number_of_seconds(span: str, length: float) -> None:
    """Milliseconds to days."""
    assert seconds(span) == length


def test_secrets_come_from_files_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """White space around a file's secret is not a part of it."""
    file = tmp_path / "secret"
    file.write_text("from the file\n", encoding="utf-8")
    monkeypatch.setenv("DOOR_SECRET", "from the environment")
    assert secret("x", None, str(file)) == "from the file"
    assert secret("x", "env:DOOR_SECRET", None) == "from the environment"
    assert secret("x", None, None) is None
    with pytest.raises(BadArgument, match="x: the environment has no NOT_SET_ANYWHERE"):
        secret("x", "env:NOT_SET_ANYWHERE", None)
    with pytest.raises(BadArgument, match=r"x_file: .*can't be read"):
        secret("x", None, str(tmp_path / "none"))
    file.write_text("", encoding="utf-8")
    with pytest.raises(BadArgument, match="is empty"):
        secret("x", None, str(file))


def test_frigates_people_are_the_names_among_its_sub_labels() -> None:
    """Without them, a sub label is a label."""
    found = parse(LOG + MQTT + FRIGATE + 'people = ["ada"]').source["frigate"]
    assert isinstance(found, Frigate)
    assert found.people == ["ada"]
