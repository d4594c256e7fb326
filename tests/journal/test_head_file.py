"""The head file says what was written last, or that it can't be told.

Where its parts lie, `test_format.py` holds against the page that promises it.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.journal.head_file import (
    SIZE,
    BadHeadFile,
    HeadFile,
    HeadMark,
    judge,
    pack,
    read_head,
    unpack,
)
from eventlog.storage.paths import head_path
from tests.support.logs import flip

MARK: Final = HeadMark(bytes(range(16)), 1000, 990, bytes(range(32)))
POSITIONS: Final = st.integers(min_value=0, max_value=2**63 - 1)
MARKS: Final = st.builds(
    HeadMark,
    log_id=st.binary(min_size=16, max_size=16),
    position=POSITIONS,
    durable_position=POSITIONS,
    hash=st.binary(min_size=32, max_size=32),
)


@given(mark=MARKS)
def test_a_head_reads_back_as_it_was_written(mark: HeadMark) -> None:
    """Whatever log, positions and hash it names."""
    data = pack(mark)
    assert len(data) == SIZE
    assert unpack(data) == mark


def test_every_flipped_bit_is_found() -> None:
    """No flipped bit gives another valid head."""
    data = pack(MARK)
    for bit in range(len(data) * 8):
        with pytest.raises(BadHeadFile):
            unpack(flip(data, bit))


@pytest.mark.parametrize("size", [0, 1, 16, SIZE // 2, SIZE - 1])
def test_a_cut_file_is_no_head(size: int) -> None:
    """A write that a power cut tore leaves no half head that is believed."""
    with pytest.raises(BadHeadFile):
        unpack(pack(MARK)[:size])
    with pytest.raises(BadHeadFile):
        unpack(pack(MARK)[:size] + bytes(SIZE - size))


def test_more_than_a_head_is_no_head() -> None:
    """Bytes after the head were not written by this program."""
    with pytest.raises(BadHeadFile):
        unpack(pack(MARK) + b"\0")


def test_a_head_of_another_format_says_so() -> None:
    """Its checksum is right, its first bytes are a later program's."""
    fields = bytearray(pack(MARK)[:-32])
    fields[14:15] = b"2"
    with pytest.raises(BadHeadFile, match="another format"):
        unpack(bytes(fields) + sha256(fields).digest())


def test_a_log_without_a_head_file_has_no_mark(tmp_path: Path) -> None:
    """It is not an error that it is missing."""
    assert read_head(tmp_path / "door.db") is None


def test_each_write_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """The file stays as long as one head, and is its owner's alone."""
    path = tmp_path / "door.db"
    file = HeadFile(path)
    for position in range(5):
        mark = HeadMark(MARK.log_id, position, position, MARK.hash)
        file.write(mark)
        assert read_head(path) == mark
    file.close()
    file.close()
    assert head_path(path).stat().st_size == SIZE
    assert head_path(path).stat().st_mode & 0o777 == 0o600


def test_opening_the_head_file_keeps_what_it_says(tmp_path: Path) -> None:
    """A start that writes nothing changes nothing."""
    path = tmp_path / "door.db"
    for mark in (MARK, None):
        file = HeadFile(path)
        if mark is not None:
            file.write(mark)
        file.close()
    assert read_head(path) == MARK


@pytest.mark.parametrize(("position", "state"), [(0, "whole"), (7, "foreign")])
def test_a_head_of_another_log_counts_where_it_knows_of_records(position: int, state: str) -> None:
    """A head of no records proves no loss: an import that was killed leaves one."""
    mark = HeadMark(bytes(16), position, position, bytes(32))
    judgement = judge(mark, log_id=bytes(range(16)), end=9, hash_at=bytes(range(32)))
    assert judgement.state == state
