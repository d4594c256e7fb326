"""`eventlog demo` shows the main job on a log of its own, and touches no other."""

from __future__ import annotations

import asyncio
import errno
import http.client
import io
import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from eventlog.cli import demo, demo_door
from eventlog.cli import serve as web
from eventlog.cli.context import Context
from eventlog.errors import BadArgument
from eventlog.sources.simulator import play_live
from eventlog.store.event_store import EventStore
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log, contents, rows

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line of an owner who has a log."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 3))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No recorded payloads next to the checkout."""
    monkeypatch.setattr(demo, "RECORDED", tmp_path / "nowhere")


@pytest.mark.usefixtures("alone")
def test_a_day_goes_in_and_comes_out(eventlog: CommandLine, tmp_path: Path) -> None:
    """Events in, the list and a story out, rebuilt, verified; and what to try next is true."""
    folder = tmp_path / "demo"
    said = eventlog("demo", "--into", folder)
    assert (said.code, said.err) == (0, "")
    assert "yesterday, made up" in said.out
    assert "12 of 24 events" in said.out
    assert "The door was unlocked" in said.out
    assert "The door was not unlocked" in said.out
    assert "OK: no damage found." in said.out
    assert "TRUE: record" in said.out
    assert "FALSE: the record is not in the tree that was signed" in said.out
    tried = [line.split(" --db ")[1].split() for line in said.lines if " --db " in line]
    assert f"KEYS_DIR={tmp_path / 'demo-keys'} " in said.out
    eventlog.keys_dir = tmp_path / "demo-keys"
    ran = [
        eventlog("--db", database, command, *rest).code
        for database, command, *rest in tried
        if command not in {"tail", "serve", "user", "forget"}  # they go on, or ask
    ]
    assert ran == [0, 0, 0]
    (forget,) = (words for words in tried if words[1] == "forget")
    assert forget[2].encode() not in b"".join(row[10] for row in rows(folder / "events.db"))
    assert eventlog("--db", *forget, "--yes").code == 0
    assert "erased person" in eventlog("--db", folder / "events.db", "events").out
    assert (folder / "events.db.verified").exists()
    (status,) = eventlog("--db", folder / "events.db", "status", "--json").json
    assert status["last_event"] == 24
    assert all(view["lag"] == 0 for view in status["views"])


def test_recorded_payloads_go_in_where_they_are(
    eventlog: CommandLine, tmp_path: Path, shared_data: Path
) -> None:
    """Those of real cameras, each once though they are fed twice, and the made-up day."""
    assert shared_data == demo.RECORDED
    said = eventlog("demo", "--into", tmp_path / "demo")
    assert said.code == 0
    assert "50 events; fed again: 0" in said.out
    assert said.out.count("fed again: 0") == len(demo.PAYLOADS)
    assert "OK: no damage found." in said.out


@pytest.mark.usefixtures("alone")
def test_the_owners_log_is_never_touched(eventlog: CommandLine, tmp_path: Path) -> None:
    """Whatever DB_PATH says; a log that is named by an option is refused, and not passed over."""
    before = contents(eventlog.db)
    for options in (["--db", eventlog.db], ["--thumbnails", eventlog.thumbnails]):
        said = eventlog("demo", "--into", tmp_path / "demo", *options)
        assert (said.code, said.out) == (2, "")
        assert "it takes neither --db nor --thumbnails" in said.err
    assert eventlog("demo", "--into", tmp_path / "demo").code == 0
    assert contents(eventlog.db) == before
    assert not eventlog.thumbnails.exists()


@pytest.mark.usefixtures("alone")
def test_a_demo_is_made_anew(eventlog: CommandLine, tmp_path: Path) -> None:
    """A second one finds nothing of the first."""
    folder = tmp_path / "demo"
    first, second = (eventlog("demo", "--into", folder) for _ in range(2))
    assert first.code == second.code == 0
    assert "12 of 24 events" in second.out
    assert len(list((folder / "thumbnails").iterdir())) == 24


