"""Where the command line finds its settings: options, then config.Config, then the environment."""

from __future__ import annotations

import builtins
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from eventlog.__main__ import DEFAULTS, load_settings
from eventlog.cli.advice import NO_LOG
from eventlog.errors import BadArgument
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set but what a test sets."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)


def deploy(monkeypatch: pytest.MonkeyPatch, **attributes: object) -> None:
    """A deployment's config.py with these names."""
    config = ModuleType("config")
    config.Config = type("Config", (), attributes)  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "config", config)


def deploy_broken(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """A deployment's config.py that can't be imported."""
    import_as_ever = builtins.__import__

    def import_broken(
        name: str,
        globals_: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        names: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if name == "config":
            raise error
        return import_as_ever(name, globals_, locals_, names or (), level)

    monkeypatch.delitem(sys.modules, "config", raising=False)
    monkeypatch.setattr(builtins, "__import__", import_broken)


def test_the_checkouts_own_config_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment it is asked, with the defaults that are written down."""
    settings = load_settings()
    assert (settings.db_path, settings.thumbnails_dir) == ("./events.db", "./thumbnails")
    assert settings.time_zone == ""
    monkeypatch.setenv("DB_PATH", "/mnt/usb/events.db")
    assert load_settings().db_path == "/mnt/usb/events.db"


def test_a_deployments_config_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text or a path, as it has them."""
    monkeypatch.setenv("DB_PATH", "/from/environment.db")
    deploy(monkeypatch, DB_PATH="/from/config.db", THUMBNAILS_DIR=Path("/from/pictures"))
    settings = load_settings()
    assert (settings.db_path, settings.thumbnails_dir) == ("/from/config.db", "/from/pictures")


def test_a_name_that_the_config_has_not_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipeline's own config.py may know nothing of thumbnails."""
    monkeypatch.setenv("THUMBNAILS_DIR", "/from/environment")
    deploy(monkeypatch, DB_PATH="/from/config.db")
    settings = load_settings()
    assert (settings.db_path, settings.thumbnails_dir) == ("/from/config.db", "/from/environment")


@pytest.mark.parametrize("found", ["no module", "no Config"])
def test_without_a_config_the_environment_and_the_same_defaults_hold(
    monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    """An installed eventlog has no config.py next to it."""
    if found == "no module":
        deploy_broken(monkeypatch, ModuleNotFoundError("No module named 'config'", name="config"))
    else:
        monkeypatch.setitem(sys.modules, "config", ModuleType("config"))
    assert load_settings().db_path == "./events.db"
    monkeypatch.setenv("DB_PATH", "/from/environment.db")
    monkeypatch.setenv("TIME_ZONE", "")
    assert load_settings().db_path == "/from/environment.db"
    assert load_settings().time_zone == ""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KeyError("TELEGRAM_TOKEN"), "KeyError: 'TELEGRAM_TOKEN'"),
        (ModuleNotFoundError("No module named 'dotenv'", name="dotenv"), "'dotenv'"),
        (SyntaxError("invalid syntax"), "SyntaxError: invalid syntax"),
    ],
)
def test_a_config_that_cannot_be_imported_is_an_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    """To go on with the defaults would open another log than the owner's."""
    deploy_broken(monkeypatch, error)
    with pytest.raises(BadArgument, match=r"config\.py can't be imported") as caught:
        load_settings()
    assert sentence in str(caught.value)


def test_a_config_with_no_text_under_a_name_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is not a path."""
    deploy(monkeypatch, DB_PATH=7)
    with pytest.raises(BadArgument, match=r"Config\.DB_PATH is a int"):
        load_settings()


def test_where_the_dashboard_listens_is_found_likewise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port may be a number or text; it is looked at by what listens."""
    assert (load_settings().host, load_settings().port) == ("127.0.0.1", "8000")
    monkeypatch.setenv("HOST", "::1")
    deploy(monkeypatch, PORT=8080)
    assert (load_settings().host, load_settings().port) == ("::1", "8080")
    deploy(monkeypatch, PORT="/dev/ttyUSB0")
    assert load_settings().port == "/dev/ttyUSB0"


def test_a_setting_that_its_config_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of the config."""

    class Refused:
        def __get__(self, *_: object) -> str:
            raise ValueError("DB_PATH in the environment: is no path")

    deploy(monkeypatch, DB_PATH=Refused())
    with pytest.raises(BadArgument, match="DB_PATH in the environment: is no path"):
        load_settings()


def test_options_go_before_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What the command line names is what is opened."""
    eventlog = CommandLine(capsys, tmp_path / "nowhere" / "door.db")
    named = build_log(tmp_path / "named.db", 3)
    assert eventlog("events", "--db", named).code == 0
    assert eventlog("events").code == 2


