"""`eventlog alert test`: a test over each channel of the config, and no record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio

from eventlog.evidence.keys import KeysDir
from eventlog.journal import table as journal
from eventlog.reactors.alerts.push_encryption import new_secret
from eventlog.store.event_store import EventStore
from tests.run.running import CHECKOUT, LONGEST_S
from tests.support.http_servers import receiver


def alert(config: Path, *channels: str) -> subprocess.CompletedProcess[str]:
    """`eventlog alert test`, to its end."""
    command = [sys.executable, "-m", "eventlog", "alert", "test", *channels]
    return subprocess.run(
        [*command, "--config", str(config)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )


def written(folder: Path, channels: str) -> Path:
    """A config with channels."""
    config = folder / "door.toml"
    log = f'log = {{ db = "{folder}/events.db", thumbnails = "{folder}/thumbnails" }}'
    config.write_text(f"{log}\n{channels}", encoding="utf-8")
    return config


def test_every_channel_is_tested(tmp_path: Path) -> None:
    """What can't be reached is said, and gives the exit code 1; no log is made."""
    with receiver() as (address, got):
        channels = (
            f'[channel.page]\nwebhook = "http://{address}/"\n'
            '[channel.gone]\nwebhook = "http://127.0.0.1:1/"\n'
        )
        config = written(tmp_path, channels)
        both = alert(config)
        one = alert(config, "page")
    assert (both.returncode, one.returncode) == (1, 0)
    assert both.stdout == "gone: it was not sent\npage: a test went out\n"
    assert [body["rule"] for _, body in got] == ["test", "test"]
    assert [path.name for path in tmp_path.iterdir()] == ["door.toml"]


def test_a_channel_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is sent."""
    with receiver() as (address, got):
        config = written(tmp_path, f'[channel.page]\nwebhook = "http://{address}/"\n')
        refused = alert(config, "page", "phone")
    assert (refused.returncode, got) == (2, [])
    assert "no channel phone" in refused.stderr


def test_web_push_makes_no_key_and_says_that_no_device_is_there(tmp_path: Path) -> None:
    """The key is the running door's to make: root may run this command."""
    (tmp_path / "log").mkdir()
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    config = written(
        tmp_path / "log",
        f'keys = "{keys}"\ndashboard = {{ public_url = "https://door.example.org" }}\n'
        "[channel.phone]\nweb_push = true\n",
    )
    path = tmp_path / "log" / "events.db"
    assert alert(config).returncode == 2  # there is no log

    async def begin() -> bytes:
        async with EventStore(str(path), str(path.parent / "thumbnails")) as store:
            return await store.reader.run(journal.log_id)

    log_id = anyio.run(begin)
    early = alert(config)
    assert "has not made its key yet" in early.stderr
    assert list(keys.iterdir()) == []
    KeysDir(keys, log_id).write_push_key(new_secret())
    alone = alert(config)
    assert (alone.returncode, alone.stdout) == (1, "phone: no device is subscribed\n")
