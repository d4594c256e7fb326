"""What a program may append by its token: its limits, its own keys, and nothing of the log's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import httpx
import pytest

from eventlog import codecs
from eventlog.dashboard.accounts import tokens
from eventlog.dashboard.accounts.tokens import Limits
from eventlog.facts import Motion, UnlockAction
from eventlog.journal import clock
from eventlog.journal import table as journal
from eventlog.journal.append import place, prepare
from eventlog.projections.late import words_for
from eventlog.record import Author
from tests.dashboard.house import VISIT, House

pytestmark = pytest.mark.anyio

STAMP = "2026-02-25T10:30:00Z"
MOTION = {"kind": "motion", "camera_id": "front_door", "recorded_at": STAMP}
UNLOCK = {"kind": "unlock_action", "granted": True, "door_action": "unlocked", "person": "ada"}


async def with_limits(house: House, limits: Limits, *scopes: tokens.Scope) -> httpx.AsyncClient:
    """A client with a token of these limits."""
    now, made = house.site.now_s, set(scopes or ("append",))
    name = f"feed {len(await house.site.accounts.run(tokens.listed))}"
    secret = await house.site.accounts.run(lambda c: tokens.add(c, name, made, now, limits=limits))
    client = house.client(authorization=f"Bearer {secret}")
    del client.headers["origin"]
    return client


async def sent(
    client: httpx.AsyncClient, *facts: dict[str, Any], **more: Any
) -> tuple[int, dict[str, Any]]:
    """The status and the answer to an append."""
    answer = await client.post("/api/facts", json={"facts": list(facts), **more})
    return answer.status_code, answer.json()


# ── old events ─────────────────────────────────────────────────────────────────────────────


async def test_a_token_does_not_change_the_story_of_an_old_event(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused try of nine months ago stays one: the event is too old to be joined."""
    then = clock.now_us() - 270 * 86_400_000_000
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now_us", lambda: then)
        patch.setattr(clock, "boot_id", lambda: bytes(16))
        refused = UnlockAction(granted=False, person="mallory", actor="face")
        await house.append(*VISIT[:3], refused)
    async with await with_limits(house, Limits()) as program:
        assert (await sent(program, UNLOCK, event_id="1")) == (
            403,
            {"error": "Forbidden", "message": "this event is too old for this token to join"},
        )
        fresh = await house.append(Motion(camera_id="front_door", recorded_at=house.site.now))
        assert (await sent(program, UNLOCK, event_id=str(fresh.event_id)))[0] == 201
    async with await with_limits(house, Limits(join_s=None)) as trusted:
        assert (await sent(trusted, UNLOCK, event_id="1"))[0] == 201
    # What was added late is marked, in the sentence and in the story, with who added it.
    async with await house.signed_in() as client:
        told = (await client.get("/api/events/1")).json()
        assert (
            "1 record of the event was added 9 months later by the token feed 1."
            in (told["sentence"])
        )
        assert told["story"][-1]["text"].endswith("(added 9 months later by the token feed 1)")
        assert "added 9 months later" not in told["story"][0]["text"]
        page = (await client.get("/events/1")).text
        assert "added 9 months later by the token feed 1" in page
        # The lists mark it too, and not the event that was opened a moment before.
        await house.site.store.caught_up(await house.site.pages.last_position())
        for path in ("/", "/unlocks"):
            assert (await client.get(path)).text.count("added later") == 1, path
    now = house.site.now_s
    (found,) = [one for one in await house.site.accounts.run(tokens.listed) if one.name == "feed 1"]
    await house.site.accounts.run(lambda c: tokens.revoke(c, found.id, now))
    async with await house.signed_in() as client:
        page = (await client.get("/events/1")).text
        assert f"added 9 months later by removed token {found.id}" in page


async def test_an_event_of_before_the_clock_was_set_can_be_joined(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two appends of one boot the boot's own clock counts, and nothing is lost for it."""
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now_us", lambda: 0)
        await house.append(*VISIT[:1])
    async with await with_limits(house, Limits()) as program:
        assert (await sent(program, UNLOCK, event_id="1"))[0] == 201
    async with await house.signed_in() as client:
        assert "later" not in (await client.get("/api/events/1")).json()["sentence"]


# ── kinds, cameras, the log's own ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fact",
    [
        {"kind": "unclean_stop", "journal_position": 7},
        {"kind": "person_named", "name": "mallory", "display_name": "ada"},
        {"kind": "era_begun"},
    ],
)
async def test_what_the_log_says_of_itself_comes_through_no_door(
    house: House, fact: dict[str, Any]
) -> None:
    """A token can't append such facts, and can't set a display name; the owner's page can."""
    async with await with_limits(house, Limits(), "read", "append") as program:
        status, said = await sent(program, fact)
    assert (status, await house.site.pages.last_position()) in {(403, 0), (400, 0)}
    if status == 403:
        assert (said["error"], said["fact"]) == ("Forbidden", 0)


