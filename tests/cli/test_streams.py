"""The standard streams: closed, full, without a reader, and in any encoding.

Each test starts a program of its own, without PYTHONUNBUFFERED, which hides what a flush finds.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.facts import FaceResult, Fact, Motion
from eventlog.journal.append import prepare
from eventlog.maintenance.verify.log import verify
from tests.support.logs import T0, build_log

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
ANSWERING = ["events", "show 1", "tail", "verify", "status", "parked", "replay --check", "export"]
ANSWERING += [f"{command} --json" for command in ANSWERING[:-1] if command != "parked"] + [
    "--help",
    "events --help",
]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A log of some thirty records, with a name that is not ASCII."""
    strange: list[Fact] = [
        Motion(camera_id="caf\u00e9", recorded_at=T0),
        FaceResult(name="Zo\u00eb \u732b", distance=0.3, tolerance=0.5),
    ]
    return build_log(tmp_path / "door.db", [prepare(strange)] * 10)


def words(command: str, db: Path) -> list[str]:
    """A command over the log, as words."""
    return [sys.executable, "-m", "eventlog", *command.split(), "--db", str(db)]


def by_shell(command: str, db: Path, redirection: str) -> subprocess.CompletedProcess[str]:
    """Run a command behind a redirection of the shell, such as `>&-`."""
    line = ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *words(command, db)]
    return subprocess.run(
        line, cwd=CHECKOUT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def test_who_reads_no_further_gets_no_traceback(tmp_path: Path) -> None:
    """`eventlog export | head -1` ends when head has what it wants."""
    with subprocess.Popen(
        words("export", build_log(tmp_path / "long.db", 400)),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"archive"')
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr.read() == b""


@pytest.mark.parametrize("command", ANSWERING)
def test_an_answer_that_has_no_room_is_an_error(db: Path, command: str) -> None:
    """A full disk behind `>` gives one line and exit code 2; the log is not blamed."""
    done = by_shell(command, db, "> /dev/full")
    assert done.returncode == 2
    assert done.stderr == f"eventlog: the answer can't be written: {os.strerror(errno.ENOSPC)}\n"


@pytest.mark.parametrize("command", ANSWERING)
def test_an_answer_to_a_closed_stream_is_an_error(db: Path, command: str) -> None:
    """In one line with code 2, before anything is done."""
    done = by_shell(command, db, ">&-")
    assert done.returncode == 2
    sentence = "the answer can't be written: the standard output is closed"
    assert done.stderr == f"eventlog: {sentence}\n"


@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full"])
def test_remarks_that_cannot_be_written_take_no_answer_along(db: Path, redirection: str) -> None:
    """The answer and the exit code are as ever."""
    done = by_shell("tail --json -n 1", db, redirection)
    assert (done.returncode, json.loads(done.stdout)["position"]) == (0, 20)
    assert by_shell("show 99", db, redirection).returncode == 2


@pytest.mark.parametrize("command", ["import -", "ingest frigate -", "ingest ring -"])
def test_a_closed_input_is_an_error(tmp_path: Path, command: str) -> None:
    """It is not an empty one; nothing is made."""
    done = by_shell(command, tmp_path / "new.db", "<&-")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the standard input is closed" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("redirection", ["<&- >&- 2>&-", ">&- 2>&-", "<&-"])
def test_no_file_of_the_log_takes_the_place_of_a_closed_stream(db: Path, redirection: str) -> None:
    """What is written to a stream would go into the log's own files."""
    by_shell("replay", db, redirection)
    by_shell("replay persons", db, f"{redirection} > /dev/full")
    assert verify(db).ok


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("command", ["events", "show 1", "tail", "status", "verify"])
def test_json_is_ascii_whatever_the_terminals_encoding(
    db: Path, command: str, encoding: str
) -> None:
    """So that a program reads the same everywhere."""
    done = subprocess.run(
        words(f"{command} --json", db),
        cwd=CHECKOUT,
        env={**ENVIRONMENT, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    text = done.stdout.decode(encoding)
    assert (done.returncode, text.isascii()) == (0, True)
    said = [json.loads(line) for line in text.splitlines()]
    if command == "events":
        assert (said[0]["camera_id"], said[0]["person_name"]) == ("caf\u00e9", "Zo\u00eb \u732b")


@pytest.mark.usefixtures("signals_by_default")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_command_quietly(db: Path, number: signal.Signals, code: int) -> None:
    """With the code that shells know, and with all that was open closed."""
    with subprocess.Popen(
        words("tail --follow", db),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=CHECKOUT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr.read() == b""
