"""The gate: addresses that can't be faked, cookies of one log, TLS headers, plain forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from eventlog.dashboard import run as commands
from eventlog.dashboard.accounts import security_log
from eventlog.dashboard.accounts.throttle import PER_SOURCE
from eventlog.dashboard.client_address import PROXY, UNIX, address_of
from eventlog.dashboard.cookies import cookies_of
from eventlog.dashboard.server.uvicorn_server import listen_unix
from eventlog.errors import BadArgument
from tests.dashboard.house import OWNER, PASSWORD, House, open_house, type_password

pytestmark = pytest.mark.anyio

SECRET = "s" * 40


# ── where a request comes from ─────────────────────────────────────────────────────────────


def came_from(client: Any, **headers: str) -> dict[str, Any]:
    """The arguments for a request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"scope": {"client": client}, "headers": named}


def test_a_forwarded_address_counts_only_from_a_proxy_that_proves_itself() -> None:
    """Over the unix socket, or with the secret; else all who come by the proxy are one."""
    forwarded = {"x_forwarded_for": "198.51.100.9, 203.0.113.7"}
    here, there = ("127.0.0.1", 4000), ("192.0.2.4", 4000)
    cases: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
        (came_from(here, **forwarded), {"behind_proxy": False}, "127.0.0.1"),
        (came_from(here, **forwarded), {"behind_proxy": True}, PROXY),
        (came_from(there, **forwarded), {"behind_proxy": True}, "192.0.2.4"),
        (came_from(None, **forwarded), {"behind_proxy": True}, "203.0.113.7"),
        (came_from(None), {"behind_proxy": True}, UNIX),
        (came_from(None, x_forwarded_for="no address"), {"behind_proxy": True}, UNIX),
    )
    for arguments, settings, expected in cases:
        assert address_of(**arguments, **settings) == expected
    with_secret = came_from(here, **forwarded, x_eventlog_proxy=SECRET)
    assert address_of(**with_secret, behind_proxy=True, proxy_secret=SECRET) == "203.0.113.7"
    assert address_of(**with_secret, behind_proxy=True, proxy_secret="") == PROXY
    wrong = came_from(here, **forwarded, x_eventlog_proxy="guess")
    assert address_of(**wrong, behind_proxy=True, proxy_secret=SECRET) == PROXY


async def test_who_sits_at_the_machine_makes_up_no_addresses(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header that a proxy would send brings no new guesses."""
    monkeypatch.setattr(
        "eventlog.dashboard.accounts.users.is_password", lambda _user, _password: False
    )
    house.site.settings = replace(house.site.settings, behind_proxy=True)
    await house.user(password=PASSWORD)
    statuses = []
    for number in range(PER_SOURCE + 5):
        async with house.client() as client:
            client.headers["x-forwarded-for"] = f"203.0.113.{number}"
            statuses.append((await type_password(client, OWNER, "a guess")).status_code)
    assert statuses == [403] * PER_SOURCE + [429] * 5


def test_a_unix_socket_replaces_a_socket_and_nothing_else(tmp_path: Path) -> None:
    """One that a dashboard of before left behind makes room; a file is never touched."""
    path = tmp_path / "dashboard.socket"
    for _ in range(2):
        listen_unix(path).close()
    assert path.stat().st_mode & 0o777 == 0o660
    file = tmp_path / "events.db"
    file.write_bytes(b"a log")
    with pytest.raises(BadArgument):
        listen_unix(file)
    assert file.read_bytes() == b"a log"


# ── cookies and headers ────────────────────────────────────────────────────────────────────


def test_cookies_are_named_by_the_log_and_bound_as_browsers_allow() -> None:
    """`__Host-` under TLS, `__Secure-` with the path where the page lives under a prefix."""
    one, other = cookies_of(b"\1" * 16, secure=False), cookies_of(b"\2" * 16, secure=False)
    assert not {one.session, one.form, one.device} & {other.session, other.form, other.device}
    assert one.session == "eventlog_01010101_session"
    secure = cookies_of(b"\1" * 16, secure=True)
    assert secure.session == "__Host-eventlog_01010101_session"
    assert (secure.path, secure.secure) == ("/", True)
    below = cookies_of(b"\1" * 16, secure=True, prefix="/door")
    assert below.session == "__Secure-eventlog_01010101_session"
    assert (below.path, below.secure) == ("/door", True)


async def test_two_dashboards_on_one_host_do_not_sign_each_other_out(tmp_path: Path) -> None:
    """Browsers ignore ports, so each log's cookies have names of their own."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with open_house(tmp_path / "a") as one, open_house(tmp_path / "b") as other:
        async with await one.signed_in() as client, await other.signed_in() as there:
            both = "; ".join(
                f"{name}={value}"
                for cookies in (client.cookies, there.cookies)
                for name, value in cookies.items()
            )
        for house in (one, other):
            async with house.client(cookie=both) as client:
                assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("public_url", "tls", "days", "sent"),
    [
        ("https://door.example", None, 1, "max-age=86400"),
        ("https://door.example", None, 365, "max-age=31536000"),
        ("https://door.example", None, 0, None),
        (None, "cert.pem", 1, None),
        (None, None, 1, None),
    ],
)
async def test_https_is_kept_to_where_the_public_address_is_https(
    house: House, public_url: str | None, tls: str | None, days: int, sent: str | None
) -> None:
    """For a day until the owner sets more, and never for subdomains."""
    house.site.settings = commands._settings(
        str(house.site.settings.db_path),
        str(house.site.settings.thumbnails_dir),
        time_zone="UTC",
        public_url=public_url,
        tls=tls,
        hsts_days=days,
        proxy_secret="",
    )
    async with house.client() as client:
        answer = await client.get("/login")
    assert answer.headers.get("strict-transport-security") == sent