@pytest.mark.usefixtures("alone")
def test_through_a_pipe_it_ends_and_says_how_to_look(
    eventlog: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pipe, where no user could end it, it exits; the commands that it prints can be run."""
    folder = tmp_path / "demo"
    said = eventlog("demo", "--into", folder)
    assert f"demo --into {folder} --serve" in said.out
    told = [line.split(" --db ")[1].split() for line in said.lines if " --db " in line]
    eventlog.keys_dir = tmp_path / "demo-keys"
    user, serve = told[-2:]
    assert serve == [str(folder / "events.db"), "serve", "--thumbnails", str(folder / "thumbnails")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    assert eventlog("--db", *user).code == 0
    served: list[str] = []
    monkeypatch.setattr(
        web, "run", lambda _, context, **__: served.append(str(context.thumbnails_dir))
    )
    assert eventlog("--db", *serve).code == 0
    assert served == [str(folder / "thumbnails")]


@pytest.mark.usefixtures("signals_by_default")
def test_on_a_terminal_it_ends_with_the_dashboard(tmp_path: Path) -> None:
    """With a link that signs in, until Ctrl-C; no other demo empties its folder meanwhile."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "eventlog", "demo", "--into", str(tmp_path / "demo")]
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, cwd=CHECKOUT
    ) as process:
        os.close(follower)
        shown = ""
        while (found := re.search(r"http://127\.0\.0\.1:(\d+)/sign-in#\S{40,}\s", shown)) is None:
            shown += os.read(leader, 4096).decode()
        with closing(http.client.HTTPConnection("127.0.0.1", int(found[1]), 10)) as connection:
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b"ok"
        other = subprocess.run(
            [*command, "--no-serve"], capture_output=True, text=True, cwd=CHECKOUT, check=False
        )
        assert (other.returncode, other.stdout) == (2, "")
        assert "another demo runs in" in other.stderr
        process.send_signal(signal.SIGINT)
        shown = ""
        with suppress(OSError):  # the other end is closed
            while some := os.read(leader, 4096):
                shown += some.decode()
        assert process.wait(30) == 0
    os.close(leader)
    assert "Stopped." in shown


@pytest.mark.usefixtures("alone")
def test_visits_come_while_the_dashboard_is_open(
    eventlog: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into the log that is served; a port that is taken is left to who has it."""
    ports: list[int] = []

    async def at_once(_: float) -> None:
        """Time goes by quickly."""

    async def be_open(context: Context, alongside: web.Alongside) -> None:
        paths = str(context.db_path), str(context.thumbnails_dir)
        async with EventStore(*paths, keys_dir=context.settings.keys_dir) as store:
            await alongside(store)

    def run(
        _: ModuleType,
        context: Context,
        *,
        host: str,
        port: int,
        sign_in_link: bool,
        alongside: web.Alongside,
    ) -> None:
        assert (host, sign_in_link) == ("127.0.0.1", True)
        ports.append(port)
        if port:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        asyncio.run(be_open(context, alongside))

    monkeypatch.setattr(demo_door, "can_run", lambda: False)
    monkeypatch.setattr(web, "run", run)
    monkeypatch.setattr(demo, "LIVE_VISITS", 5)
    monkeypatch.setattr(demo, "play_live", partial(play_live, sleep=at_once))
    folder = tmp_path / "demo"
    said = eventlog("demo", "--into", folder, "--serve")
    assert (said.code, said.err) == (0, "")
    assert ports == [demo.PORT, 0]
    assert f"Another program listens at port {demo.PORT}" in said.out
    (status,) = eventlog("--db", folder / "events.db", "status", "--json").json
    assert status["last_event"] == 24 + 5


@pytest.mark.usefixtures("alone")
def test_without_the_extra_it_ends_and_says_so(
    eventlog: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who asks for the dashboard by option gets the error before any file is made."""

    def missing() -> None:
        raise BadArgument("the dashboard needs an extra: in the checkout, pip install '.[web]'")

    monkeypatch.setattr(web, "load", missing)
    monkeypatch.setattr(demo, "_is_terminal", lambda: True)
    said = eventlog("demo", "--into", tmp_path / "demo")
    assert said.code == 0
    assert said.lines[-1] == "the dashboard needs an extra: in the checkout, pip install '.[web]'"
    asked = eventlog("demo", "--into", tmp_path / "other", "--serve")
    assert (asked.code, asked.out) == (2, "")
    assert not (tmp_path / "other").exists()


def test_a_folder_with_something_else_in_it_stays(eventlog: CommandLine, tmp_path: Path) -> None:
    """Only what a demo has made is made again."""
    kept = tmp_path / "photos" / "wedding.jpg"
    kept.parent.mkdir()
    kept.write_text("precious", encoding="utf-8")
    said = eventlog("demo", "--into", kept.parent)
    assert (said.code, said.out) == (2, "")
    assert "holds something else than a demo; nothing of it is changed" in said.err
    assert kept.read_text(encoding="utf-8") == "precious"


def test_a_folder_that_cannot_be_made_is_an_error(eventlog: CommandLine, tmp_path: Path) -> None:
    """In one line."""
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    for folder in (file, file / "demo"):
        said = eventlog("demo", "--into", folder)
        assert (said.code, said.out) == (2, "")
        assert said.err.count("\n") == 1