def test_settings_are_asked_for_by_those_who_need_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With a broken config, the help and the demo still work."""
    eventlog = CommandLine(capsys, tmp_path / "door.db")

    def broken() -> Any:
        raise BadArgument("config.py can't be imported")

    eventlog._settings = broken  # type: ignore[method-assign]  # a broken deployment
    assert eventlog("--help").code == 0
    assert eventlog("events", "--help").code == 0
    assert eventlog("demo", "--into", tmp_path / "demo").code == 0
    said = eventlog("status")
    assert (said.code, said.err) == (2, "eventlog: config.py can't be imported\n")


def test_the_program_reads_the_environment(tmp_path: Path) -> None:
    """`python -m eventlog` opens the log that DB_PATH names."""
    path = build_log(tmp_path / "door.db", 3)
    done = subprocess.run(
        [sys.executable, "-m", "eventlog", "status", "--json"],
        env={"DB_PATH": str(path)},
        cwd=CHECKOUT,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert str(path).encode() in done.stdout


@pytest.mark.parametrize("how", [["-m", "eventlog"], ["script"]])
def test_the_current_folders_config_counts_for_both_programs(
    tmp_path: Path, how: list[str]
) -> None:
    """`eventlog` and `python -m eventlog` open the log that the config.py of the folder names."""
    path = build_log(tmp_path / "door.db", 3)
    config = f"class Config:\n    DB_PATH = {str(path)!r}\n"
    (tmp_path / "config.py").write_text(config, encoding="utf-8")
    (tmp_path / "json.py").write_text("raise SystemExit('imported by mistake')", encoding="utf-8")
    script = Path(sys.executable).with_name("eventlog")
    program = [sys.executable, *how] if how[0] == "-m" else [str(script)]
    if how[0] == "-m":
        (tmp_path / "json.py").unlink()  # Python itself would import that one
    done = subprocess.run(
        [*program, "status", "--json"], env={}, cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert str(path).encode() in done.stdout


@pytest.mark.parametrize("command", [["serve"], ["ingest", "ring", "FILE"]])
@pytest.mark.parametrize("by", ["option", "setting"])
def test_a_log_that_must_exist_is_not_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str], by: str
) -> None:
    """A disk that is not mounted yet is an error, and not a new log in its place."""
    messages = tmp_path / "messages.json"
    messages.write_text(
        '[{"id": 7, "kind": "ding", "created_at": "2026-02-25T10:30:00Z"}]', encoding="utf-8"
    )
    eventlog = CommandLine(capsys, tmp_path / "mnt.db", must_exist=by == "setting")
    words = [str(messages) if word == "FILE" else word for word in command]
    said = eventlog(*words, *(["--must-exist"] if by == "option" else []))
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"eventlog: there is no log at {eventlog.db}, and --must-exist (or MUST_EXIST) forbids to"
        f" make one (is its disk mounted?); {NO_LOG}\n"
    )
    assert list(tmp_path.iterdir()) == [messages]


def test_an_option_goes_before_the_setting_that_a_log_must_exist(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The first log is made by --may-be-new; from then on it is there."""
    messages = tmp_path / "messages.json"
    messages.write_text(
        '[{"id": 7, "kind": "ding", "created_at": "2026-02-25T10:30:00Z"}]', encoding="utf-8"
    )
    eventlog = CommandLine(capsys, tmp_path / "door.db", must_exist=True)
    assert eventlog("ingest", "ring", messages, "--may-be-new").code == 0
    assert eventlog("ingest", "ring", messages).code == 0


def test_must_exist_is_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """From config.py or the environment, in words or as a bool; anything else is an error."""
    assert load_settings().must_exist is False
    monkeypatch.setenv("MUST_EXIST", "yes")
    assert load_settings().must_exist is True
    deploy(monkeypatch, MUST_EXIST=False)
    assert load_settings().must_exist is False
    deploy(monkeypatch, MUST_EXIST="perhaps")
    with pytest.raises(BadArgument, match="MUST_EXIST: 'perhaps' is neither yes nor no"):
        load_settings()


def test_importing_the_package_loads_no_terminal_no_picture_and_no_web() -> None:
    """A pipeline that only appends does not load other packages."""
    heavy = ("cyclopts", "rich", "PIL", "litestar", "jinja2", "argon2", "uvicorn")
    code = f"import sys, eventlog; print(sorted({set(heavy)} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, check=False
    )
    assert (done.stdout, done.stderr) == (b"[]\n", b"")
