"""A restore keeps the head file that knew more than it brings: the only proof of what was lost."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.journal.head_file import HeadMark, pack, read_head
from eventlog.maintenance.archive import copy_until, export, import_archive
from eventlog.maintenance.backup import backup
from eventlog.maintenance.verify.log import verify
from eventlog.storage.paths import head_path
from tests.support.logs import appends, build_log, rows

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def _import(source: Path, target: Path) -> None:
    out = io.BytesIO()
    export(source, out)
    import_archive(io.BytesIO(out.getvalue()), target)


def _backup(source: Path, target: Path) -> None:
    assert backup(source, target).ok


def _into_an_empty_log(source: Path, target: Path) -> None:
    head = head_path(target).read_bytes()
    build_log(target, 0)
    head_path(target).write_bytes(head)
    _import(source, target)


RESTORES: dict[str, Callable[[Path, Path], None]] = {
    "import": _import,
    "import into an empty log": _into_an_empty_log,
    "backup": _backup,
}


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    """A log of several records of which only the head file is left."""
    path = build_log(tmp_path / "door.db", appends(3))
    copy_until(path, tmp_path / "older.db", 3)
    path.unlink()
    for more in ("-wal", "-shm"):
        path.with_name(path.name + more).unlink(missing_ok=True)
    return path


def old_heads(path: Path) -> list[bytes]:
    """What was kept, in the order of its names."""
    return [file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}.head.old*"))]


@pytest.mark.parametrize("how", RESTORES)
def test_a_restore_keeps_a_head_file_that_knew_more(
    lost: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As `.head.old`, and it says so; the restored log has a head file of its own."""
    known = head_path(lost).read_bytes()
    knew = read_head(lost)
    assert knew is not None
    with caplog.at_level(logging.WARNING, "eventlog"):
        RESTORES[how](lost.with_name("older.db"), lost)
    held = len(rows(lost))
    assert held < knew.position
    assert old_heads(lost) == [known]
    said = f"the head file knew {knew.position}, this holds {held}; it is kept as {lost}.head.old"
    assert said in caplog.text
    assert verify(lost).ok


@pytest.mark.parametrize("how", RESTORES)
def test_a_head_file_that_knew_no_more_is_replaced(
    lost: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it would be a proof."""
    older = lost.with_name("older.db")
    knew = read_head(older)
    assert knew is not None
    head_path(lost).write_bytes(pack(HeadMark(knew.log_id, 2, 2, rows(older)[1][11])))
    with caplog.at_level(logging.WARNING, "eventlog"):
        RESTORES[how](older, lost)
    assert old_heads(lost) == []
    assert "the head file knew" not in caplog.text


def test_another_logs_and_a_damaged_head_file_are_kept_too(
    lost: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each under a name of its own: no later restore throws an older one away."""
    older = lost.with_name("older.db")
    other = pack(HeadMark(bytes(16), 7, 7, bytes(32)))
    for content in (other, b"damaged"):
        lost.unlink(missing_ok=True)
        head_path(lost).write_bytes(content)
        _backup(older, lost)
    assert old_heads(lost) == [other, b"damaged"]
    assert "knew 7 of another log, this holds" in caplog.text
    assert "the head file could not be read: its checksum does not match" in caplog.text


def test_the_command_says_so_and_nothing_else(lost: Path) -> None:
    """In one remark, with the file's name."""
    lines = lost.with_name("older.jsonl")
    with lines.open("wb") as out:
        export(lost.with_name("older.db"), out)
    done = subprocess.run(
        [sys.executable, "-m", "eventlog", "import", str(lines), "--db", str(lost)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{lost} holds 3 records\n")
    assert done.stderr.startswith(f"eventlog: {lost}: the head file knew ")
    assert done.stderr.count("\n") == 1
