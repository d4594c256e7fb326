"""The API: the same facts, keys and errors as in Python; ids as text; exports that are safe."""

from __future__ import annotations

import csv
import io
import os
from datetime import timedelta
from hashlib import sha256
from itertools import product
from typing import Any

import msgspec
import pytest

from eventlog import codecs
from eventlog.dashboard.accounts import tokens
from eventlog.dashboard.api.openapi import FACTS_EXAMPLE
from eventlog.dashboard.exports import csv_lines
from eventlog.facts import Ding, Motion, PersonNamed, ThumbnailSaved, UnlockAction
from eventlog.journal import table as journal
from eventlog.record import Author
from eventlog.sources.simulator.drawings import Scene, draw
from tests.dashboard.house import AT, VISIT, House

pytestmark = pytest.mark.anyio

BAD_QUERIES = [
    "limit=0",
    "limit=201",
    "limit=x",
    "limit=-1",
    "before=1",
    "before=2026-99-99T00:00:00~1",
    "day=2026-13-01",
    "day=20260101",
    "day=9999-12-31",
    "since=2026-01-01",
    "outcome=open",
    "type=x",
]
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE events; --",
    '" UNION SELECT * FROM journal --',
    "1) OR (1=1",
    "%27%20OR%201=1",
    "\\",
    "\0",
    "front_door'/**/",
    "*",
    "%",
    "a" * 256,
    "{{7*7}}",
    "\u202e",
    "🙂",
]


def _holds(stored: Any, given: Any) -> bool:
    """Whether what is stored holds all that was given; a later shape may have more."""
    if isinstance(given, dict):
        return all(_holds(stored[key], value) for key, value in given.items())
    return bool(stored == given)


async def test_facts_enter_as_in_python(house: House) -> None:
    """What was posted is what a record holds, and the receipt says where, in decimal text."""
    async with await house.program("append") as program:
        answer = await program.post("/api/facts", json=FACTS_EXAMPLE)
    assert answer.status_code == 201
    assert answer.json() == {"positions": ["1", "2", "3", "4"], "event_id": "1"}
    stored = await house.site.pages.story(1)
    facts = [codecs.to_builtins(codecs.decode_record(row).fact) for row in stored]
    given: Any = FACTS_EXAMPLE["facts"]
    for fact, plain in zip(facts, given, strict=True):
        assert _holds(fact, plain)


async def test_the_same_key_gives_the_first_receipt(house: House) -> None:
    """A request that was sent twice is appended once."""
    async with await house.program("append") as program:
        first = await program.post("/api/facts", json=FACTS_EXAMPLE)
        again = await program.post("/api/facts", json=FACTS_EXAMPLE)
        assert again.json() == first.json()
        other = {**FACTS_EXAMPLE, "facts": [{"kind": "person_named", "name": "ada"}]}
        conflict = await program.post("/api/facts", json=other)
    assert conflict.status_code == 409
    assert conflict.json()["error"] == "KeyConflict"
    assert conflict.json()["receipt"] == first.json()
    assert await house.site.pages.last_position() == 4


