"""docs/install.md brings a door back: its commands are run as they are on the page."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from eventlog.maintenance.verify.log import verify
from tests.cli.test_forget import NAME, fill

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "install.md").read_text(encoding="utf-8")
BLOCK = "^```sh {name}\n(.*?)^```$"
# What only root of a machine with systemd can do.
ELSEWHERE = ("systemctl", "chown")


def block(name: str) -> str:
    """The commands of a block of the page."""
    (found,) = re.findall(BLOCK.format(name=name), PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def run(root: Path, script: str) -> str:
    """Run commands below a folder instead of /; what they print."""
    programs = root / "programs"
    programs.mkdir(exist_ok=True)
    real = f'#!/bin/sh\nexec {sys.executable} -m eventlog "$@"\n'
    for name, text in {"eventlog": real, **dict.fromkeys(ELSEWHERE, "#!/bin/sh\n")}.items():
        program = programs / name
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for place in ("/var/lib/", "/media/usb", "/etc/"):
        script = script.replace(place, f"{root}{place}")
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=root,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A door with sealed names, a backup of last night, and a disk for the second places."""
    state = tmp_path / "var/lib/eventlog"
    for folder in (state / "backups", tmp_path / "media/usb"):
        folder.mkdir(parents=True)
    anyio.run(fill, state / "events.db", tmp_path / "var/lib/eventlog-keys")
    at = "eventlog --db /var/lib/eventlog/events.db"
    keys = "--keys /var/lib/eventlog-keys"
    run(tmp_path, f"{at} keys backup /media/usb/door.keys {keys}")
    run(tmp_path, f"{at} backup /var/lib/eventlog/backups/events-2026-11-28-030000.db")
    return tmp_path


def test_the_page_puts_a_backup_back(root: Path) -> None:
    """In place of a damaged log; users stay."""
    db = root / "var/lib/eventlog/events.db"
    users = db.with_name("events.db.users")
    users.write_bytes(b"users")
    db.write_bytes(b"damaged" * 1000)
    run(root, block("restore"))
    assert verify(db).ok
    assert users.read_bytes() == b"users"


def test_the_page_brings_a_door_back(root: Path) -> None:
    """From a dead card: both places are enough, and the names are there."""
    run(root, block("second"))
    shutil.rmtree(root / "var")
    (root / "var/lib/eventlog").mkdir(parents=True)
    assert NAME in run(root, block("dead"))
    assert verify(root / "var/lib/eventlog/events.db").ok
