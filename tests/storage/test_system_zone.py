"""The machine's zone: from TZ, the link /etc/localtime, or the name in /etc/timezone."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.storage.system_zone import system_zone


@pytest.fixture(autouse=True)
def _no_tz(monkeypatch: pytest.MonkeyPatch) -> None:
    """No zone comes from the environment of the tests."""
    monkeypatch.delenv("TZ", raising=False)


def test_the_link_names_the_zone(tmp_path: Path) -> None:
    """As systemd and Debian keep it, before the file that older programs write."""
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    (tmp_path / "timezone").write_text("Asia/Tokyo\n")
    assert system_zone(tmp_path) == "Europe/Berlin"


def test_a_copied_file_is_named_by_the_other_one(tmp_path: Path) -> None:
    """Where /etc/localtime is a file, /etc/timezone has its name."""
    (tmp_path / "localtime").write_bytes(b"TZif")
    (tmp_path / "timezone").write_text("Asia/Tokyo\n")
    assert system_zone(tmp_path) == "Asia/Tokyo"


@pytest.mark.parametrize("tz", ["America/New_York", ":America/New_York"])
def test_tz_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tz: str) -> None:
    """A container gets its zone from the variable TZ."""
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    monkeypatch.setenv("TZ", tz)
    assert system_zone(tmp_path) == "America/New_York"


@pytest.mark.parametrize("tz", ["", "CET-1CEST", "/etc/passwd", "../x", "Mars/Phobos"])
def test_a_machine_without_a_known_zone_is_in_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tz: str
) -> None:
    """Whatever its files say."""
    monkeypatch.setenv("TZ", tz)
    (tmp_path / "timezone").write_text("Mars/Deimos\n")
    assert system_zone(tmp_path) == "UTC"


def test_utc_by_another_name_is_utc(tmp_path: Path) -> None:
    """A container's zone is often Etc/UTC; it is shown as UTC, as the README shows it."""
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
    assert system_zone(tmp_path) == "UTC"
