"""Writes the first config of a house from a few answers, and the systemd units that run it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Reach: TypeAlias = Literal["here", "lan", "proxy"]
UNITS: Final = (
    "eventlog.service",
    "eventlog-backup.service",
    "eventlog-backup.timer",
    "eventlog-verify.service",
    "eventlog-verify.timer",
)


class House(Struct, frozen=True, kw_only=True):
    """The answers, and the paths.

    Attributes:
        reach: how phones reach the page: not at all, by the LAN, or by a proxy.
        name: the name that phones reach it by, "" if they don't.
        broker: the MQTT broker's host, "" if there is none.
        frigate: the address of Frigate's API, "" if there is none.
        zone: the door's time zone.
        state: the folder of the log and its pictures.
        keys: the folder of keys, which is not below the log's.
        etc: the folder of the config and its secrets.
        keys_copy: the second place of the keys; None if names stay in clear.
    """

    reach: Reach = "here"
    name: str = ""
    broker: str = "127.0.0.1"
    frigate: str = ""
    zone: str = "UTC"
    state: Path = Path("/var/lib/eventlog")
    keys: Path = Path("/var/lib/eventlog-keys")
    etc: Path = Path("/etc")
    keys_copy: Path | None = None

    @property
    def config(self) -> Path:
        """The path of the config."""
        return self.etc / "eventlog.toml"

    @property
    def certificate(self) -> Path:
        """The certificate for the LAN."""
        return self.etc / "eventlog" / "door.pem"

    @property
    def certificate_key(self) -> Path:
        """Its key."""
        return self.etc / "eventlog" / "door.key"


def text(house: House) -> str:
    """The config as TOML, with what comes next in comments."""
    lines = [
        "# The running door. `eventlog run --check` says what is wrong with it; docs/install.md",
        "# explains it. A secret belongs in a file (…_file) or in the environment (env:NAME).",
        f'zone = "{house.zone}"',
        f'keys = "{house.keys}"   # {_of_keys(house)}',
        _dashboard(house),
        *([_broker(house)] if house.broker else []),
        "",
        "[log]",
        f'db = "{house.state}/events.db"',
        f'thumbnails = "{house.state}/thumbnails"',
        "must_exist = true   # a disk that is not mounted gets no new log",
        "",
        "# One door, as each source calls its parts.",
        "[door.front]",
        'cameras = ["front_door"]',
        '# lock = { z2m = "front lock" }',
        "",
        *(_frigate(house) if house.broker else []),
        "# [source.z2m]",
        '# kind = "zigbee2mqtt"',
        '# devices = ["front lock"]',
        "",
        "# [channel.phone]",
        f'# url_file = "{house.etc}/eventlog/phone"   # an apprise URL, as tgram://TOKEN/CHAT',
        "# [alert.stranger]",
        '# when = "stranger"   # or ring, refused, opened, door_open, device, source_silent',
        '# channels = ["phone"]',
        "",
    ]
    return "\n".join(lines)


def _of_keys(house: House) -> str:
    if house.keys_copy is None:
        return "they sign the log; keep a copy elsewhere"
    return f"they sign the log and open its names; {house.keys_copy} is their second place"


def _frigate(house: House) -> list[str]:
    api = house.frigate or "http://127.0.0.1:5000"
    mark = "" if house.frigate else "# "
    return [
        "[source.frigate]",
        'kind = "frigate"',
        'prefix = "frigate"',
        'silent_after = "5m"',
        f'{mark}api = "{api}"   # finds what was lost, and brings pictures',
        f'{mark}history = "0d"   # or "30d": how far the first start reaches back',
        "",
    ]


def _broker(house: House) -> str:
    return f'mqtt = {{ host = "{house.broker}", port = 1883 }}   # user, password_file, tls_ca'


def _dashboard(house: House) -> str:
    match house.reach:
        case "here":
            return 'dashboard = { host = "127.0.0.1", port = 8000 }'
        case "lan":
            return (
                f'dashboard = {{ host = "0.0.0.0", port = 8443, certificate ='
                f' "{house.certificate}", key = "{house.certificate_key}",'
                f' public_name = "{house.name}" }}'
            )
        case "proxy":
            return (
                'dashboard = { host = "127.0.0.1", port = 8000,'
                f' public_url = "https://{house.name}" }}'
            )


def unit(name: str, house: House, program: str) -> str:
    """A unit of ours, for this house and this installation."""
    source = (files("eventlog.run") / "units" / name).read_text(encoding="utf-8")
    return (
        source.replace("@EVENTLOG@", program)
        .replace("@CONFIG@", str(house.config))
        .replace("@STATE@", str(house.state))
        .replace("@KEYS@", str(house.keys))
        .replace("@COPY@", "" if house.keys_copy is None else f" -{house.keys_copy.parent}")
    )


def drop_in(house: House, *, usual_state: Path) -> str:
    """What this house has: a disk of its own for the log, and its secrets by LoadCredential."""
    lines = ["# Written by `eventlog init`. One LoadCredential= line for each secret that exists:"]
    lines += ["# a file that is missing keeps the unit from starting.", "[Unit]"]
    if house.state != usual_state:
        lines.append(f"RequiresMountsFor={house.state}")
    lines.append("[Service]")
    if house.state != usual_state:
        lines.append(f"ReadWritePaths={house.state} {house.keys}")
    lines.append("# LoadCredential=mqtt:/etc/eventlog/mqtt")
    lines.append("")
    return "\n".join(lines)
