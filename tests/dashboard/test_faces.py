"""Strangers as faces: crops of recorded boxes, and names that people give and take back."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import Final

import pytest
from PIL import Image

from eventlog.dashboard.pages import face_boxes
from eventlog.facts import Box, FaceResult, Motion, ThumbnailSaved
from tests.dashboard.house import AT, House

pytestmark = pytest.mark.anyio

RED: Final = (200, 20, 20)
BOX: Final = Box(x1=400, y1=100, x2=500, y2=220)


def frame() -> bytes:
    """A grey frame of 640 x 360 pixels with a red face in it."""
    image = Image.new("RGB", (640, 360), (120, 120, 120))
    image.paste(RED, (400, 100, 500, 220))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


async def stranger(house: House, *boxes: Box | None, name: str | None = None) -> ThumbnailSaved:
    """A visit of faces with these boxes, and its picture."""
    saved = await house.site.thumbnails.save_async(frame(), AT.isoformat())
    assert isinstance(saved, ThumbnailSaved)
    faces = [FaceResult(name=name, distance=0.7, tolerance=0.6, box=box) for box in boxes]
    await house.append(Motion(camera_id="front_door", recorded_at=AT), *faces, saved)
    return saved


def crops_in(page: str) -> list[str]:
    """The addresses of the crops on a page."""
    return re.findall(r'src="(/events/\d+/faces/\d+/[0-9a-f]{16})"', page)


async def test_a_strangers_face_is_cut_out_of_its_picture(house: House) -> None:
    """On both pages, in a picture that is kept and is mostly the face."""
    saved = await stranger(house, BOX)
    async with await house.signed_in() as client:
        (address,) = crops_in((await client.get("/faces")).text)
        assert crops_in((await client.get("/events/1")).text) == [address]
        answer = await client.get(address)
        assert answer.status_code == 200
        image = Image.open(io.BytesIO(answer.content)).convert("RGB")
        assert max(image.size) <= 320
        red, _, blue = image.getpixel((image.width // 2, image.height // 2))  # type: ignore[misc]  # three bands
        assert red > 150 > blue
        path = house.site.thumbnails.find(saved.path)
        assert path is not None
        kept = path.with_name(f"{path.stem}.face0.320.jpg")
        assert kept.read_bytes() == answer.content
        house.site.thumbnails.remove([saved.path])
        assert not kept.exists()
        assert (await client.get(address)).status_code == 404


async def test_only_faces_of_that_event_and_picture_are_cut_out(house: House) -> None:
    """Another record, event or picture has no crop; nor has a damaged picture."""
    saved = await stranger(house, BOX, None)
    async with await house.signed_in() as client:
        (address,) = crops_in((await client.get("/faces")).text)
        key = address.rpartition("/")[2]
        for other in (
            f"/events/1/faces/3/{key}",
            f"/events/1/faces/1/{key}",
            f"/events/9/faces/2/{key}",
            "/events/1/faces/2/0123456789abcdef",
            f"/events/{2**64}/faces/2/{key}",
        ):
            assert (await client.get(other)).status_code == 404
        path = house.site.thumbnails.find(saved.path)
        assert path is not None
        path.write_bytes(path.read_bytes()[:-1])
        spoilt = await client.get(address)
        assert (spoilt.status_code, ">damaged<" in spoilt.text) == (404, True)


async def test_a_person_says_who_it_is_and_takes_it_back(house: House) -> None:
    """By a fact with the face's box; the model's own result stays."""
    await stranger(house, BOX)
    async with await house.signed_in() as client:
        page = (await client.get("/faces")).text
        (face,) = re.findall(r'name="face" value="(\d+)"', page)
        form = {"name": " Bo ", "face": face, "back": "faces"}
        answer = await client.post("/events/1/name", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/faces")
        (event,) = (await client.get("/api/events")).json()["events"]
        assert event["person_name"] == "Bo"
        assert crops_in((await client.get("/faces")).text) == []
        faces = (await client.get("/api/events/1")).json()["faces"]
        assert [(one["name"], one["given_by"], one["box_x1"]) for one in faces] == [
            (None, None, 400.0),
            ("Bo", "person", 400.0),
        ]
        back = await client.post("/events/1/name", data={"name": ""})
        assert back.headers["location"] == "/events/1"
        (event,) = (await client.get("/api/events")).json()["events"]
        assert (event["person_name"], event["face_recognised"]) == (None, False)
        assert "said by a person" in (await client.get("/events/1")).text


async def test_a_model_that_was_wrong_is_corrected(house: House) -> None:
    """The name that a person gives wins over the one of a model, whatever its distance."""
    await stranger(house, BOX, name="eve")
    async with await house.signed_in() as client:
        await client.post("/events/1/name", data={"name": "ada"})
        (event,) = (await client.get("/api/events")).json()["events"]
        assert event["person_name"] == "ada"


async def test_a_face_without_a_box_is_shown_by_its_picture(house: House) -> None:
    """It says that it does not know where the face is."""
    await stranger(house, None)
    async with await house.signed_in() as client:
        page = (await client.get("/faces")).text
    assert crops_in(page) == []
    assert "/events/1/small/" in page
    assert "where the face is was not recorded" in page


async def test_only_an_owner_names_a_face(house: House) -> None:
    """A viewer sees the faces; what is no name is refused."""
    await stranger(house, BOX)
    async with await house.signed_in("guest", role="viewer") as client:
        page = (await client.get("/faces")).text
        assert crops_in(page)
        assert "/name" not in page
        assert (await client.post("/events/1/name", data={"name": "eve"})).status_code == 403
    async with await house.signed_in() as client:
        assert (await client.post("/events/1/name", data={"name": "x" * 65})).status_code == 400
        assert (await client.post("/events/7/name", data={"name": "ada"})).status_code == 404


async def test_a_name_in_the_list_of_names_is_escaped(house: House) -> None:
    """It can't end its attribute."""
    await stranger(house, BOX, name='"><b>eve')
    await house.append(
        Motion(camera_id="front_door", recorded_at=AT), FaceResult(name=None, distance=0.7)
    )
    async with await house.signed_in() as client:
        page = (await client.get("/faces")).text
    assert "<b>" not in page
    assert '"><b>eve' in unescape(page)


def test_a_box_of_a_larger_frame_is_scaled_to_the_picture() -> None:
    """Where the source says how large its frame was; fractions always fit."""
    large = Box(x1=800, y1=200, x2=1000, y2=440, frame_width=1280, frame_height=720)
    parts = Box(x1=400 / 640, y1=100 / 360, x2=500 / 640, y2=220 / 360, unit="fractions")
    expected = face_boxes.corners(BOX, 640, 360)
    assert expected == (348, 58, 552, 262)
    assert face_boxes.corners(large, 640, 360) == expected
    assert face_boxes.corners(parts, 640, 360) == expected


@pytest.mark.parametrize(
    "box",
    [
        Box(x1=None, y1=1, x2=2, y2=2),
        Box(x1=5, y1=5, x2=5, y2=9),
        Box(x1=-50, y1=-50, x2=-1, y2=-1),
        Box(x1=700, y1=10, x2=800, y2=90),
        Box(x1=1e308, y1=-1e308, x2=1e308, y2=1e308),
    ],
)
def test_a_box_without_a_place_in_the_picture_has_no_crop(box: Box) -> None:
    """Incomplete, empty, outside the picture, or far too large."""
    assert face_boxes.corners(box, 640, 360) is None
