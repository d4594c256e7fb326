"""The pages: what each says of the log, and that every text of it stays text."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from eventlog.dashboard.server.view_lag import STALE_S, ViewLag, Watch
from eventlog.facts import (
    AlertSent,
    Box,
    Detection,
    Ding,
    FaceResult,
    Motion,
    PersonNamed,
    ThumbnailSaved,
    UnlockAction,
)
from eventlog.sources.simulator.drawings import Scene, draw
from tests.dashboard.house import AT, VISIT, House, open_house

pytestmark = pytest.mark.anyio

HTML = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</title><svg onload=alert(1)>",
    "{{7*7}}",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "\u202egnp.exe",
]


async def picture(house: House, *facts: FaceResult | Detection) -> ThumbnailSaved:
    """Event 1, with a picture of 480 by 270 pixels and further facts."""
    frame = draw(Scene(12, ("person",), 7))
    saved = await house.site.thumbnails.save_async(frame, AT.isoformat())
    assert saved is not None
    await house.append(Ding(camera_id="front_door", recorded_at=AT), saved, *facts)
    return saved


def file_of(house: House, saved: ThumbnailSaved) -> Path:
    """The path of a picture."""
    return house.site.settings.thumbnails_dir / saved.path.removeprefix("thumbnails/")


@pytest.mark.parametrize("text", HTML)
async def test_html_in_a_name_is_shown_as_text(house: House, text: str) -> None:
    """In every field that holds a text, on every page."""
    await house.append(
        Ding(camera_id=text, recorded_at=AT, recording_id=text),
        Detection(label=text, confidence=0.5, model=text, box=Box(x1=1, y1=1, x2=9, y2=9)),
        FaceResult(name=text, distance=0.5, tolerance=0.6, model=text),
        UnlockAction(granted=True, person=text, rule=text, actor=text, door_id=text),
        AlertSent(channel=text),
        key=text,
    )
    await house.append(PersonNamed(name=text, display_name=text))
    async with await house.signed_in() as client:
        for path in ("/", "/events/1", "/people", "/unlocks", "/status"):
            asked = {"person": text} if path == "/" else {}
            page = await client.get(path, params=asked, follow_redirects=True)
            assert page.status_code == 200
            if "<" in text:
                assert text not in page.text
            assert "49" not in re.findall(r"<h[123][^>]*>(.*?)</h", page.text)


async def test_the_timeline_shows_a_card_for_each_event(house: House) -> None:
    """Who, where, what was seen, what the door did, and when, with its offset."""
    await house.append(*VISIT)
    await house.append(PersonNamed(name="ada", display_name="Ada"))
    await house.append(Motion(camera_id="garden", recorded_at=AT + timedelta(minutes=1)))
    async with await house.signed_in() as client:
        page = (await client.get("/")).text
    assert page.index("Something moved") < page.index("Ada rang")
    assert "Unlocked" in page
    assert 'datetime="2026-02-25T10:30:00Z"' in page
    assert "Wednesday, 25 February 2026" in page


async def test_scrolling_goes_on_to_the_beginning(house: House) -> None:
    """Each event once, newest first, a day's title once, through every page."""
    for number in range(95):
        at = AT + timedelta(hours=number)
        await house.site.store.append(Motion(camera_id="front_door", recorded_at=at))
    await house.site.store.caught_up(95)
    async with await house.signed_in() as client:
        seen: list[int] = []
        titles: list[str] = []
        path: str | None = "/"
        while path:
            page = (await client.get(path)).text
            seen += [int(found) for found in re.findall(r'data-id="(\d+)"', page)]
            titles += re.findall(r"<h2>(.*?)</h2>", page)
            more = re.search(r'data-more="([^"]+)"', page)
            path = None if more is None else more[1].replace("&amp;", "&")
    assert seen == list(range(95, 0, -1))
    assert len(titles) == len(set(titles)) == 5


