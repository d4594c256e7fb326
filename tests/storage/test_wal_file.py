"""What the disk lacks of the WAL is written again, and nothing that it holds is written over."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.storage import wal_file

PAGE = 2048
FRAME = 24 + PAGE
SALTS = b"saltsalt"


def frame(fill: bytes) -> bytes:
    """A frame of this generation, with nothing true in it but its salts."""
    return bytes(8) + SALTS + bytes(8) + fill * PAGE


def make_wal(folder: Path, *fills: bytes) -> Path:
    """A WAL with one frame for each byte."""
    wal = folder / "events.db-wal"
    header = bytes.fromhex("377f0682") + bytes(4) + PAGE.to_bytes(4) + bytes(4) + SALTS + bytes(8)
    wal.write_bytes(header + b"".join(map(frame, fills)))
    return wal


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The ranges that are written from here on."""
    ranges: list[tuple[int, int]] = []
    pwrite = os.pwrite

    def spy(fd: int, data: bytes, offset: int) -> int:
        ranges.append((offset, offset + len(data)))
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", spy)
    return ranges


def show_disk(monkeypatch: pytest.MonkeyPatch, alter: Callable[[int, bytes], bytes]) -> None:
    """Let the disk hold what `alter` makes of what the cache holds at an offset."""
    monkeypatch.setattr(
        wal_file, "read_disk", lambda fd, _wal, at, size: alter(at, os.pread(fd, size, at))
    )


def test_what_the_disk_holds_is_not_written_again(
    tmp_path: Path, written: list[tuple[int, int]]
) -> None:
    """Where cache and disk agree, not one byte of the WAL is written."""
    wal = make_wal(tmp_path, b"a", b"b")
    before = wal.read_bytes()
    assert wal_file.write_missing(wal) == 0
    assert written == []
    assert wal.read_bytes() == before


def test_only_the_bytes_that_differ_are_written(
    tmp_path: Path, written: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of three frames did not reach the disk; the first two are not written again."""
    wal = make_wal(tmp_path, b"a", b"b", b"c")
    third = 32 + 2 * FRAME
    show_disk(monkeypatch, lambda at, shown: shown[: third - at] + bytes(len(shown) - third + at))
    assert wal_file.write_missing(wal) > PAGE
    assert written
    assert min(start for start, _ in written) >= third
    assert max(end for _, end in written) <= third + FRAME


def test_what_lies_behind_the_last_frame_is_left_alone(
    tmp_path: Path, written: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room behind this generation, and an empty WAL, are not compared."""
    wal = make_wal(tmp_path, b"a")
    with wal.open("ab") as file:
        file.write(bytes(10_000))
    end = 32 + FRAME
    show_disk(monkeypatch, lambda at, shown: shown[: end - at] + b"x" * (len(shown) - end + at))
    assert wal_file.write_missing(wal) == 0
    wal.write_bytes(b"")
    assert wal_file.write_missing(wal) == 0
    wal.unlink()
    assert wal_file.write_missing(wal) == 0
    assert written == []


def test_a_file_system_without_direct_reads_is_read_past_its_cache(
    tmp_path: Path, written: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where O_DIRECT is refused, the cache is dropped, and the WAL reads as before."""

    def refuse(*_: object) -> bytes:
        raise OSError(errno.EINVAL, "no O_DIRECT here")

    dropped = []
    monkeypatch.setattr(wal_file, "_read_direct", refuse)
    monkeypatch.setattr(os, "posix_fadvise", lambda *call: dropped.append(call))
    wal = make_wal(tmp_path, b"a", b"b")
    assert wal_file.write_missing(wal) == 0
    assert dropped
    assert written == []


def test_a_disk_that_can_not_be_read_is_an_error(
    tmp_path: Path, written: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unreadable disk and one that answers with too little write nothing."""
    wal = make_wal(tmp_path, b"a")
    show_disk(monkeypatch, lambda _, shown: shown[:-1])
    with pytest.raises(OSError, match="less than the file holds"):
        wal_file.write_missing(wal)
    assert written == []


def test_an_earlier_failure_that_is_reported_late_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sync reports what an earlier process's write cost; the second one counts."""
    wal = make_wal(tmp_path, b"a")
    errors = [OSError(errno.EIO, "Input/output error")]

    def fdatasync(_: int) -> None:
        if errors:
            raise errors.pop()

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    assert wal_file.write_missing(wal) == 0
    errors[:] = [OSError(errno.EIO, "Input/output error")] * 2
    with pytest.raises(OSError, match="Input/output"):
        wal_file.write_missing(wal)