@pytest.mark.parametrize(
    ("facts", "index", "field"),
    [
        (
            [{"kind": "ding", "camera_id": "", "recorded_at": "2026-02-25T10:30:00Z"}],
            0,
            "camera_id",
        ),
        (
            [{"kind": "ding", "camera_id": "x", "recorded_at": "2026-02-25T10:30:00"}],
            0,
            "recorded_at",
        ),
        (
            [
                {"kind": "motion", "camera_id": "x", "recorded_at": "2026-02-25T10:30:00Z"},
                {"kind": "detection", "label": "cat", "confidence": 1.5},
            ],
            1,
            "confidence",
        ),
        (
            [
                {"kind": "motion", "camera_id": "x", "recorded_at": "2026-02-25T10:30:00Z"},
                {"kind": "face_result", "distance": -1},
            ],
            1,
            "distance",
        ),
        ([{"kind": "person_named", "name": "x" * 65}], 0, "name"),
        ([{"kind": "nothing"}], 0, "kind"),
        ([17], 0, None),
    ],
)
async def test_a_bad_fact_is_named_and_nothing_is_written(
    house: House, facts: list[Any], index: int, field: str | None
) -> None:
    """400 says which fact and which field; the good ones before it do not enter either."""
    async with await house.program("append") as program:
        answer = await program.post("/api/facts", json={"facts": facts})
    assert answer.status_code == 400
    said = answer.json()
    assert (said["error"], said["fact"], said.get("field")) == ("BadFact", index, field)
    assert await house.site.pages.last_position() == 0


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"facts": []}, 400, "BadAppend"),
        ({"facts": [{"kind": "face_result"}]}, 400, "BadAppend"),
        ({"facts": [{"kind": "alert_sent"}], "event_id": "7"}, 404, "UnknownEvent"),
        ({"facts": [{"kind": "alert_sent"}], "event_id": 7}, 404, "UnknownEvent"),
        ({"facts": [{"kind": "alert_sent"}], "event_id": "9" * 19}, 400, "BadArgument"),
        ({"facts": [{"kind": "alert_sent"}], "event_id": "x"}, 400, "BadArgument"),
        ({"facts": [{"kind": "person_named", "name": "a"}], "key": ""}, 400, "BadKey"),
        ({"facts": [{"kind": "person_named", "name": "a"}], "durability": "no"}, 400, "BadPayload"),
        ({"facts": {}}, 400, "BadPayload"),
        ({"fact": []}, 400, "BadPayload"),
        ([], 400, "BadPayload"),
    ],
)
async def test_an_append_that_cant_be_is_refused_as_in_python(
    house: House, body: Any, status: int, error: str
) -> None:
    """The error bears the name that Python raises."""
    async with await house.program("append") as program:
        answer = await program.post("/api/facts", json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert await house.site.pages.last_position() == 0


async def test_a_tokens_scope_is_all_that_it_may(house: House) -> None:
    """A reader can't append, an appender can't read, and neither sees a page."""
    async with await house.program("read") as reader, await house.program("append") as appender:
        assert (await reader.get("/api/events")).status_code == 200
        assert (await reader.get("/metrics")).status_code == 200
        assert (await reader.post("/api/facts", json=FACTS_EXAMPLE)).status_code == 403
        assert (await appender.get("/api/events")).status_code == 403
        assert (await appender.get("/metrics")).status_code == 403
        for program in (reader, appender):
            for path in ("/", "/events/1", "/people", "/unlocks.csv", "/account"):
                assert (await program.get(path)).status_code == 403
            assert (await program.post("/account/tokens")).status_code == 403
    async with house.client(authorization="Bearer evl_nobodys") as nobody:
        assert (await nobody.get("/api/events")).status_code == 401


async def test_events_are_listed_filtered_and_paged(house: House) -> None:
    """A cursor continues where the page ended; ids are text; times have their offset."""
    for number in range(7):
        at = AT + timedelta(minutes=number)
        opener = Ding if number % 2 else Motion
        await house.append(opener(camera_id=f"cam{number % 3}", recorded_at=at))
    async with await house.program("read") as program:
        first = (await program.get("/api/events?limit=3")).json()
        assert [event["id"] for event in first["events"]] == ["7", "6", "5"]
        assert first["events"][0]["recorded_at"] == "2026-02-25T10:36:00Z"
        rest = (await program.get(f"/api/events?limit=9&before={first['next']}")).json()
        assert [event["id"] for event in rest["events"]] == ["4", "3", "2", "1"]
        assert rest["next"] is None
        dings = (await program.get("/api/events?type=ding&camera=cam0")).json()
        assert [event["id"] for event in dings["events"]] == ["4"]
        since = "2026-02-25T11:35:00%2B01:00"
        assert len((await program.get(f"/api/events?since={since}")).json()["events"]) == 2


async def test_one_event_comes_with_its_story(house: House) -> None:
    """Faces, unlock actions and the sentence on top."""
    await house.append(*VISIT)
    async with await house.program("read") as program:
        whole = (await program.get("/api/events/1")).json()
        assert (await program.get("/api/events/2")).status_code == 404
        assert (await program.get(f"/api/events/{2**70}")).status_code == 404
    assert whole["event"]["person_name"] == "ada"
    assert whole["faces"][0]["tolerance"] == 0.6
    assert whole["unlocks"][0]["event_id"] == "1"
    assert whole["sentence"].startswith("The door was unlocked for ada")
    assert [line["position"] for line in whole["story"]] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("path", ["/api/events", "/api/unlocks", "/", "/unlocks", "/unlocks.csv"])
async def test_what_is_typed_into_a_filter_stays_text(house: House, path: str) -> None:
    """Every parameter: no row that was not asked for, no word of SQLite's, the tables as before."""
    await house.append(*VISIT)
    names = ("camera", "person", "label", "type", "outcome", "stranger", "day", "since", "until")
    async with await house.signed_in() as client:
        for name, text in product((*names, "before", "limit"), INJECTIONS):
            answer = await client.get(path, params={name: text})
            assert answer.status_code in {200, 400}, name
            for word in ("sqlite", "syntax error", "OperationalError"):
                assert word not in answer.text
            if answer.status_code == 200 and name == "person":
                assert 'id="event-1"' not in answer.text
                assert "unlocked" not in answer.text
        count = "SELECT count(*) FROM events"
        assert await house.site.pages.run(lambda c: c.execute(count).fetchone()) == (1,)


async def test_a_parameter_that_is_no_value_of_its_kind_is_named(house: House) -> None:
    """400, and the sentence begins with its name."""
    async with await house.program("read") as program:
        for query in BAD_QUERIES:
            answer = await program.get(f"/api/events?{query}")
            assert answer.status_code == 400, query
            assert answer.json()["message"].startswith(query.partition("=")[0] + ":")


async def test_a_frame_is_stored_and_answered_as_the_fact_to_append(house: House) -> None:
    """What is uploaded can be appended as it comes back, and is shown under its event."""
    frame = draw(Scene(12, ("person",), 7))
    at = "2026-02-25T10:30:00Z"
    async with await house.program("append") as program, await house.program("read") as reader:
        saved = await program.post(f"/api/thumbnails?recorded_at={at}", content=frame)
        assert saved.status_code == 201
        ding = {"kind": "ding", "camera_id": "front_door", "recorded_at": at}
        answer = await program.post("/api/facts", json={"facts": [ding, saved.json()]})
        assert answer.status_code == 201
        picture = await reader.get("/api/events/1/picture")
        assert picture.headers["content-type"] == "image/jpeg"
        fact = codecs.from_builtins(saved.json())
        assert isinstance(fact, ThumbnailSaved)
        assert fact.sha256 == sha256(picture.content).digest()
        for bad in (b"", b"no picture", frame[:1000]):
            refused = await program.post(f"/api/thumbnails?recorded_at={at}", content=bad)
            assert (refused.status_code, refused.json()["error"]) == (400, "BadPayload")
        assert (await program.post("/api/thumbnails", content=frame)).status_code == 400


async def test_an_upload_stays_in_the_folder(house: House) -> None:
    """Whatever time it claims, its file has a plain name right in the folder."""
    frame = draw(Scene(12, ("person",), 7))
    async with await house.program("append") as program:
        for at in ("../../x", "/etc/passwd", "..", "a/b", "\0", "%2e%2e%2f"):
            answer = await program.post(
                "/api/thumbnails", params={"recorded_at": at}, content=frame
            )
            assert answer.status_code == 201
            name = answer.json()["path"].removeprefix("thumbnails/")
            assert "/" not in name
            assert (house.site.settings.thumbnails_dir / name).is_file()


async def test_persons_have_the_names_to_show(house: House) -> None:
    """By name, ids as text."""
    await house.append(PersonNamed(name="ada", display_name="Ada"))
    async with await house.program("read") as program:
        persons = (await program.get("/api/persons")).json()["persons"]
    assert [(p["id"], p["name"], p["display_name"]) for p in persons] == [("1", "ada", "Ada")]


async def test_the_exports_hold_all_that_the_filter_shows(house: House) -> None:
    """CSV and JSON agree, row by row, across many batches, and a filter narrows both."""
    facts = [
        UnlockAction(granted=n % 3 == 0, person=f"p{n % 2}", recorded_at=AT + timedelta(seconds=n))
        for n in range(2_500)
    ]
    await house.append(*facts)
    async with await house.signed_in() as client:
        for query, count in (("", 2_500), ("?outcome=granted", 834), ("?person=p1", 1_250)):
            sheet = (await client.get(f"/unlocks.csv{query}")).content.decode("utf-8-sig")
            rows = list(csv.DictReader(io.StringIO(sheet)))
            plain = (await client.get(f"/unlocks.json{query}")).json()
            assert len(rows) == len(plain) == count
            assert [row["id"] for row in rows] == [row["id"] for row in plain]
            assert [row["listed_at"] for row in rows] == sorted(
                (row["listed_at"] for row in plain), reverse=True
            )
        assert (await client.get("/unlocks.json?person=nobody")).json() == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\uff1d1"])
def test_no_cell_of_an_export_is_a_formula(text: str) -> None:
    """A text that a spreadsheet would run has an apostrophe before it."""
    ((cell,),) = csv.reader(io.StringIO(csv_lines([[text]]).decode(), newline=""))
    assert cell == f"'{text}"


async def test_positions_past_what_a_browser_counts_to_stay_exact() -> None:
    """A receipt with positions over 2^53 is text, so no digit is lost."""
    from eventlog.dashboard.api import conversion  # noqa: PLC0415 - beside what it is about
    from eventlog.record import EventId, Position, Receipt  # noqa: PLC0415 - likewise

    receipt = conversion.receipt(Receipt((Position(2**53 + 1),), EventId(2**63 - 1)))
    plain = msgspec.json.decode(msgspec.json.encode(receipt))
    assert plain == {"positions": [str(2**53 + 1)], "event_id": str(2**63 - 1)}


async def test_an_append_by_token_or_by_page_says_whose_it_was(house: House) -> None:
    """The journal keeps the id of the token or the account, and no name of either."""
    user_id = await house.user()
    program = await house.program("append")
    owner = await house.signed_in()
    sent = {
        "facts": [{"kind": "motion", "camera_id": "garden", "recorded_at": "2026-02-25T10:30:00Z"}]
    }
    assert (await program.post("/api/facts", json=sent)).status_code == 201
    assert (await owner.post("/people/name", data={"name": "ada"})).status_code == 303

    stored = await house.site.store.reader.run(lambda c: journal.read_after(c, 0, 9))
    (token,) = await house.site.accounts.run(tokens.listed)
    assert [codecs.decode_author(row.meta) for row in stored] == [
        Author("part", "api", token=token.id, uid=os.getuid()),
        Author("part", "people", user=user_id, uid=os.getuid()),
    ]
    assert b"owner" not in b"".join(row.meta or b"" for row in stored)
