"""A program that gets a head is held within bounds of memory and time."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from eventlog.evidence.keys import new_key
from eventlog.evidence.note import NOTE_MAX
from eventlog.reactors.head_program import run_program
from eventlog.reactors.head_to import parse_places
from tests.evidence.test_witnesses import NAME, FakeLog

PATIENCE_S = 60.0


def program(folder: Path, *lines: str) -> Path:
    """A shell program of these lines."""
    path = folder / "program"
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o700)
    return path


def test_output_without_end_is_not_kept_in_memory(tmp_path: Path) -> None:
    """Of 64 MB on both outputs the first 64 kB are kept, and no more is ever held."""
    loud = "head -c 64000000 /dev/zero"
    place = parse_places(f"exec:{program(tmp_path, f'{loud} >&2', loud)}", tmp_path / "e.db")[0]
    tracemalloc.start()
    try:
        place.take(FakeLog(new_key(str(NAME))).head(3), lambda _: [])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 4_000_000
    assert (tmp_path / "e.db.times/3").stat().st_size == NOTE_MAX


def test_a_program_that_prints_for_ever_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """`yes` in a pipeline of a shell is killed too, and the place has failed."""
    path = program(tmp_path, f"sh -c 'echo $$ >{tmp_path}/child; exec yes' | cat")
    with pytest.raises(TimeoutError, match="did not end within"):
        run_program(path, b"head", kept_max=10, timeout_s=1.0)
    child = int((tmp_path / "child").read_text())
    # The kill is sent; a busy machine may need a moment to carry it out.
    give_up = time.monotonic() + PATIENCE_S
    while _runs(child):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _runs(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_program_that_leaves_a_child_with_its_output_open_has_ended(tmp_path: Path) -> None:
    """What counts is the program that was named, and not who still holds its output."""
    path = program(tmp_path, "cat", f"sleep 1000 & echo $! >{tmp_path}/child")
    code, printed = run_program(path, b"head", kept_max=10, timeout_s=PATIENCE_S)
    os.kill(int((tmp_path / "child").read_text()), 9)
    assert (code, printed) == (0, b"head")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("exit 0",), 0),
        (("exec <&-", "exit 7"), 7),
        (("exec >&-", "cat"), 1),
        (("kill -9 $$",), -9),
    ],
)
def test_a_program_that_reads_or_prints_nothing_is_no_trouble(
    lines: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    """More is given than a pipe holds, and the program does not take it."""
    given = bytes(1_000_000)
    found, _ = run_program(program(tmp_path, *lines), given, kept_max=10, timeout_s=PATIENCE_S)
    assert found == code


def test_a_program_gets_all_of_what_it_is_given(tmp_path: Path) -> None:
    """Input and output that are larger than a pipe are carried at the same time."""
    given = os.urandom(300_000)
    path = program(tmp_path, "cat")
    assert run_program(path, given, kept_max=400_000, timeout_s=PATIENCE_S) == (0, given)
