"""Config: defaults, the environment read at the moment of use, and what .env.example promises."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import config
from config import Config

ROOT = Path(config.__file__).parent
DEFAULTS: dict[str, str | int | bool] = {
    "DB_PATH": "./events.db",
    "THUMBNAILS_DIR": "./thumbnails",
    "HOST": "127.0.0.1",
    "PORT": 8000,
    "TIME_ZONE": "",
    "MUST_EXIST": False,
    "KEYS_DIR": "",
    "HEAD_TO": "",
    "LOG_NAME": "",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting comes from outside."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_a_setting_that_is_not_set_has_its_default(name: str, default: str | int) -> None:
    """The class answers the default, and so does an instance."""
    assert getattr(Config, name) == default
    assert getattr(Config(), name) == default


def test_the_environment_counts_when_the_attribute_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable set after the import is seen, and its removal too."""
    monkeypatch.setenv("DB_PATH", "/mnt/usb/events.db")
    assert Config.DB_PATH == "/mnt/usb/events.db"
    monkeypatch.delenv("DB_PATH")
    assert Config.DB_PATH == "./events.db"


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_an_empty_variable_counts_as_not_set(
    name: str, default: str | int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`DB_PATH=` in a file of settings means the default, not the empty path."""
    monkeypatch.setenv(name, "")
    assert getattr(Config, name) == default


def test_a_port_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """PORT arrives as an int."""
    monkeypatch.setenv("PORT", "9000")
    assert Config.PORT + 1 == 9001


@pytest.mark.parametrize("text", ["http", "-1", "65536", "80.5"])
def test_a_port_that_is_none_names_its_variable(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which variable to fix."""
    monkeypatch.setenv("PORT", text)
    with pytest.raises(ValueError, match=r"^PORT in the environment: .* is not a port"):
        _ = Config.PORT


@pytest.mark.parametrize("text", ["1", "yes", "True", "ON"])
def test_a_switch_is_on(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words that people use."""
    monkeypatch.setenv("MUST_EXIST", text)
    assert Config.MUST_EXIST is True
    monkeypatch.setenv("MUST_EXIST", "no")
    assert Config.MUST_EXIST is False


def test_a_switch_that_is_neither_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip must not make a log where none may be."""
    monkeypatch.setenv("MUST_EXIST", "ja")
    with pytest.raises(ValueError, match=r"^MUST_EXIST in the environment: 'ja' is neither"):
        _ = Config.MUST_EXIST


def test_config_imports_the_standard_library_only() -> None:
    """The deployment's settings import nothing of this package."""
    tree = ast.parse(Path(config.__file__).read_text(encoding="utf-8"))
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules
    assert modules <= sys.stdlib_module_names


def test_the_example_file_shows_the_defaults_and_the_raspberry_pis_values() -> None:
    """Copied unchanged, .env.example has no effect; its comments have the paths on the USB SSD."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    active = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert active == {name: DEFAULTS[name] for name in ("DB_PATH", "THUMBNAILS_DIR")}
    assert "#DB_PATH=/mnt/usb/events.db" in lines
    assert "#THUMBNAILS_DIR=/mnt/usb/thumbnails" in lines
    for name in DEFAULTS:
        assert any(line.removeprefix("#").startswith(f"{name}=") for line in lines), name
