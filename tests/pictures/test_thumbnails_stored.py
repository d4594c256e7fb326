"""Pictures in the folder are found, described and checked."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from pathlib import Path

import pytest

from eventlog.facts import ThumbnailSaved
from eventlog.pictures import thumbnails
from eventlog.pictures.thumbnails import Thumbnails
from tests.pictures.thumbnails_folder import file_of, saved


@pytest.fixture
def folder(tmp_path: Path) -> Thumbnails:
    """A folder that is not made yet."""
    return Thumbnails(tmp_path / "thumbnails")


def test_only_a_plain_file_right_in_the_folder_is_found(folder: Thumbnails, tmp_path: Path) -> None:
    """No link, folder, hidden file, other folder or way around leads anywhere."""
    fact = saved(folder)
    (tmp_path / "x.jpg").write_bytes(b"outside")
    (folder.folder / "link.jpg").symlink_to(tmp_path / "x.jpg")
    (folder.folder / "sub.jpg").mkdir()
    (folder.folder / "sub.jpg" / "y.jpg").write_bytes(b"deep")
    (folder.folder / ".hidden.jpg").write_bytes(b"hidden")
    os.mkfifo(folder.folder / "pipe.jpg")
    assert folder.find(fact.path) == folder.folder / "2026-02-25T10-30-00.jpg"
    own = fact.path.removeprefix("thumbnails/")
    refused = (
        *("", "/", "thumbnails", "thumbnails/", "thumbnails/.", "thumbnails/..", own, f"/{own}"),
        *("thumbnails/../x.jpg", "../x.jpg", str(tmp_path / "x.jpg")),
        *(f"thumbnails/../thumbnails/{own}", f"./thumbnails/{own}", f"thumbnails//{own}"),
        *("thumbnails/link.jpg", "thumbnails/sub.jpg", "thumbnails/sub.jpg/y.jpg"),
        *(
            "thumbnails/.hidden.jpg",
            "thumbnails/pipe.jpg",
            f"thumbnails/{own}\0",
            "thumbnails/\ud800",
        ),
        "thumbnails/" + "x" * 5_000,
    )
    assert [path for path in refused if folder.find(path) is not None] == []
    assert folder.find(7) is None  # type: ignore[arg-type]  # a caller's mistake


def test_a_picture_is_described_as_it_was_saved(folder: Thumbnails) -> None:
    """Who only has the path gets the same fact."""
    fact = saved(folder)
    assert folder.describe(fact.path) == fact


def test_a_description_is_bare_where_no_file_lies_in_the_folder(
    folder: Thumbnails, tmp_path: Path
) -> None:
    """A foreign path is kept unchanged, and no file outside the folder is read."""
    (tmp_path / "x.jpg").write_bytes(b"outside")
    folder.ensure()
    for path in ("thumbnails/none.jpg", "../x.jpg", str(tmp_path / "x.jpg"), "https://door/x.jpg"):
        assert folder.describe(path) == ThumbnailSaved(path=path)


def test_a_file_that_is_no_picture_is_described_without_pixels(folder: Thumbnails) -> None:
    """The digest and the bytes are known, the width and height are not."""
    folder.ensure()
    (folder.folder / "note.txt").write_bytes(b"not a picture")
    fact = folder.describe("thumbnails/note.txt")
    assert fact.sha256 == hashlib.sha256(b"not a picture").digest()
    assert (fact.size_bytes, fact.width_px, fact.height_px) == (13, None, None)


def test_every_flipped_bit_makes_a_picture_damaged(folder: Thumbnails) -> None:
    """Of 400 pictures with one bit flipped, 400 are found; the original is accepted."""
    fact = saved(folder)
    path = file_of(folder, fact)
    whole = path.read_bytes()
    chance = random.Random(400)
    for _ in range(400):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        assert folder.check(fact) == "damaged"
    path.write_bytes(whole[:-1])
    assert folder.check(fact) == "damaged"
    path.write_bytes(whole)
    assert folder.check(fact) is None


def test_a_picture_that_is_gone_is_missing(folder: Thumbnails, tmp_path: Path) -> None:
    """Removed, or a link in its place, though it leads to the same bytes."""
    fact = saved(folder)
    path = file_of(folder, fact)
    path.rename(tmp_path / "moved.jpg")
    assert folder.check(fact) == "missing"
    path.symlink_to(tmp_path / "moved.jpg")
    assert folder.check(fact) == "missing"


def test_a_picture_without_a_digest_is_only_looked_for(folder: Thumbnails) -> None:
    """An adopted history knows paths alone."""
    bare = ThumbnailSaved(path=saved(folder).path)
    assert folder.check(bare) is None
    file_of(folder, bare).unlink()
    assert folder.check(bare) == "missing"


def test_a_picture_that_can_not_be_read_is_damaged_and_described_bare(
    folder: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken sector stops neither a check of the folder nor an append."""
    fact = saved(folder)

    def failing(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(thumbnails, "open_plain", failing)
    assert folder.check(fact) == "damaged"
    assert folder.describe(fact.path) == ThumbnailSaved(path=fact.path)


def test_a_picture_that_goes_while_it_is_looked_at_is_missing(
    folder: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding and opening a file, another process may remove it."""
    fact = saved(folder)

    def gone(path: Path) -> None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    monkeypatch.setattr(thumbnails, "open_plain", gone)
    assert folder.check(fact) == "missing"
