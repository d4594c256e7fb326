"""`eventlog init`: writes the first config of a house, its user, folders, log, keys and units.

Asks three questions, or none with --yes, and says what to do next. Writes over nothing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal

import anyio
from cyclopts import Parameter

from eventlog.cli import keys as key_command
from eventlog.cli.context import Context, Settings
from eventlog.cli.options import AtDesk
from eventlog.errors import BadArgument
from eventlog.record import Author
from eventlog.run import first_config
from eventlog.run.first_config import House, Reach
from eventlog.storage.system_zone import system_zone
from eventlog.store.event_store import EventStore

USER: Final = "eventlog"
STATE: Final = Path("/var/lib/eventlog")

Yes = Annotated[bool, Parameter(help="Ask nothing: for this machine only, with a broker on it.")]
ReachOption = Annotated[
    Literal["here", "lan", "proxy"] | None,
    Parameter(name="--reach", help="Who can reach the page: this machine, the LAN, or a proxy."),
]
NameOption = Annotated[str | None, Parameter(name="--name", help="The host name that phones use.")]
Broker = Annotated[str | None, Parameter(help="The MQTT broker's host; '' for none.")]
FrigateApi = Annotated[str | None, Parameter(name="--frigate", help="Frigate's API address.")]
KeysCopy = Annotated[
    str | None,
    Parameter(
        name="--keys-copy",
        help="A file on another disk for a copy of the keys: names are sealed then; '' for none.",
    ),
]
State = Annotated[Path, Parameter(help="The folder of the log. [/var/lib/eventlog]")]
Root = Annotated[
    Path | None, Parameter(name="--root", help="Put everything below this folder instead of /.")
]


async def init(
    *,
    yes: Yes = False,
    reach: ReachOption = None,
    name: NameOption = None,
    broker: Broker = None,
    frigate: FrigateApi = None,
    keys_copy: KeysCopy = None,
    state: State = STATE,
    root: Root = None,
    context: AtDesk,
) -> int:
    """Set up a door on this machine."""
    asks = not yes and sys.stdin.isatty()
    reach = reach or _reach(asks=asks)
    name = name or (_name(asks=asks) if reach != "here" else "")
    broker = _ask("MQTT broker", "127.0.0.1", asks=asks) if broker is None else broker
    frigate = _ask("Frigate's API, empty for none", "", asks=asks) if frigate is None else frigate
    keys_copy = _ask_for_copy(asks=asks) if keys_copy is None else keys_copy
    house = House(
        reach=reach,
        name=name,
        broker=broker,
        frigate=frigate,
        zone=system_zone(),
        state=_below(root, state),
        keys=_below(root, state.with_name(f"{state.name}-keys")),
        etc=_below(root, Path("/etc")),
        keys_copy=_second_place(keys_copy),
    )
    if house.config.exists():
        raise BadArgument(f"{house.config} exists already and was not changed")
    owner = _owner(context, root)
    await _make(context, house, owner)
    _write_units(context, house, root)
    _say_what_next(context, house)
    return 0


def _reach(*, asks: bool) -> Reach:
    answer = _ask("How do phones reach the page: here, lan, proxy", "here", asks=asks)
    match answer:
        case "here" | "lan" | "proxy":
            return answer
        case _:
            raise BadArgument("answer here, lan or proxy")


def _name(*, asks: bool) -> str:
    name = _ask("By which name (door.home)", "", asks=asks)
    if not name:
        raise BadArgument("--reach lan and --reach proxy need --name, as door.home")
    return name


def _ask(question: str, default: str, *, asks: bool) -> str:
    if not asks:
        return default
    try:
        return input(f"{question} [{default}]: ").strip() or default
    except EOFError:
        return default


def _ask_for_copy(*, asks: bool) -> str:
    return _ask(
        "Names can be sealed, so that a person can be forgotten. Lost keys are lost names then, so"
        " a copy of them is kept in a second place, as /media/usb/door.keys. Which file? Empty"
        " leaves names in clear",
        "",
        asks=asks,
    )


def _second_place(given: str) -> Path | None:
    if not given:
        return None
    place = Path(given).absolute()
    if not place.parent.is_dir():
        raise BadArgument(f"there is no folder {place.parent} for the copy of the keys")
    return place


def _below(root: Path | None, path: Path) -> Path:
    return path if root is None else root / path.relative_to("/")


def _owner(context: Context, root: Path | None) -> tuple[int, int] | None:
    """The user that the door runs as, made if it is missing; None without the right to."""
    if os.geteuid() != 0 or root is not None:
        return None
    try:
        found = pwd.getpwnam(USER)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
        if useradd is None:
            raise BadArgument("there is no useradd here; make the system user eventlog") from None
        command = [useradd, "--system", "--home-dir", str(STATE), "--shell", "/usr/sbin/nologin"]
        subprocess.run([*command, USER], check=True)  # noqa: S603 - a fixed command
        context.say(f"made the system user {USER}")
        found = pwd.getpwnam(USER)
    return found.pw_uid, found.pw_gid


async def _make(context: Context, house: House, owner: tuple[int, int] | None) -> None:
    """Folders, log, keys, certificate and config, each said."""
    for folder, mode in (
        (house.state, 0o750),
        (house.keys, 0o700),
        (house.etc / "eventlog", 0o750),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
    db = house.state / "events.db"
    if not db.exists():
        async with EventStore(
            str(db), str(house.state / "thumbnails"), writer=Author("command", "init")
        ):
            pass
        context.say(f"made the log {db}")
    settings = Settings(db_path=str(db), thumbnails_dir=str(house.state / "thumbnails"))
    await key_command.make(Context(lambda: settings), house.keys, house.keys_copy)
    if house.reach == "lan" and not house.certificate.exists():
        await anyio.to_thread.run_sync(_make_certificate, house)
        context.say(f"made a self-signed certificate for {house.name}: {house.certificate}")
    house.config.write_text(first_config.text(house), encoding="utf-8")
    house.config.chmod(0o640)
    context.say(f"wrote {house.config}")
    if owner is not None:
        copies = [] if house.keys_copy is None else [house.keys_copy]
        _give(owner, [house.state, house.keys, house.etc / "eventlog", house.config, *copies])


def _make_certificate(house: House) -> None:
    """Make a certificate with openssl; each phone must accept it once."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BadArgument("a certificate needs openssl: apt-get install openssl")
    subprocess.run(  # noqa: S603 - a fixed command; the name is an argument of its own
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "825", "-subj", "/CN=the door"),
            *("-addext", f"subjectAltName=DNS:{house.name},IP:127.0.0.1"),
            *("-keyout", str(house.certificate_key), "-out", str(house.certificate)),
        ],
        check=True,
        capture_output=True,
    )
    house.certificate_key.chmod(0o640)


