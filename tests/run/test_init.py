"""`eventlog init`: a config that runs, units that systemd takes, and nothing written over."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.dashboard import manage
from eventlog.maintenance.seals_in_use import seals_dir
from eventlog.run.config_file import load
from tests.run.running import CHECKOUT, RunningDoor

pytestmark = pytest.mark.slow


def init(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`eventlog init` below a folder."""
    return subprocess.run(
        [sys.executable, "-m", "eventlog", "init", "--root", str(root), *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--yes",),
        ("--yes", "--reach", "lan", "--name", "door.home"),
        ("--yes", "--reach", "proxy", "--name", "door.example", "--broker", ""),
        ("--yes", "--frigate", "http://127.0.0.1:5000"),
    ],
)
def test_the_first_config_can_be_read(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Whatever was answered; folders, log and keys are there."""
    made = init(tmp_path, *arguments)
    assert made.returncode == 0, made.stderr
    config = load(tmp_path / "etc/eventlog.toml")
    assert Path(config.log.db).exists()
    assert config.log.must_exist
    assert config.keys is not None
    assert list(Path(config.keys).iterdir())
    assert Path(config.keys).stat().st_mode & 0o077 == 0
    assert "systemctl enable --now eventlog" in made.stdout


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A second call is refused, and changes nothing."""
    assert init(tmp_path, "--yes").returncode == 0
    config = tmp_path / "etc/eventlog.toml"
    config.write_text("# mine\n", encoding="utf-8")
    again = init(tmp_path, "--yes")
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert config.read_text(encoding="utf-8") == "# mine\n"


def test_a_name_is_asked_for_where_phones_need_one(tmp_path: Path) -> None:
    """And nothing is made without it."""
    refused = init(tmp_path, "--yes", "--reach", "lan")
    assert refused.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing to say."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is missing: sudo apt install systemd")
    assert init(tmp_path, "--yes", "--state", "/mnt/usb/eventlog").returncode == 0
    folder = tmp_path / "etc/systemd/system"
    units = sorted(map(str, [*folder.glob("*.service"), *folder.glob("*.timer")]))
    assert len(units) == 5
    checked = subprocess.run(
        [program, "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    said = [line for line in checked.stderr.splitlines() if "eventlog" in line]
    assert said == []
    drop_in = (folder / "eventlog.service.d/house.conf").read_text(encoding="utf-8")
    assert "RequiresMountsFor=" in drop_in
    assert "ReadWritePaths=" in drop_in


def test_a_phone_reaches_the_page_by_its_name_over_tls(tmp_path: Path) -> None:
    """By the certificate that init made; another name is refused."""
    assert init(tmp_path, "--yes", "--reach", "lan", "--name", "door.home").returncode == 0
    config = (tmp_path / "etc/eventlog.toml").read_text(encoding="utf-8")
    db = load(tmp_path / "etc/eventlog.toml").log.db
    manage.add_user(db, "ada", "correct horse battery staple")
    token = manage.add_token(db, "phone", ["read"])
    door = RunningDoor(tmp_path, "")
    door.config.write_text(
        config.replace("port = 8443", "port = 0").replace("0.0.0.0", "127.0.0.1"),  # noqa: S104 - replaced by loopback
        encoding="utf-8",
    )
    said = door.start("The dashboard is at")
    port = int(said.rpartition(":")[2].strip().rstrip("/"))
    trusted = ssl.create_default_context(cafile=str(tmp_path / "etc/eventlog/door.pem"))
    try:
        for host, status in (("door.home", 200), ("evil.example", 421)):
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusted)
            headers = {"host": f"{host}:{port}", "authorization": f"Bearer {token}"}
            connection.request("GET", "/api/health", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            assert answer.status == status
            if status == 200:
                assert {part["name"] for part in json.loads(body)["parts"]} >= {"dashboard", "mqtt"}
        assert door.end()[0] == 0
    finally:
        door.__exit__()


def test_names_are_sealed_only_with_a_second_place(tmp_path: Path) -> None:
    """`--yes` leaves them in clear; with one, the nightly backup may write there."""
    (tmp_path / "stick").mkdir()
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    assert init(plain, "--yes").returncode == 0
    copy = tmp_path / "stick" / "door.keys"
    assert init(sealed, "--yes", "--keys-copy", str(copy)).returncode == 0
    assert not list(plain.rglob("*.seals"))
    assert len(list(sealed.rglob("*.seals"))) == 1
    assert copy.is_file()
    for root, is_sealed in ((plain, False), (sealed, True)):
        keys = root / "var/lib/eventlog-keys"
        found = seals_dir(root / "var/lib/eventlog/events.db", keys)
        assert found == (str(keys) if is_sealed else None)
    unit = (sealed / "etc/systemd/system/eventlog-backup.service").read_text(encoding="utf-8")
    assert "keys backup" in unit
    assert f"-{copy.parent}" in unit
    nowhere = init(tmp_path / "third", "--yes", "--keys-copy", str(tmp_path / "no" / "x"))
    assert nowhere.returncode == 2
    assert not list((tmp_path / "third").rglob("*.db"))
