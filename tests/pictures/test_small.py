"""The small rendition of a picture: made once, of the present picture, and deleted with it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from eventlog.facts import ThumbnailSaved
from eventlog.pictures import small
from eventlog.pictures.thumbnails import Thumbnails
from tests.pictures.hostile_frames import encoded, jpeg, scene

WHEN = "2026-02-25T10:30:00"


def _saved(folder: Thumbnails, size: tuple[int, int] = (1920, 1080)) -> tuple[Path, bytes]:
    fact = folder.save(encoded(Image.effect_noise(size, 40), "JPEG"), WHEN)
    assert isinstance(fact, ThumbnailSaved)
    path = folder.find(fact.path)
    assert path is not None
    return path, path.read_bytes()


def _opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content), formats=("JPEG",))
    image.load()
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Thumbnails:
    """An empty folder of thumbnails."""
    return Thumbnails(tmp_path / "thumbnails")


@pytest.mark.parametrize(
    ("size", "shown"),
    [((1920, 1080), (320, 180)), ((1080, 1920), (180, 320)), ((64, 48), (64, 48))],
)
def test_a_small_rendition_has_320_pixels_at_most(
    folder: Thumbnails, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    """On its longer side, in the proportions of the picture; it is never made larger."""
    path, picture = _saved(folder, size)
    made = small.small_jpeg(path, picture)
    assert _opened(made).size == shown
    assert len(made) < 100_000
    assert path.read_bytes() == picture


def test_it_is_made_once(folder: Thumbnails, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time it is read from its file."""
    path, picture = _saved(folder)
    made = small.small_jpeg(path, picture)
    monkeypatch.setattr(small, "_made", lambda *_: b"made again")
    assert small.small_jpeg(path, picture) == made
    assert sorted(file.name for file in folder.folder.iterdir()) == [
        "2026-02-25T10-30-00.320.jpg",
        "2026-02-25T10-30-00.jpg",
    ]


@pytest.mark.parametrize("damage", [0, 3, 40, 80, -1])
def test_a_damaged_one_is_made_anew(folder: Thumbnails, damage: int) -> None:
    """It says what its bytes should be: one that rotted is not shown."""
    path, picture = _saved(folder)
    made = small.small_jpeg(path, picture)
    file = path.with_name(small.name_for(path.name))
    rotten = bytearray(made)
    rotten[damage] ^= 1
    file.write_bytes(rotten)
    assert small.small_jpeg(path, picture) == made
    assert file.read_bytes() == made


def test_one_of_another_picture_is_made_anew(folder: Thumbnails) -> None:
    """The picture's digest is in it."""
    path, picture = _saved(folder)
    first = small.small_jpeg(path, picture)
    other = jpeg(scene((640, 480)))
    second = small.small_jpeg(path, other)
    assert second != first
    assert _opened(second).size == (320, 240)


def test_a_folder_that_cant_be_written_costs_time_only(
    folder: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full or read-only disk it is made for each call."""
    path, picture = _saved(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(small, "replace", full)
    assert _opened(small.small_jpeg(path, picture)).size == (320, 180)
    assert len(list(folder.folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("size", "shown"),
    [((1920, 1080), (256, 144)), ((1080, 1920), (256, 144)), ((64, 48), (64, 36))],
)
def test_a_card_has_the_middle_of_a_picture(
    folder: Thumbnails, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    """In the card's proportions, as a WebP without metadata, and never made larger."""
    path, picture = _saved(folder, size)
    made = small.card_webp(path, picture)
    image = Image.open(io.BytesIO(made), formats=("WEBP",))
    image.load()
    assert image.size == shown
    assert (made[12:16], len(made)) == (b"VP8 ", 8 + int.from_bytes(made[4:8], "little"))


@pytest.mark.parametrize("damage", [0, 20, -1, -40, -65])
def test_a_card_is_made_once_and_a_damaged_one_anew(
    folder: Thumbnails, monkeypatch: pytest.MonkeyPatch, damage: int
) -> None:
    """What is kept ends with the digests of the picture and of itself."""
    path, picture = _saved(folder)
    made = small.card_webp(path, picture)
    file = path.with_name("2026-02-25T10-30-00.card.webp")
    kept = bytearray(file.read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(small, "_card", lambda *_: b"made again")
        assert small.card_webp(path, picture) == made
    kept[damage] ^= 1
    file.write_bytes(kept)
    assert small.card_webp(path, picture) == made
    other = jpeg(scene((640, 480)))
    assert small.card_webp(path, other) != made
    assert folder.remove(["thumbnails/2026-02-25T10-30-00.jpg"]) == 1
    assert list(folder.folder.iterdir()) == []


def test_what_is_no_picture_has_none(folder: Thumbnails) -> None:
    """A ValueError, and no file."""
    path, _ = _saved(folder)
    with pytest.raises(ValueError, match="can't be decoded"):
        small.small_jpeg(path, b"no picture")


def test_it_goes_with_its_picture(folder: Thumbnails) -> None:
    """Deleting a picture deletes its small rendition too."""
    path, picture = _saved(folder)
    small.small_jpeg(path, picture)
    assert folder.remove(["thumbnails/2026-02-25T10-30-00.jpg"]) == 1
    assert list(folder.folder.iterdir()) == []


def test_a_renamed_folder_keeps_its_pictures(folder: Thumbnails, tmp_path: Path) -> None:
    """They are found by their files' names in the folder that is given."""
    _, picture = _saved(folder)
    fact = folder.describe("thumbnails/2026-02-25T10-30-00.jpg")
    folder.folder.rename(tmp_path / "pictures of the door")
    renamed = Thumbnails(tmp_path / "pictures of the door")
    found = renamed.find(fact.path)
    assert found is not None
    assert found.read_bytes() == picture
    assert renamed.check(fact) is None
    assert renamed.describe(fact.path) == fact


@pytest.mark.parametrize(
    "path",
    ["x.jpg", "/etc/passwd", "../x.jpg", "a/b/x.jpg", "thumbnails/.x.jpg", "t/\0.jpg", "t/", 5],
)
def test_a_path_of_another_shape_names_no_picture(folder: Thumbnails, path: str) -> None:
    """A folder's name and a file's is what facts hold; nothing else leads anywhere."""
    _saved(folder)
    assert folder.find(path) is None


def test_a_face_is_kept_by_its_number_and_deleted_with_its_picture(folder: Thumbnails) -> None:
    """What is kept under a number belongs to those corners; more than are kept are made again."""
    path, picture = _saved(folder, (640, 360))
    first = small.face_jpeg(path, picture, 0, (10, 10, 110, 90))
    assert _opened(first).size == (100, 80)
    assert small.face_jpeg(path, picture, 0, (10, 10, 110, 90)) == first
    assert _opened(small.face_jpeg(path, picture, 0, (0, 0, 640, 360))).size == (320, 180)
    small.face_jpeg(path, picture, small.FACES_KEPT, (10, 10, 110, 90))
    assert len(list(folder.folder.iterdir())) == 2
    folder.remove([f"{folder.folder.name}/{path.name}"])
    assert list(folder.folder.iterdir()) == []
