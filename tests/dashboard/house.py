"""A dashboard in the test's own event loop: an open log, and a browser-like client for it.

No socket: requests go straight into the gate. Knows how a page is signed in to and how its forms
are bound to it, and no page.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from eventlog.dashboard.accounts import sessions, tokens, users
from eventlog.dashboard.accounts.roles import Role
from eventlog.dashboard.accounts.secrets import form_token
from eventlog.dashboard.accounts.tokens import Scope
from eventlog.dashboard.app import make_app
from eventlog.dashboard.gate import Gate
from eventlog.dashboard.site import Settings, Site, open_desk
from eventlog.facts import Detection, Ding, FaceResult, Fact, UnlockAction
from eventlog.record import Receipt

ORIGIN = "http://127.0.0.1:8000"
OWNER = "owner"
PASSWORD = "correct horse battery"  # noqa: S105 - a test's
AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
VISIT: tuple[Fact, ...] = (
    Ding(camera_id="front_door", recorded_at=AT),
    Detection(label="person", confidence=0.91, recorded_at=AT),
    FaceResult(name="ada", distance=0.38, tolerance=0.6, recorded_at=AT),
    UnlockAction(granted=True, door_action="unlocked", person="ada", actor="face", rule="by day"),
)


class House:
    """A site, the app over it, and what a test does with them."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @cached_property
    def app(self) -> Gate:
        """The app, made for the first client: that takes a while."""
        return make_app(self.site)

    def client(self, address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
        """A client at an address, with an origin as a browser sends it."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 40000))
        return httpx.AsyncClient(
            transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN, **headers}
        )

    async def user(
        self, name: str = OWNER, *, password: str | None = None, role: Role = "owner"
    ) -> int:
        """A user; hashing takes a while, so only a test that types the password asks for one."""
        now = self.site.now_s
        return await self.site.accounts.run(lambda c: users.add(c, name, password, now, role=role))

    async def signed_in(self, name: str = OWNER, *, role: Role = "owner") -> httpx.AsyncClient:
        """A client with a session."""
        user_id = await self.user(name, role=role)
        now = self.site.now_s
        secret = await self.site.accounts.run(lambda c: sessions.begin(c, user_id, "here", now))
        client = self.client()
        client.cookies.set(self.site.cookies.session, secret)
        client.headers["x-csrf-token"] = form_token(secret)
        return client

    async def program(self, *scopes: Scope) -> httpx.AsyncClient:
        """A client with a token, as a program has it: no cookie, no origin."""
        now = self.site.now_s
        name = f"program {' '.join(scopes)}"
        secret = await self.site.accounts.run(lambda c: tokens.add(c, name, set(scopes), now))
        client = self.client(authorization=f"Bearer {secret}")
        del client.headers["origin"]
        return client

    async def append(self, *facts: Fact, **more: Any) -> Receipt:
        """Append, and wait until the views have it."""
        receipt = await self.site.store.append(*facts, **more)
        await self.site.store.caught_up(receipt.positions[-1])
        return receipt


async def until(happened: Callable[[], bool]) -> None:
    """Give the other tasks their turns until something has happened."""
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110 - what is waited for gives no signal
            await asyncio.sleep(0)


async def query_plan(house: House, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[str]:
    """Every step of SQLite's plans for these queries, each with its parameters."""

    def plan(connection: sqlite3.Connection) -> list[str]:
        return [
            str(row[3])
            for sql, parameters in queries
            for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        ]

    return await house.site.pages.run(plan)


@asynccontextmanager
async def open_house(
    folder: Path, zone: str = "UTC", *, keys_dir: Path | None = None
) -> AsyncIterator[House]:
    """A dashboard of the log in a folder."""
    settings = Settings(
        db_path=folder / "events.db",
        thumbnails_dir=folder / "thumbnails",
        zone=ZoneInfo(zone),
        keys_dir=keys_dir,
    )
    async with open_desk(settings) as site:
        yield House(site)


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's first form."""
    form = page[page.index("<form") :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


async def begin_two_step(client: httpx.AsyncClient) -> str:
    """Begin to turn two-step sign-in on; the secret that the page shows."""
    page = (await client.post("/account/two-step/start")).text
    return hidden_fields(page[page.index("/account/two-step") - 40 :])["secret"]


async def type_password(
    client: httpx.AsyncClient, name: str, password: str, **more: str
) -> httpx.Response:
    """Open the login page and send its form."""
    page = await client.get("/login")
    fields: Mapping[str, str] = {**hidden_fields(page.text), "name": name, "password": password}
    return await client.post("/login", data={**fields, **more})