async def test_a_token_appends_its_kinds_for_its_cameras_only(house: House) -> None:
    """A request with another kind or camera is refused completely, and the error names it."""
    await house.append(*VISIT)
    limits = Limits(kinds=("motion", "detection"), cameras=("garden",))
    garden = {**MOTION, "camera_id": "garden"}
    seen = {"kind": "detection", "label": "cat", "confidence": 0.5}
    async with await with_limits(house, limits) as program:
        assert (await sent(program, garden, seen))[0] == 201
        status, said = await sent(program, garden, UNLOCK)
        assert (status, said["fact"]) == (403, 1)
        status, said = await sent(program, MOTION)
        assert (status, said["message"]) == (403, "this token may not append for this camera")
        assert (await sent(program, seen, event_id="1"))[0] == 403  # of the front door
        assert (await sent(program, seen, event_id="2"))[0] == 201
    async with await with_limits(house, Limits(cameras=("garden",))) as program:
        assert (await sent(program, UNLOCK))[0] == 403  # names no camera, and joins no event
    assert await house.site.pages.last_position() == 4 + 2 + 1


# ── keys ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["door_state", "lock_state"])
async def test_a_token_for_a_camera_says_nothing_of_doors(house: House, kind: str) -> None:
    """Neither alone nor behind a motion at its own camera, unless it was granted that kind."""
    await house.append(*VISIT)
    motion = {**MOTION, "camera_id": "garden"}
    state = {"kind": kind, "door_id": "front_door", "source": "feed", "recorded_at": STAMP}
    state["state"] = "open" if kind == "door_state" else "unlocked"
    async with await with_limits(house, Limits(cameras=("garden",))) as garden:
        for facts in ([state], [motion, state], [motion, UNLOCK, state]):
            status, answer = await sent(garden, *facts)
            assert status == 403, answer
        opened = await sent(garden, motion, UNLOCK)
        assert opened[0] == 201
        event = int(opened[1]["event_id"])
        assert (await sent(garden, state, event_id=event))[0] == 403
    granted = Limits(cameras=("garden",), kinds=("motion", kind))
    async with await with_limits(house, granted) as garden:
        assert (await sent(garden, motion, state))[0] == 201


async def test_no_token_takes_a_key_of_another_program_beforehand(house: House) -> None:
    """What a feed appends under its key later is written, and each token has keys of its own."""
    async with (
        await with_limits(house, Limits()) as mallory,
        await with_limits(house, Limits()) as other,
    ):
        assert (await sent(mallory, MOTION, key="ring:77:ding"))[0] == 201
        assert (await sent(mallory, MOTION, key="ring:77:ding"))[0] == 201  # once more: the same
        assert (await sent(other, MOTION, key="ring:77:ding"))[0] == 201
        assert (await sent(other, MOTION, key="token:1:ring:77:ding"))[0] == 201
    receipt = await house.append(*VISIT, key="ring:77:ding")
    assert receipt.positions == (4, 5, 6, 7)
    keys = [row.key for row in await _all(house) if row.key is not None]
    assert keys == [
        "token:1:ring:77:ding",
        "token:2:ring:77:ding",
        "token:2:token:1:ring:77:ding",
        "ring:77:ding",
    ]


async def test_a_token_that_is_granted_a_source_shares_its_keys(house: House) -> None:
    """And no others."""
    first = await house.append(VISIT[0], key="ring:77:ding")
    ding = codecs.to_builtins(VISIT[0])
    async with await with_limits(house, Limits(key_space="ring")) as program:
        status, receipt = await sent(program, ding, key="ring:77:ding")
        assert (status, receipt["positions"]) == (201, [str(first.positions[0])])
        assert (await sent(program, MOTION, key="frigate:1"))[0] == 201
    assert [row.key for row in await _all(house)] == ["ring:77:ding", "token:1:frigate:1"]


