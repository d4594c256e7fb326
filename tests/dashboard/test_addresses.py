"""The addresses of the dashboard: the names it answers to, its public URL, a path before it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from eventlog.dashboard import run as commands
from eventlog.dashboard.addresses import host_name, public_url
from eventlog.dashboard.cookies import cookies_of
from eventlog.errors import BadArgument
from tests.dashboard.house import OWNER, PASSWORD, VISIT, House, open_house, type_password

pytestmark = pytest.mark.anyio

ADDRESS = re.compile(r'(?:href|src|action|data-more|data-live)="(/[^"]*)"')


def set_up(house: House, url: str | None, *host_names: str) -> None:
    """Serve the log of a house by this public URL and these names."""
    settings = house.site.settings
    house.site.settings = commands._settings(
        str(settings.db_path),
        str(settings.thumbnails_dir),
        time_zone="UTC",
        public_url=url,
        host_names=host_names,
        tls=None,
        hsts_days=1,
        proxy_secret="",
    )
    made = house.site.settings
    house.site.cookies = cookies_of(bytes(16), secure=made.secure, prefix=made.prefix)


def take_cookies(client: httpx.AsyncClient) -> None:
    """Send the cookies with every request: a proxy that cuts the path off asks outside of it."""
    sent = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
    client.headers["cookie"] = sent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://door.example", (True, "door.example", "https://door.example", "")),
        ("http://VM.lan:8000/", (False, "vm.lan", "http://vm.lan:8000", "")),
        (
            "http://door.fritz.box:80/log/",
            (False, "door.fritz.box", "http://door.fritz.box", "/log"),
        ),
        (
            "https://ha.example:8123/api/x_y",
            (True, "ha.example", "https://ha.example:8123", "/api/x_y"),
        ),
        ("http://[fd00::1]:8000/a", (False, "fd00::1", "http://[fd00::1]:8000", "/a")),
    ],
)
def test_a_public_url_is_read(text: str, expected: tuple[bool, str, str, str]) -> None:
    """By http or https, with a port and a path; the origin is as browsers write it."""
    found = public_url(text)
    assert (found.secure, found.host, found.origin, found.prefix) == expected


@pytest.mark.parametrize("text", ["", "a b", "http://x", "x:80", "x/y", "-x", "x..y", "*", "é.lan"])
def test_what_is_no_host_name_is_refused(text: str) -> None:
    """A wildcard above all: it would let a foreign page bind its own name to our address."""
    with pytest.raises(BadArgument, match="is not a host name"):
        host_name(text)


async def test_names_are_allowed_one_by_one(tmp_path: Path) -> None:
    """A name of the home's router is answered once it is set, any other stays refused."""
    async with open_house(tmp_path) as house:
        names = ("door.fritz.box", "vm.lan", "evil.example", "x.door.fritz.box")
        async with house.client() as client:
            for name in names:
                answer = await client.get("/login", headers={"host": name})
                assert answer.status_code == 421, name
        set_up(house, None, "Door.Fritz.Box.", "vm.lan")
        async with House(house.site).client() as client:
            found = [
                (await client.get("/login", headers={"host": f"{name}:8000"})).status_code
                for name in names
            ]
        assert found == [200, 200, 421, 421]


async def test_a_name_by_plain_http_signs_in(tmp_path: Path) -> None:
    """Its cookies are not Secure, which a browser would not send back by http."""
    async with open_house(tmp_path) as house:
        await house.user(password=PASSWORD)
        set_up(house, "http://door.fritz.box")
        async with House(house.site).client(origin="http://door.fritz.box") as client:
            client.base_url = httpx.URL("http://door.fritz.box")
            answer = await type_password(client, OWNER, PASSWORD)
            assert answer.status_code == 303
            assert "strict-transport-security" not in answer.headers
            assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize("handed_on", [True, False], ids=["path handed on", "path cut off"])
async def test_every_address_of_every_page_has_the_path_before_it(
    tmp_path: Path, *, handed_on: bool
) -> None:
    """Whether the proxy hands the path on or cuts it off: links, forms, files and redirects."""
    prefix = "/api/hassio_ingress/secret-1"
    lead = prefix if handed_on else ""
    async with open_house(tmp_path) as house:
        for _ in range(31):
            await house.append(*VISIT)
        await house.user(password=PASSWORD)
        set_up(house, f"https://ha.example{prefix}")
        async with House(house.site).client(origin="https://ha.example") as client:
            client.base_url = httpx.URL("https://ha.example")
            sent = await client.get(f"{lead}/people")
            assert sent.headers["location"] == f"{prefix}/login?next=/people"
            login = await client.get(f"{lead}/login?next=/people")
            assert f'action="{prefix}/login"' in login.text
            token = re.findall(r'name="csrf_token" value="([^"]*)"', login.text)[0]
            form = {"csrf_token": token, "name": OWNER, "password": PASSWORD, "next": "/people"}
            take_cookies(client)
            answer = await client.post(f"{lead}/login", data=form)
            assert answer.status_code == 303
            assert answer.headers["location"] == f"{prefix}/people"
            cookies = answer.headers.get_list("set-cookie")
            assert all(f"Path={prefix};" in cookie for cookie in cookies)
            assert all(cookie.startswith("__Secure-") for cookie in cookies)
            take_cookies(client)
            found: list[str] = []
            for path in ("/", "/people", "/unlocks", "/status", "/account", "/events/1", "/proof"):
                page = await client.get(f"{lead}{path}")
                assert page.status_code == 200
                found = ADDRESS.findall(page.text)
                assert found
                assert [one for one in found if not one.startswith(f"{prefix}/")] == []
            style = next(one for one in found if "dashboard.css" in one)
            asked = style if handed_on else style.removeprefix(prefix)
            assert (await client.get(asked)).status_code == 200


async def test_no_request_chooses_the_path_itself(tmp_path: Path) -> None:
    """Home Assistant sends it in a header, which anybody could: the public URL's path counts."""
    prefix = "/api/hassio_ingress/secret-1"
    async with open_house(tmp_path) as house:
        set_up(house, f"http://homeassistant.local:8123{prefix}")
        sent = {"host": "homeassistant.local:8123", "x-ingress-path": "/evil"}
        async with House(house.site).client(**sent) as client:
            page = await client.get("/login")
        assert page.status_code == 200
        assert "/evil" not in page.text
        assert [one for one in ADDRESS.findall(page.text) if not one.startswith(prefix)] == []


async def test_under_a_path_the_same_origin_may_show_it_in_a_frame(tmp_path: Path) -> None:
    """As Home Assistant's ingress does; elsewhere no page may."""
    async with open_house(tmp_path) as house:
        for url, policy, frames in (
            ("https://ha.example/door", "frame-ancestors 'self'", "SAMEORIGIN"),
            ("https://ha.example", "frame-ancestors 'none'", "DENY"),
        ):
            set_up(house, url)
            async with House(house.site).client(host="ha.example") as client:
                headers = (await client.get("/login")).headers
            assert policy in headers["content-security-policy"]
            assert headers["x-frame-options"] == frames


async def test_a_form_comes_from_the_public_address_or_is_refused(tmp_path: Path) -> None:
    """A proxy that does not hand the name on still has forms taken; a foreign origin has not."""
    async with open_house(tmp_path) as house:
        await house.user(password=PASSWORD)
        set_up(house, "http://vm.lan:8080")
        for origin, status in (("http://vm.lan:8080", 303), ("http://vm.lan", 403)):
            async with House(house.site).client(origin=origin) as client:
                assert (await type_password(client, OWNER, PASSWORD)).status_code == status