def _give(owner: tuple[int, int], tops: Iterable[Path]) -> None:
    for top in tops:
        for path in [top, *(top.rglob("*") if top.is_dir() else ())]:
            os.chown(path, *owner, follow_symlinks=False)


def _write_units(context: Context, house: House, root: Path | None) -> None:
    """The units, where systemd is; elsewhere nothing."""
    folder = _below(root, Path("/etc/systemd/system"))
    if root is None and (os.geteuid() != 0 or not folder.is_dir()):
        context.note("no systemd units are written: that takes root, and systemd")
        return
    program = shutil.which("eventlog", path=str(Path(sys.executable).parent)) or "eventlog"
    (folder / "eventlog.service.d").mkdir(parents=True, exist_ok=True)
    for name in first_config.UNITS:
        text = first_config.unit(name, house, program)
        (folder / name).write_text(text, encoding="utf-8")
    drop_in = first_config.drop_in(house, usual_state=_below(root, STATE))
    (folder / "eventlog.service.d" / "house.conf").write_text(drop_in, encoding="utf-8")
    context.say(f"wrote the units {', '.join(first_config.UNITS)} to {folder}")


def _say_what_next(context: Context, house: House) -> None:
    at = f"--db {house.state}/events.db"
    context.say()
    context.say("What to do next:")
    context.say(f"  eventlog run --config {house.config} --check")
    context.say(f"  runuser -u {USER} -- eventlog {at} user add NAME   who may sign in to the page")
    context.say("  systemctl daemon-reload")
    context.say("  systemctl enable --now eventlog eventlog-backup.timer eventlog-verify.timer")
    if house.reach == "lan":
        context.say(f"  then open https://{house.name}:8443/ and trust {house.certificate} once")
    elif house.reach == "proxy":
        context.say(f"  then let the proxy serve https://{house.name}/ (docs/deploy)")
    else:
        context.say("  then open http://127.0.0.1:8000/")
    if house.keys_copy is None:
        context.say(f"Keep a copy of {house.keys} elsewhere: without it the log's signature ends.")
    else:
        context.say(f"The nightly backup renews {house.keys_copy}. Without {house.keys} and that")
        context.say("file nobody can read the names in the log again.")
