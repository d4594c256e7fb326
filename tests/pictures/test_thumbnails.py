"""Saving a frame: what is stored, what is answered, and what a bad frame or disk leaves."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from eventlog.errors import DatabaseError, DiskFailure, DiskFull, ReadOnly
from eventlog.facts import ThumbnailSaved
from eventlog.pictures.thumbnails import FALLBACK, Thumbnails
from tests.pictures.hostile_frames import HOSTILE, Hostile, jpeg
from tests.pictures.thumbnails_folder import FRAME, WHEN, file_of, saved

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Thumbnails:
    """A folder that is not made yet."""
    return Thumbnails(tmp_path / "thumbnails")


def test_the_path_is_the_folders_own_name_and_the_timestamp(folder: Thumbnails) -> None:
    """':' and '.' become '-', and the path does not contain the folder's location."""
    assert saved(folder).path == "thumbnails/2026-02-25T10-30-00.jpg"
    fraction = saved(folder, "2026-02-25T10:30:00.123456+00:00").path
    assert fraction == "thumbnails/2026-02-25T10-30-00-123456+00-00.jpg"


def test_the_fact_holds_digest_and_sizes_of_the_file(folder: Thumbnails) -> None:
    """SHA-256, bytes and pixels are those of what is on the disk, a JPEG."""
    fact = saved(folder)
    content = file_of(folder, fact).read_bytes()
    assert (fact.sha256, fact.size_bytes) == (hashlib.sha256(content).digest(), len(content))
    assert (fact.width_px, fact.height_px, fact.recorded_at) == (64, 48, None)
    with Image.open(file_of(folder, fact), formats=("JPEG",)) as image:
        image.load()
        assert image.size == (64, 48)


def test_two_frames_with_one_timestamp_become_two_files(folder: Thumbnails) -> None:
    """The second ends in '-2', the next in '-3', and the first stays what it was."""
    paths = [saved(folder).path for _ in range(3)]
    assert [path.removeprefix("thumbnails/2026-02-25T10-30-00") for path in paths] == [
        ".jpg",
        "-2.jpg",
        "-3.jpg",
    ]


def test_a_hundred_and_fifty_frames_with_one_timestamp_are_all_kept(folder: Thumbnails) -> None:
    """A camera whose clock does not advance loses no picture."""
    assert len({saved(folder).path for _ in range(150)}) == 150
    assert len(list(folder.folder.iterdir())) == 150


def test_processes_that_save_at_once_overwrite_nothing(folder: Thumbnails) -> None:
    """Three processes, one timestamp, 25 frames each: 75 files, each with its own digest."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom PIL import Image\n"
        "from eventlog.pictures.thumbnails import Thumbnails\n"
        "from tests.pictures.hostile_frames import encoded\n"
        "for i in range(25):\n"
        "    frame = encoded(Image.new('RGB', (8, 8), (int(sys.argv[2]) * 80, i * 9, 0)), 'PNG')\n"
        "    fact = Thumbnails(Path(sys.argv[1])).save(frame, 'now')\n"
        "    print(fact.path, fact.sha256.hex())\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder.folder), str(number)],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    answers = [line.split() for run in running for line in run.communicate()[0].splitlines()]
    assert [run.returncode for run in running] == [0, 0, 0]
    assert len({path for path, _ in answers}) == len(answers) == 75
    for path, digest in answers:
        assert folder.check(ThumbnailSaved(path=path, sha256=bytes.fromhex(digest))) is None
    assert len(list(folder.folder.iterdir())) == 75


def test_files_are_0600_in_a_folder_that_is_0700(folder: Thumbnails) -> None:
    """Under the usual umask, no other user can read the pictures."""
    old = os.umask(0o022)
    try:
        path = file_of(folder, saved(folder))
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.folder.stat().st_mode) == 0o700


def test_a_jpeg_is_kept_where_the_caller_says_so(folder: Thumbnails) -> None:
    """A camera's JPEG that needs no change is stored byte for byte, and only when asked."""
    frame = jpeg(quality=40)
    kept = folder.save(frame, WHEN, keep_jpeg=True)
    made = folder.save(frame, WHEN)
    assert kept is not None
    assert made is not None
    assert file_of(folder, kept).read_bytes() == frame
    assert file_of(folder, made).read_bytes() != frame


@pytest.mark.parametrize("hostile", [h for h in HOSTILE if not h.stored], ids=lambda h: h.name)
def test_a_frame_that_is_refused_answers_none_and_one_log_line(
    folder: Thumbnails, caplog: pytest.LogCaptureFixture, hostile: Hostile
) -> None:
    """No error, no file, and a warning of one line that says why and repeats nothing."""
    assert folder.save(hostile.build(), "2026\n\x1b[31m/etc/passwd") is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    line = caplog.records[0].getMessage()
    assert re.fullmatch(r"thumbnail not saved: the frame [a-zA-Z0-9 ,:.()-]+", line)
    assert "passwd" not in line
    assert not folder.folder.exists()


def test_what_is_no_bytes_or_no_text_fails_no_event(folder: Thumbnails) -> None:
    """A caller's mistake loses a picture or its name, and nothing else."""
    assert folder.save(None, WHEN) is None  # type: ignore[arg-type]  # that is the mistake
    fact = folder.save(FRAME, None)  # type: ignore[arg-type]  # that is the mistake
    assert fact is not None
    assert fact.path == f"thumbnails/{FALLBACK}.jpg"


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_disk_that_fails_answers_none_and_leaves_nothing(
    folder: Thumbnails,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    error: int,
) -> None:
    """A full or broken disk loses the picture, says so in one line, and leaves no half of it."""
    folder.ensure()

    def failing(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error), "/a/secret/path")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        assert folder.save(FRAME, WHEN) is None
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [f"thumbnail not saved: {os.strerror(error)}"]
    assert list(folder.folder.iterdir()) == []
    assert saved(folder).path == "thumbnails/2026-02-25T10-30-00.jpg"


def test_a_folder_that_is_taken_away_is_made_again(folder: Thumbnails) -> None:
    """A picture that comes before the folder, or after it was removed, makes it."""
    file_of(folder, saved(folder)).unlink()
    folder.folder.rmdir()
    assert folder.check(saved(folder)) is None


def test_ensure_makes_the_folder_and_those_above_it(tmp_path: Path) -> None:
    """A second time it changes nothing, and what is in the folder stays."""
    folder = Thumbnails(tmp_path / "usb" / "door" / "thumbnails")
    folder.ensure()
    fact = saved(folder)
    folder.ensure()
    assert folder.check(fact) is None


@pytest.mark.parametrize(
    ("error", "named"),
    [(errno.ENOSPC, DiskFull), (errno.EROFS, ReadOnly), (errno.EACCES, ReadOnly), (5, DiskFailure)],
)
def test_a_folder_that_can_not_be_made_is_a_named_error(
    folder: Thumbnails, monkeypatch: pytest.MonkeyPatch, error: int, named: type[DatabaseError]
) -> None:
    """The disk is the culprit, and the error says how."""

    def failing(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(Path, "mkdir", failing)
    with pytest.raises(named):
        folder.ensure()