async def test_plain_http_beyond_loopback_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody on the network could read the password."""
    said: list[str] = []

    async def ends(serving: Any, *_: object) -> None:
        serving.close()

    monkeypatch.setattr(commands, "_run", ends)
    async with open_house(tmp_path) as house:
        await house.user(password=PASSWORD)
    for host, warned in (("127.0.0.1", False), ("0.0.0.0", True)):  # noqa: S104 - what it is about
        said.clear()
        await commands.serve(
            str(tmp_path / "events.db"),
            str(tmp_path / "thumbnails"),
            host=host,
            port=0,
            say=said.append,
        )
        assert any(line.startswith("Warning: without TLS") for line in said) is warned, said


# ── what a stranger may send and learn ─────────────────────────────────────────────────────


async def test_a_stranger_has_no_multipart_form_parsed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain fields are all that a form of ours sends; nothing else reaches a parser."""
    parsed: list[object] = []
    monkeypatch.setattr("litestar.Request.form", lambda *_: parsed.append(1))
    async with house.client() as client:
        page = await client.get("/login")
        assert page.status_code == 200
        for path in ("/login", "/sign-in", "/people/name"):
            answer = await client.post(path, files={"name": ("f", b"x" * 1000)})
            assert answer.status_code in {401, 415}
    assert not parsed


async def test_the_login_tells_strangers_nothing_of_users(house: House) -> None:
    """The page is the same before there is a user and after, but for its tokens."""
    async with house.client() as client:
        before = (await client.get("/login")).text
    await house.user(password=PASSWORD)
    async with house.client() as client:
        after = (await client.get("/login")).text
    hide = [line for line in before.splitlines() if "csrf" not in line]
    assert hide == [line for line in after.splitlines() if "csrf" not in line]
    assert "user add" not in before


async def test_a_wrong_password_keeps_the_name_that_was_typed(house: House) -> None:
    """And nothing else of the form."""
    await house.user(password=PASSWORD)
    async with house.client() as client:
        answer = await type_password(client, OWNER, "a wrong password")
    assert f'value="{OWNER}"' in answer.text
    assert "a wrong password" not in answer.text


async def test_what_is_not_allowed_is_in_the_security_log(house: House) -> None:
    """Once a minute for each account and token, so that no flood of it wears the disk."""
    await house.user()
    now = house.site.now_s
    house.site.clock = lambda: float(now)
    async with await house.signed_in("guest", role="viewer") as guest:
        for _ in range(20):
            assert (await guest.post("/people/name", data={"name": "ada"})).status_code == 403
    async with await house.program("read") as program:
        assert (await program.post("/api/facts", json={"facts": []})).status_code == 403
    found = await house.site.accounts.run(security_log.newest)
    noted = [(one.user_id, one.token_id) for one in found if one.kind == "not allowed"]
    assert noted == [(None, 1), (2, None)]
    house.site.clock = lambda: float(now + 60)
    async with await house.signed_in("guest", role="viewer") as guest:
        await guest.post("/people/name", data={"name": "ada"})
    found = await house.site.accounts.run(security_log.newest)
    assert len([one for one in found if one.kind == "not allowed"]) == 3