async def test_a_key_of_before_writers_were_kept_is_still_found(house: House) -> None:
    """Or every feed would double its last days after the upgrade."""
    old_log = house.site.settings.db_path
    await house.site.store.close()
    with closing(sqlite3.connect(old_log, isolation_level=None)) as connection:
        old = codecs.encode_meta({"boot": bytes(16), "clock_ns": 1})
        rows, _ = place(
            prepare([VISIT[0]], key="pipeline:1"),
            journal.head(connection),
            event_id=1,
            at_us=clock.now_us(),
            meta=old,
        )
        journal.insert(connection, rows)
    await house.site.store.initialize()
    ding = codecs.to_builtins(VISIT[0])
    async with await with_limits(house, Limits()) as program:
        status, receipt = await sent(program, ding, key="pipeline:1")
        assert (status, receipt) == (201, {"positions": ["1"], "event_id": "1"})
        status, said = await sent(program, MOTION, key="pipeline:1")
    assert (status, said) == (
        409,
        {"error": "KeyConflict", "message": "key 'pipeline:1' was used before, for other facts"},
    )
    assert await house.site.pages.last_position() == 1


async def test_a_long_key_fits_into_a_tokens_own_space(house: House) -> None:
    """A key of 200 characters is kept as a hash of it there, and is found again."""
    key = "k" * 200
    async with await with_limits(house, Limits()) as program:
        first = await sent(program, MOTION, key=key)
        assert first[0] == 201
        assert await sent(program, MOTION, key=key) == first
        assert (await sent(program, MOTION, key=key + "k"))[0] == 400


async def test_an_account_uses_no_key_of_the_logs_own(house: House) -> None:
    """Neither the API with a session takes what belongs to a token or to the log."""
    async with await house.signed_in() as client:
        for key in ("unclean:1", "token:4:k", "legacy:1"):
            answer = await client.post("/api/facts", json={"facts": [MOTION], "key": key})
            assert answer.status_code == 403


# ── its life ───────────────────────────────────────────────────────────────────────────────


async def test_a_token_ends_and_its_last_use_is_known(house: House) -> None:
    """By time, and by its owner's new password unless it is kept."""
    owner_id = await house.user(password="correct horse battery")  # noqa: S106 - a test's
    now = house.site.now_s
    house.site.clock = lambda: float(now)

    def add(name: str, limits: Limits) -> Any:
        return house.site.accounts.run(
            lambda c: tokens.add(c, name, {"read"}, now, owner_id=owner_id, limits=limits)
        )

    short = await add("short", Limits(ends_at=now + 60))
    plain = await add("plain", Limits())
    kept = await add("kept", Limits(kept=True))

    async def opens(secret: str) -> bool:
        async with house.client(authorization=f"Bearer {secret}") as client:
            return (await client.get("/api/events")).status_code == 200

    assert [await opens(secret) for secret in (short, plain, kept)] == [True] * 3
    await house.site.save()
    found = {one.name: one for one in await house.site.accounts.run(tokens.listed)}
    assert all(one.last_used_at == now for one in found.values())
    house.site.clock = lambda: float(now + 60)
    assert [await opens(secret) for secret in (short, plain, kept)] == [False, True, True]
    await house.user(password="another horse battery")  # noqa: S106 - a test's
    assert [await opens(secret) for secret in (short, plain, kept)] == [False, False, True]


async def test_a_token_brings_so_many_bytes_a_day_and_requests_a_minute(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond its limit the response says when to try again; other tokens are not affected."""
    monkeypatch.setattr(tokens, "QUOTA_BYTES", 1_000)
    monkeypatch.setattr("eventlog.dashboard.spending.PER_MINUTE", 20)
    async with (
        await with_limits(house, Limits()) as greedy,
        await with_limits(house, Limits()) as other,
    ):
        answers = [
            await greedy.post("/api/facts", json={"facts": [MOTION], "key": f"{n}"})
            for n in range(20)
        ]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert 0 < len(refused) < 20
        assert refused[0].json()["error"] == "QuotaUsed"
        assert int(refused[0].headers["retry-after"]) > 0
        again = await greedy.post("/api/facts", json={"facts": [MOTION]})
        assert (again.status_code, again.json()["error"]) == (429, "TooMany")
        assert (await sent(other, MOTION))[0] == 201
    await house.site.spending.save()
    day = house.site.now_s // tokens.DAY_S
    used = await house.site.accounts.run(lambda c: tokens.used_on(c, 1, day))
    assert 0 < used <= 1_000


async def _all(house: House) -> list[Any]:
    await house.site.store.caught_up(await house.site.pages.last_position())
    return await house.site.pages.run(lambda c: journal.read_after(c, 0, 100))


def test_a_writer_is_called_by_ids_where_no_account_is_known() -> None:
    """As on the command line, which does not read the accounts."""
    assert words_for(Author("part", "api", token=4)) == "token 4"
    assert words_for(Author("part", "people", user=2)) == "account 2"
    assert words_for(Author("command", "ingest")) == "the command ingest"
    assert words_for(Author("library")) == "a program that imports eventlog"
    assert words_for(None) == "an unknown writer"
