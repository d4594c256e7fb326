"""Addresses name persons by number; a name that comes in one goes no further."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from eventlog.facts import FaceResult, Motion, PersonNamed, UnlockAction
from tests.dashboard.house import AT, VISIT, House

pytestmark = pytest.mark.anyio

LISTS = ("/", "/timeline/more", "/unlocks", "/unlocks/more", "/api/events", "/api/unlocks")


async def id_of(house: House, name: str) -> str:
    """A person's number."""
    persons = await house.site.pages.run(
        lambda c: dict(c.execute("SELECT name, id FROM persons").fetchall())
    )
    return str(persons[name])


async def bo_comes(house: House) -> None:
    """A second person, seen once."""
    await house.append(
        Motion(camera_id="front_door", recorded_at=AT),
        FaceResult(name="bo", distance=0.3, tolerance=0.6),
        UnlockAction(granted=True, person="bo", actor="face"),
    )


async def test_every_list_takes_a_persons_number(house: House) -> None:
    """It shows only that person's entries."""
    await house.append(*VISIT)
    await bo_comes(house)
    number = await id_of(house, "bo")
    async with await house.signed_in() as client:
        live = await client.get(f"/timeline/live?person={number}&ids=1,2")
        assert re.findall(r'data-id="(\d+)"', live.text) == ["2"]
        found = (await client.get(f"/api/events?person={number}")).json()["events"]
        assert [event["person_name"] for event in found] == ["bo"]
        rows = (await client.get(f"/unlocks.json?person={number}")).json()
        assert [row["person"] for row in rows] == ["bo"]
        assert (await client.get("/unlocks.json?person=0")).json() == []
        assert "bo" in (await client.get(f"/?person={number}")).text


async def test_a_page_by_name_leads_to_the_one_by_number(house: House) -> None:
    """Bookmarks of before go on to work, and the name leaves the address."""
    await house.append(*VISIT)
    number = await id_of(house, "ada")
    async with await house.signed_in() as client:
        for path, rest in (("/", "&outcome=granted"), ("/unlocks", "&outcome=granted")):
            answer = await client.get(f"{path}?person=ada{rest}")
            assert answer.status_code == 307
            assert answer.headers["location"] == f"{path}?person={number}{rest}"
        assert (await client.get("/people?after=ada")).headers["location"] == (
            f"/people?after={number}"
        )
        for query in ("person=ada", f"person={number}"):
            assert len((await client.get(f"/api/events?{query}")).json()["events"]) == 1


async def test_nobody_signed_out_learns_whether_a_name_is_known(house: House) -> None:
    """The redirect comes after the gate."""
    await house.append(*VISIT)
    async with house.client() as client:
        known, unknown = [await client.get(f"/?person={name}") for name in ("ada", "nobody")]
    assert known.status_code == unknown.status_code
    assert known.headers["location"].replace("ada", "nobody") == unknown.headers["location"]


async def test_no_page_writes_a_name_into_an_address(house: House) -> None:
    """Not in its own links, and not if one came in a URL."""
    canary = "canary cyril"
    await house.append(PersonNamed(name=canary))
    for _ in range(32):
        await house.append(
            Motion(camera_id="front_door", recorded_at=AT),
            FaceResult(name=canary, distance=0.3, tolerance=0.6),
            UnlockAction(granted=True, person=canary, actor="face"),
        )
    addresses: list[str] = []
    async with await house.signed_in() as client:
        for path in (*LISTS, "/people"):
            for query in ("", f"?person={quote(canary)}", f"?after={quote(canary)}"):
                answer = await client.get(path + query, follow_redirects=True)
                assert answer.status_code == 200
                addresses += re.findall(
                    r'(?:href|action|src|data-more|data-live)="([^"]*)"', answer.text
                )
                if path in {"/", "/unlocks"}:
                    addresses.append(str(answer.url.copy_remove_param("after")))
    assert [one for one in addresses if "person=1" in one]
    assert not [one for one in addresses if "canary" in one]