async def test_a_filters_day_is_the_doors(tmp_path: Path) -> None:
    """In Berlin a visit at 23:30 UTC belongs to the next day."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
        await house.append(Motion(camera_id="front_door", recorded_at=late))
        async with await house.signed_in() as client:
            assert 'id="event-1"' not in (await client.get("/?day=2026-07-01")).text
            assert 'id="event-1"' in (await client.get("/?day=2026-07-02")).text


async def test_live_cards_are_those_that_the_filter_shows(house: House) -> None:
    """A page that shows strangers only is not sent Ada."""
    await house.append(*VISIT)
    await house.append(
        Motion(camera_id="front_door", recorded_at=AT), FaceResult(distance=0.8, tolerance=0.6)
    )
    async with await house.signed_in() as client:
        for query, shown in (
            ("", ["1", "2"]),
            ("stranger=1&", ["2"]),
            ("person=ada&", ["1"]),
            ("label=person&", ["1"]),
            ("outcome=granted&", ["1"]),
            ("type=motion&", ["2"]),
            ("camera=garden&", []),
            ("day=2026-02-24&", []),
        ):
            page = (await client.get(f"/timeline/live?{query}ids=1,2,3&position=6")).text
            assert sorted(re.findall(r'data-id="(\d+)"', page)) == shown, query
        too_many = ",".join(map(str, range(1, 100)))
        assert (await client.get(f"/timeline/live?ids={too_many}")).status_code == 400
        assert (await client.get("/timeline/live?ids=1;2")).status_code == 400


async def test_the_event_says_why_the_door_opened(house: House) -> None:
    """The sentence, the story in order, the scale, the raw facts with position and hash."""
    await house.append(*VISIT)
    row = (await house.site.pages.story(1))[2]
    async with await house.signed_in() as client:
        page = (await client.get("/events/1")).text
        assert (await client.get("/events/2")).status_code == 404
    assert "The door was unlocked for ada" in page
    assert page.index("Somebody rang") < page.index("Seen: person") < page.index("Face: ada")
    assert 'aria-label="Distance 0.38 on a scale with the tolerance at 0.6"' in page
    assert row.hash.hex() in page
    assert "No picture was saved." in page


async def test_boxes_lie_where_the_detections_say(house: House) -> None:
    """Pixels as they are, fractions of the picture's size; half a box is not drawn."""
    await picture(
        house,
        Detection(label="person", confidence=0.9, box=Box(x1=10, y1=20, x2=110, y2=220)),
        Detection(
            label="cat", confidence=0.8, box=Box(x1=0.5, y1=0.5, x2=1.0, y2=1.0, unit="fractions")
        ),
        Detection(label="car", confidence=0.7, box=Box(x1=None, y1=0, x2=1, y2=1)),
        Detection(label="bus", confidence=0.7, box=Box(x1=900, y1=900, x2=950, y2=950)),
        FaceResult(distance=0.9, box=Box(x1=40, y1=30, x2=5000, y2=60)),
    )
    async with await house.signed_in() as client:
        page = (await client.get("/events/1")).text
    assert 'viewBox="0 0 480 270"' in page
    drawn = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" data-label="([^"]+)"',
        page,
    )
    assert [(*map(float, box[:4]), box[4]) for box in drawn] == [
        (10.0, 20.0, 100.0, 200.0, "person 90 %"),
        (240.0, 135.0, 240.0, 135.0, "cat 80 %"),
        (40.0, 30.0, 440.0, 30.0, "stranger"),
    ]


async def test_a_picture_is_shown_as_it_was_recorded(house: House) -> None:
    """JPEG, named by its event, revalidated by its digest."""
    saved = await picture(house)
    async with await house.signed_in() as client:
        answer = await client.get("/events/1/picture")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content == file_of(house, saved).read_bytes()
        tag = answer.headers["etag"]
        again = await client.get("/events/1/picture", headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/events/9/picture")).status_code == 404


async def test_a_list_shows_small_pictures_that_a_browser_keeps(house: House) -> None:
    """256 pixels at most, from an address that names the picture; a damaged one is not shown."""
    saved = await picture(house)
    async with await house.signed_in() as client:
        page = (await client.get("/")).text
        (address,) = re.findall(r'src="(/events/1/card/[0-9a-f]{16})"', page)
        answer = await client.get(address, headers={"accept": "image/avif,image/webp,*/*;q=0.8"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept"
        assert Image.open(io.BytesIO(answer.content)).size == (256, 144)
        file = file_of(house, saved)
        kept = file.with_name(f"{file.stem}.card.webp").read_bytes()
        assert kept.startswith(answer.content)
        older = await client.get(address)
        assert older.headers["content-type"] == "image/jpeg"
        assert older.content == (await client.get(address.replace("card", "small"))).content
        assert (await client.get("/events/1/card/0123456789abcdef")).status_code == 404
        file.write_bytes(file.read_bytes()[:-1])
        spoilt = await client.get(address)
        assert (spoilt.status_code, ">damaged<" in spoilt.text) == (404, True)


async def test_a_small_picture_has_320_pixels_at_most(house: House) -> None:
    """For the page of faces, and for a browser without WebP; kept next to the picture."""
    saved = await picture(house)
    async with await house.signed_in() as client:
        page = (await client.get("/")).text
        (key,) = re.findall(r'src="/events/1/card/([0-9a-f]{16})"', page)
        address = f"/events/1/small/{key}"
        answer = await client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        image = Image.open(io.BytesIO(answer.content))
        assert max(image.size) == 320
        file = file_of(house, saved)
        assert file.with_name(f"{file.stem}.320.jpg").read_bytes() == answer.content
        assert (await client.get("/events/1/small/0123456789abcdef")).status_code == 404
        assert (await client.get("/events/9/small/0123456789abcdef")).status_code == 404
        file.write_bytes(file.read_bytes()[:-1])
        spoilt = await client.get(address)
        assert (spoilt.status_code, ">damaged<" in spoilt.text) == (404, True)
        assert "immutable" not in spoilt.headers.get("cache-control", "")


async def test_a_damaged_picture_is_never_shown(house: House) -> None:
    """400 flipped bits, each in another place: the page says damaged, and no byte of it leaves."""
    saved = await picture(house)
    file = file_of(house, saved)
    whole = file.read_bytes()
    async with await house.signed_in() as client:
        for spoilt in flips(whole, 400):
            file.write_bytes(spoilt)
            answer = await client.get("/events/1/picture")
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "image/svg+xml"
            assert ">damaged<" in answer.text
        assert "The picture is damaged" in (await client.get("/events/1")).text
        file.unlink()
        assert ">missing<" in (await client.get("/events/1/picture")).text
        assert "The picture is missing" in (await client.get("/events/1")).text


def flips(data: bytes, count: int) -> Iterator[bytes]:
    """The data with one bit flipped, at so many places along it."""
    for number in range(count):
        bit = number * (len(data) * 8 - 1) // (count - 1)
        spoilt = bytearray(data)
        spoilt[bit // 8] ^= 1 << bit % 8
        yield bytes(spoilt)


async def test_no_picture_leaves_from_outside_the_folder(house: House, tmp_path: Path) -> None:
    """A fact may name any path, and a symbolic link may are in the folder."""
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"\xff\xd8\xff secret")
    (house.site.settings.thumbnails_dir / "link.jpg").symlink_to(secret)
    paths = ["../secret.jpg", "thumbnails/../secret.jpg", str(secret), "thumbnails/link.jpg"]
    async with await house.signed_in() as client:
        for path in [*paths, "thumbnails/..", "thumbnails/\0", "other/link.jpg"]:
            saved = ThumbnailSaved(path=path)
            receipt = await house.append(Ding(camera_id="front_door", recorded_at=AT), saved)
            answer = await client.get(f"/events/{receipt.event_id}/picture")
            assert answer.status_code == 404
            assert b"secret" not in answer.content


async def test_people_show_visits_and_hours_and_take_a_name(house: House) -> None:
    """A name that is given is appended as a fact; an empty one takes it away."""
    now = house.site.now - timedelta(hours=1)
    for _ in range(3):
        await house.append(
            Ding(camera_id="front_door", recorded_at=now), FaceResult(name="ada", distance=0.3)
        )
    async with await house.signed_in() as client:
        page = (await client.get("/people")).text
        assert "<strong>3</strong> visits" in page
        assert f"{now:%a} {now:%H}:00: 3" in page
        for given, shown in (
            ("Ada <b>", "<bdi>Ada &lt;b&gt; (recorded as ada)</bdi>"),
            ("", "ada"),
        ):
            form = {"name": "ada", "display_name": given}
            assert (await client.post("/people/name", data=form)).status_code == 303
            assert f">{shown}</a></h2>" in (await client.get("/people")).text
        bad = {"name": "", "display_name": "x"}
        assert (await client.post("/people/name", data=bad)).status_code == 400
    assert await house.site.pages.last_position() == 8


async def test_people_are_paged_by_name(house: House) -> None:
    """Each person once, through every page."""
    await house.append(*(PersonNamed(name=f"p{number:02}") for number in range(45)))
    async with await house.signed_in() as client:
        seen: list[str] = []
        path: str | None = "/people"
        while path:
            page = (await client.get(path)).text
            seen += re.findall(r'name="name" value="([^"]+)"', page)
            more = re.search(r'href="(/people\?after=[^"]+)"', page)
            path = None if more is None else more[1]
    assert seen == [f"p{number:02}" for number in range(45)]


async def test_unlocks_show_refused_tries_too(house: House) -> None:
    """With who asked, the rule and the event."""
    await house.append(*VISIT)
    await house.append(UnlockAction(granted=False, actor="keypad", rule="wrong code"))
    async with await house.signed_in() as client:
        page = (await client.get("/unlocks")).text
        refused = (await client.get("/unlocks?outcome=refused")).text
    assert "Granted" in page
    assert "wrong code" in page
    assert 'href="/events/1"' in page
    assert 'href="/events/1"' not in refused


async def test_health_says_what_an_owner_wants_to_know(house: House) -> None:
    """Head, views, cameras, disk; what verify said is read from next to the log."""
    await house.append(Ding(camera_id="front_door", recorded_at=datetime.now(UTC)), *VISIT[1:])
    path = house.site.settings.db_path
    now = datetime.now(UTC).isoformat()
    path.with_name("events.db.verified").write_text(
        f'{{"at": "{now}", "ok": true, "said": "4 records, nothing wrong"}}'
    )
    async with await house.signed_in() as client:
        page = (await client.get("/status")).text
        path.with_name("events.db.verified").write_text("{}")
        assert "eventlog verify" in (await client.get("/status")).text
    assert "All is well." in page
    assert "4 records, nothing wrong" in page
    assert "up to date" in page
    assert "last event <time" in page


async def test_metrics_speak_prometheus(house: House) -> None:
    """A read token gets the figures."""
    await house.append(*VISIT)
    async with await house.program("read") as program:
        answer = await program.get("/metrics")
    text = answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "eventlog_head_position 4.0" in text
    assert 'eventlog_view_lag_records{view="events"} 0.0' in text
    assert "eventlog_healthy 1.0" in text
    assert "eventlog_http_response_seconds_bucket" in text


async def test_a_monitor_is_told_when_the_log_does_not_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 and one word, nothing of why."""

    async def never(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(house.site.figures, "run", never)
    async with house.client() as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.text) == (503, "stuck")


def test_a_view_that_stands_still_is_seen() -> None:
    """One that lags and moves is only busy; one that lags and does not move is not."""
    watch = Watch()
    for at in range(100):
        assert not watch.stands_still(ViewLag(1000, {"events": at}, {}), float(at))
    assert not watch.stands_still(ViewLag(1000, {"events": 99}, {}), 99 + STALE_S)
    assert watch.stands_still(ViewLag(1000, {"events": 99}, {}), 100 + STALE_S)
    assert not watch.stands_still(ViewLag(1000, {"events": 1000}, {}), 200 + STALE_S)


async def test_a_token_is_shown_once(house: House) -> None:
    """On the page that answers its making; it works, and can be revoked."""
    async with await house.signed_in() as client:
        form = {"name": "pipeline", "read": "on"}
        made = await client.post("/account/tokens", data=form)
        found = re.search(r"evl_[\w-]{43}", made.text)
        assert found is not None
        assert found[0] not in (await client.get("/account")).text
        again = await client.post("/account/tokens", data=form)
        assert again.status_code == 400
        assert "already" in again.text
        async with house.client(authorization=f"Bearer {found[0]}") as program:
            assert (await program.get("/api/events")).status_code == 200
            await client.post("/account/tokens/1/revoke")
            assert (await program.get("/api/events")).status_code == 401


async def test_static_files_are_ours_only(house: House) -> None:
    """By name from the package; a path is not a name."""
    async with house.client() as client:
        page = (await client.get("/login")).text
        for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
            answer = await client.get(address)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
        for name in ("../app.py", "%2e%2e/app.py", "nothing.js", "..%2fapp.py"):
            assert (await client.get(f"/static/{name}")).status_code in {303, 404}
