"""The process: signals, one owner of a log, and its messages to systemd."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run.running import CHECKOUT, LONGEST_S, RunningDoor

pytestmark = pytest.mark.slow


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`eventlog run` with arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "eventlog", "run", *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )


def test_sigterm_closes_the_log(tmp_path: Path) -> None:
    """The exit code is 0, and the next start finds no unclean stop."""
    with RunningDoor(tmp_path, "") as door:
        code, rest = door.end()
        assert code == 0
        assert "stopped" in rest
        assert "was not closed" not in door.start()
        assert door.end()[0] == 0


def test_a_kill_is_found_at_the_next_start(tmp_path: Path) -> None:
    """As with every program that writes a log."""
    with RunningDoor(tmp_path, "") as door:
        door.end(signal.SIGKILL)
        assert "was not closed" in door.start()


def test_a_second_run_of_one_log_is_refused(tmp_path: Path) -> None:
    """Two processes would poll each source and send each alert twice."""
    with RunningDoor(tmp_path, "") as door:
        second = run("--config", str(door.config))
    assert second.returncode == 2
    assert "another `eventlog run` has the log open" in second.stderr


def test_a_log_that_must_exist_is_not_made(tmp_path: Path) -> None:
    """A disk that is not mounted must not get a new log under its mount point."""
    config = tmp_path / "door.toml"
    config.write_text(
        f'log = {{ db = "{tmp_path}/events.db", thumbnails = "t", must_exist = true }}\n',
        encoding="utf-8",
    )
    refused = run("--config", str(config))
    assert refused.returncode == 2
    assert "must_exist" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["door.toml"]


def test_sighup_reads_the_config_again(tmp_path: Path) -> None:
    """A bad config changes nothing and is named; a good one is confirmed."""
    with RunningDoor(tmp_path, "") as door:
        good = door.config.read_text(encoding="utf-8")
        door.config.write_text(good + "typo = 1\n", encoding="utf-8")
        door.send(signal.SIGHUP)
        assert "typo: there is no such key" in door.read_to("stays in force")
        door.config.write_text(good, encoding="utf-8")
        door.send(signal.SIGHUP)
        assert "changed: nothing" in door.read_to("read again")
        assert door.end()[0] == 0


def test_systemd_is_told_of_start_watchdog_reload_and_stop(tmp_path: Path) -> None:
    """By datagrams to the socket that it names."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(LONGEST_S)
        with RunningDoor(tmp_path, "", NOTIFY_SOCKET=str(path), WATCHDOG_USEC="200000") as door:
            told = listener.recv(1000).decode()
            while "READY=1" not in told:
                told += "\n" + listener.recv(1000).decode()
            while "WATCHDOG=1" not in told:
                told += "\n" + listener.recv(1000).decode()
            door.send(signal.SIGHUP)
            while "RELOADING=1" not in told or "MONOTONIC_USEC=" not in told:
                told += "\n" + listener.recv(1000).decode()
            door.send(signal.SIGTERM)
            while "STOPPING=1" not in told:
                told += "\n" + listener.recv(1000).decode()


def test_journald_gets_json(tmp_path: Path) -> None:
    """One object a line, where systemd has the standard error."""
    with RunningDoor(tmp_path, "", JOURNAL_STREAM="8:1") as door:
        _, rest = door.end()
    assert '"MESSAGE":"stopped"' in rest
    assert '"PRIORITY":6' in rest


def test_check_starts_nothing(tmp_path: Path) -> None:
    """It says what is wrong, and makes no file."""
    config = tmp_path / "door.toml"
    config.write_text(
        f'log = {{ db = "{tmp_path}/events.db", thumbnails = "{tmp_path}/t" }}\n'
        "mqtt = { port = 1 }\n"
        '[source.frigate]\nkind = "frigate"\n',
        encoding="utf-8",
    )
    checked = run("--config", str(config), "--check")
    assert checked.returncode == 1
    assert "no   mqtt: 127.0.0.1:1 refuses" in checked.stdout
    assert "source.frigate.api: is not set" in checked.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["door.toml"]
