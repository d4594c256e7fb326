"""How long a sign-in lasts: the limits and their settings, kept devices, and wall tablets."""

from __future__ import annotations

import logging
import re
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventlog.dashboard.accounts.devices import UNKNOWN, device_name
from eventlog.dashboard.accounts.secrets import form_token
from eventlog.dashboard.accounts.sessions import Lifetimes
from eventlog.dashboard.run import serve
from eventlog.errors import BadArgument
from eventlog.run.config_file import parse
from tests.dashboard.house import OWNER, PASSWORD, VISIT, House, type_password

pytestmark = pytest.mark.anyio

PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/130.0.0.0 Mobile Safari/537.36"
)
MINUTE_S = 60
HOUR_S = 3600
DAY_S = 24 * HOUR_S


async def sign_in(house: House, **ticked: str) -> httpx.AsyncClient:
    """A phone's browser that has signed in with these fields of the form."""
    client = house.client(**{"user-agent": PHONE})
    answer = await type_password(client, OWNER, PASSWORD, **ticked)
    assert answer.status_code == 303, answer.text
    secret = client.cookies[house.site.cookies.session]
    client.headers["x-csrf-token"] = form_token(secret)
    return client


def later(house: House, seconds: float) -> None:
    """Let so much time pass for the dashboard."""
    house.site.clock = partial(float, house.site.clock() + seconds)


def max_age(client: httpx.AsyncClient, house: House) -> float:
    """For how long the browser keeps the session's cookie."""
    (cookie,) = (one for one in client.cookies.jar if one.name == house.site.cookies.session)
    assert cookie.expires is not None
    return cookie.expires - house.site.clock()


async def test_a_kept_device_stays_signed_in_for_90_days(house: House) -> None:
    """Without a request in between, and not a day longer; an ordinary session ends as before."""
    await house.user(password=PASSWORD)
    kept = await sign_in(house, keep="on")
    assert 89.9 * DAY_S < max_age(kept, house) <= 90 * DAY_S
    plain = await sign_in(house)
    assert max_age(plain, house) <= 12 * HOUR_S
    later(house, 31 * MINUTE_S)
    assert (await plain.get("/")).status_code == 303
    later(house, 89 * DAY_S)
    assert (await kept.get("/")).status_code == 200
    later(house, 1 * DAY_S)
    assert (await kept.get("/")).status_code == 303


async def test_a_kept_device_is_listed_by_its_name_and_can_be_signed_out(house: House) -> None:
    """From any other device of the account, at once."""
    await house.user(password=PASSWORD)
    phone = await sign_in(house, keep="on")
    named = await sign_in(house, keep="on", device="  Phone in   the hall ")
    desk = await sign_in(house)
    page = (await desk.get("/account")).text
    assert "Chrome on Android" in page
    assert "Phone in the hall" in page
    assert page.count("kept until") == 2
    row = page[: page.index("Phone in the hall")]
    number = re.findall(r'action="/account/sessions/([0-9a-f]+)/end"', row)[-1]
    ended = await desk.post(f"/account/sessions/{number}/end")
    assert ended.status_code == 303
    assert (await named.get("/")).status_code == 303
    assert (await phone.get("/")).status_code == 200
    assert "Phone in the hall" not in (await desk.get("/account")).text.partition("Security log")[0]


async def test_a_kept_device_outlives_a_change_of_the_password_made_on_it(house: House) -> None:
    """The session that changes it continues; the others end."""
    await house.user(password=PASSWORD)
    kept, other = await sign_in(house, keep="on"), await sign_in(house, keep="on")
    form = {"old": PASSWORD, "new": "another long password", "again": "another long password"}
    assert (await kept.post("/account/password", data=form)).status_code == 303
    assert (await other.get("/")).status_code == 303
    later(house, 80 * DAY_S)
    assert (await kept.get("/")).status_code == 200


async def test_a_wall_tablet_only_shows(house: House) -> None:
    """A session of the owner's that reads for 90 days, changes nothing, and is listed as one."""
    await house.user(password=PASSWORD)
    await house.append(*VISIT)
    tablet = await sign_in(house, kiosk="on", device="Hall")
    later(house, 60 * DAY_S)
    for path in ("/", "/people", "/unlocks", "/events/1"):
        assert (await tablet.get(path)).status_code == 200
    for path in ("/account", "/status", "/unlocks.csv"):
        assert (await tablet.get(path)).status_code == 403
    for path in ("/people/name", "/account/tokens", "/account/password", "/sign-out-everywhere"):
        assert (await tablet.post(path, data={"name": "ada"})).status_code == 403
    assert 'href="/account"' not in (await tablet.get("/")).text
    desk = await sign_in(house)
    page = (await desk.get("/account")).text
    assert "wall tablet until" in page
    (number,) = re.findall(r'action="/account/sessions/([0-9a-f]+)/end"', page)
    await desk.post(f"/account/sessions/{number}/end")
    assert (await tablet.get("/")).status_code == 303


