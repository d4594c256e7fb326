"""`DB_PATH.heads`: a year of heads stays small and quick, and is thinned to one an hour."""

from __future__ import annotations

from pathlib import Path

from eventlog.evidence import heads_file
from eventlog.evidence import note as notes
from eventlog.evidence.ed25519 import SeedSigner
from eventlog.evidence.note import Note
from eventlog.evidence.signed_heads import LogName, head_text

HOUR_US = 3_600_000_000
NAME = str(LogName(bytes(16)))
YEAR = 8760


def note(size: int) -> Note:
    """A signed head of so many records."""
    text = head_text(NAME, size, size.to_bytes(32))
    return Note(text, (notes.sign(text, NAME, SeedSigner(bytes(32))),))


def test_a_year_of_heads_is_small_and_read_at_once(tmp_path: Path) -> None:
    """8,760 heads are 3 MB at most, each is genuine, and the newest is found at the file's end."""
    path = tmp_path / "events.db.heads"
    path.write_bytes(b"".join(note(size).encode() for size in range(1, YEAR + 1)))
    assert path.stat().st_size < 3_000_000
    heads = heads_file.read_heads(path)
    assert [head.size for head in heads] == list(range(1, YEAR + 1))
    last = heads_file.last_head(path)
    assert last is not None
    assert last.size == YEAR
    heads_file.append_head(path, note(YEAR + 1))
    assert len(heads_file.read_heads(path)) == YEAR + 1


def test_heads_older_than_a_week_are_thinned_to_one_an_hour(tmp_path: Path) -> None:
    """Of a head every ten minutes the last of each old hour stays, and all of this week."""
    path = tmp_path / "events.db.heads"
    sizes = range(1, 20 * 24 * 6 + 1)  # twenty days
    path.write_bytes(b"".join(note(size).encode() for size in sizes))
    now_us = len(sizes) * HOUR_US // 6

    def appended_at_us(size: int) -> int:
        return size * HOUR_US // 6

    gone = heads_file.thin(path, now_us, appended_at_us)
    kept = [head.size for head in heads_file.read_heads(path)]
    assert gone == len(sizes) - len(kept)
    week = [size for size in sizes if now_us - appended_at_us(size) <= 7 * 24 * HOUR_US]
    assert kept[-len(week) :] == week
    old = kept[: -len(week)]
    hours = [appended_at_us(size) // HOUR_US for size in old]
    assert len(hours) == len(set(hours))
    assert heads_file.thin(path, now_us, appended_at_us) == 0


def test_a_torn_end_is_no_head_and_takes_none_with_it(tmp_path: Path) -> None:
    """What a power cut tears is passed over, and the next head is found behind it."""
    path = tmp_path / "events.db.heads"
    heads_file.append_head(path, note(1))
    with path.open("ab") as file:
        file.write(note(2).encode()[:60])
    heads_file.append_head(path, note(3), outside=True)
    assert [head.size for head in heads_file.read_heads(path)] == [1, 3]
