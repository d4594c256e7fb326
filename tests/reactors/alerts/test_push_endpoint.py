"""The addresses of push services: what a browser may name, and what it may resolve to."""

from __future__ import annotations

import ipaddress

import pytest

from eventlog.errors import BadArgument
from eventlog.reactors.alerts.push_endpoint import is_public, parse_endpoint, require_public

GOOD = {
    "https://fcm.googleapis.com/fcm/send/abc:APA91b": ("fcm.googleapis.com", 443),
    "https://updates.push.services.mozilla.com/wpush/v2/gAAA": (
        "updates.push.services.mozilla.com",
        443,
    ),
    "https://web.push.apple.com/QGuQyavXutnMH": ("web.push.apple.com", 443),
    "https://wns2-par02p.notify.windows.com/w/?token=BQY%3d": (
        "wns2-par02p.notify.windows.com",
        443,
    ),
    "https://push.example.org:8443/up?id=1": ("push.example.org", 8443),
    "https://8.8.8.8/x": ("8.8.8.8", 443),
}
BAD = (
    "",
    "http://push.example.org/x",
    "ftp://push.example.org/x",
    "//push.example.org/x",
    "javascript:alert(1)",
    "https:///x",
    "https://user@push.example.org/x",
    "https://user:word@push.example.org/x",
    "https://@push.example.org/x",
    "https://push.example.org/x#y",
    "https://push.example.org:0/x",
    "https://push.example.org:99999/x",
    "https://push.example.org\\@127.0.0.1/x",
    "https://push.example.org/a b",
    "https://push.example.org/\r\nx: y",
    "https://pusch.exämple.org/x",
    f"https://push.example.org/{'x' * 2048}",
)
NOT_PUBLIC = (
    "https://localhost/x",
    "https://a.localhost/x",
    "https://door/x",
    "https://door.local/x",
    "https://door.lan./x",
    "https://router.home.arpa/x",
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://0x7f.0.0.1/x",
    "https://0177.0.0.1/x",
    "https://10.0.0.1/x",
    "https://192.168.178.1/x",
    "https://172.16.0.1/x",
    "https://169.254.169.254/latest",
    "https://100.64.0.1/x",
    "https://0.0.0.0/x",
    "https://224.0.0.1/x",
    "https://[::1]/x",
    "https://[::]/x",
    "https://[fe80::1]/x",
    "https://[fd00::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://[2002:7f00:1::]/x",
    "https://[ff02::1]/x",
)


@pytest.mark.parametrize(("url", "where"), GOOD.items())
def test_what_browsers_name_is_taken(url: str, where: tuple[str, int]) -> None:
    """The services of the browsers' makers, and one of the owner's in the internet."""
    endpoint = parse_endpoint(url)
    require_public(endpoint)
    assert (endpoint.host, endpoint.port) == where
    assert url == f"{endpoint.origin}{endpoint.target}"


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_address_of_a_push_service_is_refused(url: str) -> None:
    """Https alone, without credentials, without a fragment, of bounded length."""
    with pytest.raises(BadArgument):
        parse_endpoint(url)


@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_an_address_of_the_house_is_refused(url: str) -> None:
    """However it is spelled, and however it is put into another."""
    with pytest.raises(BadArgument, match="internet"):
        require_public(parse_endpoint(url))


@pytest.mark.parametrize("text", ["1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(text: str) -> None:
    """Also where the network translates it."""
    assert is_public(ipaddress.ip_address(text))