@pytest.mark.parametrize("unwritable", [False, True])
async def test_a_wall_tablet_stays_one_where_the_accounts_cant_be_written(
    house: House, monkeypatch: pytest.MonkeyPatch, *, unwritable: bool
) -> None:
    """A session that is in memory alone may do no more than one on the disk."""
    await house.user(password=PASSWORD)
    if unwritable:
        before = house.site.accounts.run

        async def run(function: Any) -> Any:
            def read_only(connection: Any) -> Any:
                connection.execute("PRAGMA query_only = ON")
                try:
                    return function(connection)
                finally:
                    connection.execute("PRAGMA query_only = OFF")

            return await before(read_only)

        monkeypatch.setattr(house.site.accounts, "run", run)
    tablet = await sign_in(house, kiosk="on")
    assert (await tablet.get("/")).status_code == 200
    assert (await tablet.get("/account")).status_code == 403


async def test_both_limits_can_be_set(house: House) -> None:
    """After an hour without a request, and after two days in any case."""
    house.site.signed_in.lifetimes = Lifetimes(idle_s=HOUR_S, longest_s=2 * DAY_S)
    await house.user(password=PASSWORD)
    client = await sign_in(house)
    assert 47.9 * HOUR_S < max_age(client, house) <= 48 * HOUR_S
    for _ in range(50):
        later(house, 57 * MINUTE_S)
        assert (await client.get("/")).status_code == 200
    later(house, 57 * MINUTE_S)
    assert (await client.get("/")).status_code == 303
    client = await sign_in(house)
    later(house, 61 * MINUTE_S)
    assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize(("idle_s", "longest_s"), [(59, 3600), (7200, 3600), (60, 91 * DAY_S)])
async def test_limits_that_cant_be_are_refused(
    tmp_path: Path, idle_s: float, longest_s: float
) -> None:
    """Before a log is made."""
    path = tmp_path / "events.db"
    with pytest.raises(BadArgument, match="a session lasts"):
        await serve(str(path), str(tmp_path / "t"), idle_s=idle_s, longest_s=longest_s)
    assert not path.exists()


def test_a_doors_config_sets_both_limits() -> None:
    """As lengths of time; anything else is refused with its path."""
    log = '[log]\ndb = "/x/events.db"\nthumbnails = "/x/t"\n[dashboard]\n'
    table = parse(f'{log}sign_out_idle = "2h"\nsign_out_after = "7d"\n').dashboard
    assert table is not None
    assert (table.sign_out_idle, table.sign_out_after) == ("2h", "7d")
    with pytest.raises(BadArgument, match=r"dashboard\.sign_out_idle"):
        parse(f'{log}sign_out_idle = "soon"\n')


# ── a sign-in that fails ───────────────────────────────────────────────────────────────────


async def test_a_wrong_password_keeps_what_else_was_typed(house: House) -> None:
    """The name, the ticks, the device's name, and where the visitor wanted to go."""
    await house.user(password=PASSWORD)
    async with house.client() as client:
        page = await client.get("/login?next=/people")
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        typed = {**fields, "name": OWNER, "keep": "on", "device": "Kitchen"}
        answer = await client.post("/login", data={**typed, "password": "wrong horse battery"})
        assert answer.status_code == 403
        assert f'value="{OWNER}"' in answer.text
        assert 'value="Kitchen"' in answer.text
        assert 'name="keep" checked' in answer.text
        assert 'name="next" value="/people"' in answer.text
        assert "wrong horse" not in answer.text
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.text))
        answer = await client.post("/login", data={**typed, **fields, "password": PASSWORD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/people")


async def test_failed_sign_ins_are_in_both_logs(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """With their address and never with the name, which may be a password; the owner sees them."""
    await house.user(password=PASSWORD)
    with caplog.at_level(logging.WARNING, "eventlog"):
        async with house.client("192.0.2.7") as stranger:
            for name in (OWNER, "hunter2hunter2"):
                answer = await type_password(stranger, name, "wrong horse battery")
                assert answer.status_code == 403
    said = [record.getMessage() for record in caplog.records if "sign-in" in record.getMessage()]
    assert said == ["a sign-in failed: wrong password, from 192.0.2.7"] * 2
    assert "hunter2" not in caplog.text
    owner = await sign_in(house)
    page = (await owner.get("/account")).text
    assert page.count("Wrong password") == 2
    assert page.count("192.0.2.7") == 2
    assert "hunter2" not in page


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (PHONE, "Chrome on Android"),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
            "Firefox on Linux",
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like"
                " Gecko) Version/18.0 Safari/605.1.15"
            ),
            "Safari on Mac",
        ),
        ("curl/8.5.0", UNKNOWN),
        ("", UNKNOWN),
        ("<script>alert(1)</script>", UNKNOWN),
    ],
)
def test_a_device_is_named_by_its_browser_and_system(user_agent: str, name: str) -> None:
    """Only words of ours are shown, whatever a browser says."""
    assert device_name(user_agent) == name
