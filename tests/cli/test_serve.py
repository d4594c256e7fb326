"""`eventlog serve`, `user` and `token` hand the dashboard its log; errors have one line."""

from __future__ import annotations

import builtins
import getpass
import http.client
import io
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from eventlog.cli import serve as web
from eventlog.errors import BadArgument
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log
from tests.support.mounts import make_read_only, writable_once

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a log."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 3))


def names(eventlog: CommandLine, table: str) -> list[str]:
    """Whom a table of the accounts knows."""
    with closing(sqlite3.connect(f"{eventlog.db}.users")) as connection:
        return [name for (name,) in connection.execute(f"SELECT name FROM {table}")]


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What comes by the standard input, which is not a terminal."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


class Terminal(io.StringIO):
    """A standard input that is one."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@contextmanager
def taken_port() -> Iterator[int]:
    """A port at which another listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def lacks(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """An environment in which the dashboard can't be imported for want of a module."""
    import_as_ever = builtins.__import__

    def import_without(name: str, *rest: Any) -> Any:
        if name == "eventlog.dashboard":
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return import_as_ever(name, *rest)

    monkeypatch.setattr(builtins, "__import__", import_without)


# ── users ──────────────────────────────────────────────────────────────────────────────────


def test_a_user_is_added_with_a_line_of_the_standard_input(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For scripts; nothing of the password is shown."""
    types(monkeypatch, "correct horse\n")
    said = eventlog("user", "add", "ada")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"ada may sign in to the dashboard of {eventlog.db}\n"
    assert names(eventlog, "users") == ["ada"]


def test_a_terminal_is_asked_twice(eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of the finger would lock the user out."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "correct horse" if len(asked) != 2 else "correct house"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", answer)
    said = eventlog("user", "add", "ada")
    assert (said.code, said.out) == (2, "")
    assert said.err == "eventlog: the two passwords differ; nothing is changed\n"
    assert eventlog("user", "add", "ada").code == 0
    assert asked == ["Password: ", "Again: "] * 2


@pytest.mark.parametrize(
    ("name", "typed", "asked_for"),
    [("a b", "correct horse", []), ("ada", "short", ["Password: "])],
)
def test_what_cannot_be_is_refused_before_more_is_asked(
    eventlog: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    typed: str,
    asked_for: list[str],
) -> None:
    """A name before any password is typed, a password before it is typed again."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return typed

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", answer)
    assert eventlog("user", "add", name).code == 2
    assert asked == asked_for


@pytest.mark.parametrize("command", [["user", "add", "ada"], ["token", "add", "x"], ["serve"]])
def test_a_damaged_accounts_file_is_the_one_that_is_named(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """The log is sound, and is not blamed."""
    Path(f"{eventlog.db}.users").write_text("no accounts " * 100, encoding="utf-8")
    types(monkeypatch, "correct horse\n")
    scope = ["--scope", "read"] if command[0] == "token" else []
    said = eventlog(*command, *scope)
    assert (said.code, said.out) == (2, "")
    assert f"{eventlog.db}.users: file is not a database" in said.err
    assert "the log itself is not touched: move this file away" in said.err
    assert eventlog("verify", "--no-pictures").code == 0


def test_a_terminal_that_ends_gives_no_password(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-D is not an empty one."""

    def end(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", end)
    assert eventlog("user", "add", "ada") == (2, "", "eventlog: no password was given\n")


@pytest.mark.parametrize(("name", "password"), [("ada", "short"), ("a b", "correct horse")])
def test_a_user_that_cannot_be_is_refused(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, password: str
) -> None:
    """The error is one line, and no account is made."""
    types(monkeypatch, password + "\n")
    said = eventlog("user", "add", name)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert not Path(f"{eventlog.db}.users").exists() or names(eventlog, "users") == []


# ── tokens ─────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_all_that_is_answered(eventlog: CommandLine) -> None:
    """Standard output has only the token, for scripts; the remark goes to standard error."""
    said = eventlog("token", "add", "pipeline", "--scope", "append", "--scope", "read")
    assert said.code == 0
    assert re.fullmatch(r"evl_\S+\n", said.out)
    assert "shown once" in said.err
    assert names(eventlog, "tokens") == ["pipeline"]


@pytest.mark.parametrize("rest", [["x"], ["x", "--scope", "open"], ["", "--scope", "read"]])
def test_a_token_that_cannot_be_is_refused(eventlog: CommandLine, rest: list[str]) -> None:
    """Without a scope, with another, without a name."""
    said = eventlog("token", "add", *rest)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1


def test_a_name_is_taken_once(eventlog: CommandLine) -> None:
    """With two tokens of one name, it would not be clear which one to revoke."""
    assert eventlog("token", "add", "x", "--scope", "read").code == 0
    said = eventlog("token", "add", "x", "--scope", "read")
    assert (said.code, said.out) == (2, "")
    assert "there is a token named 'x' already" in said.err


@pytest.mark.parametrize("command", ["user add ada", "token add x --scope read"])
def test_accounts_beside_no_log_yet_are_said_to_be_so(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    """A mistyped path is noticed at once, but accounts may be made before the log."""
    path = tmp_path / "dorr.db"
    for db, remarks in ((eventlog.db, 0), (path, 1)):
        types(monkeypatch, "correct horse battery\n")
        said = eventlog(*command.split(), "--db", db)
        assert said.code == 0
        assert said.err.count(f"there is no log at {db} yet") == remarks


def test_accounts_that_cannot_be_written_are_an_error(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """In one line."""
    with writable_once(tmp_path / "medium") as folder:
        path = build_log(folder / "door.db", 2)
        make_read_only(folder)
        said = eventlog("token", "add", "x", "--scope", "read", "--db", path)
        assert (said.code, said.out) == (2, "")
        assert said.err.count("\n") == 1
        said = eventlog("serve", "--port", 0, "--db", path)
        assert (said.code, said.out) == (2, "")
        assert "can't be written" in said.err


# ── serving ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("signals_by_default")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_dashboard_is_served_until_it_is_stopped(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch, stop: signal.Signals
) -> None:
    """At a port that the system chose; a stop is quiet, with code 0."""
    types(monkeypatch, "correct horse\n")
    eventlog("user", "add", "ada")
    command = [sys.executable, "-m", "eventlog", "serve", "--db", str(eventlog.db), "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
        env={**os.environ, "THUMBNAILS_DIR": str(eventlog.thumbnails)},
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"The dashboard is at http://127\.0\.0\.1:(\d+)/\n", line)
        assert found is not None, line
        with closing(http.client.HTTPConnection("127.0.0.1", int(found[1]), 10)) as connection:
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b"ok"
        process.send_signal(stop)
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert not list(eventlog.db.parent.glob("*.open-*"))  # or the next start finds an unclean stop


def test_a_port_that_is_taken_is_named(eventlog: CommandLine) -> None:
    """The error is one line and not a traceback."""
    with taken_port() as port:
        said = eventlog("serve", "--port", port)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [
        "eventlog: there is no user yet; `eventlog user add NAME` adds one",
        f"eventlog: 127.0.0.1, port {port}, can't be listened at: another program listens there",
    ]


def test_nothing_beyond_this_machine_without_a_user(eventlog: CommandLine) -> None:
    """And how to add one is said."""
    said = eventlog("serve", "--host", "0.0.0.0", "--port", 0)  # noqa: S104 - it is refused
    assert (said.code, said.out) == (2, "")
    assert "eventlog user add NAME" in said.err


@pytest.mark.parametrize("what", ["missing", "no certificate", "key alone"])
def test_files_that_are_no_use_for_tls_are_named(
    eventlog: CommandLine, tmp_path: Path, what: str
) -> None:
    """Before anything is served."""
    file = tmp_path / "door.pem"
    if what != "missing":
        file.write_text("no certificate", encoding="utf-8")
    said = eventlog("serve", "--key" if what == "key alone" else "--certificate", file)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "65536", "-1", ""])
def test_a_port_of_the_deployment_that_is_none_is_named(port: str) -> None:
    """When it is needed, and not before."""
    with pytest.raises(BadArgument, match="PORT: "):
        web._port(port)


@pytest.mark.parametrize("command", ["serve", "user add ada", "token add x --scope read"])
def test_without_the_extra_each_says_what_to_install(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """In one line, and nothing was made."""
    lacks(monkeypatch, "litestar")
    said = eventlog(*command.split())
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "eventlog: the dashboard needs an extra (litestar is missing):"
        " in the checkout, pip install '.[web]'\n"
    )
    assert not Path(f"{eventlog.db}.users").exists()


def test_another_module_that_is_missing_is_a_defect(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps its traceback, and has the code of a defect."""
    lacks(monkeypatch, "eventlog.dashboard.gone")
    said = eventlog("serve")
    assert (said.code, said.out) == (70, "")
    assert "ModuleNotFoundError" in said.err
