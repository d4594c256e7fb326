"""Checks the address of a push service, which a browser names and we then POST to.

Only https, and only public addresses: an endpoint must not reach a machine of the house or this
one. Names are checked as they are written here, and what they resolve to is checked again by
`push_service.py` each time. Looks nothing up.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from eventlog.errors import BadArgument

ENDPOINT_MAX: Final = 2048  # characters
_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}"
)
# Names that lead into a house or to this machine, however they are resolved.
_OWN_ZONES: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Endpoint(Struct, frozen=True):
    """Where to POST: a host, a port, and the path with its query."""

    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """The origin, which a VAPID token is for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}" if self.port == 443 else f"https://{host}:{self.port}"  # noqa: PLR2004 - the port of https


def parse_endpoint(url: str) -> Endpoint:
    """An endpoint's parts.

    Raises BadArgument for what is not https, is too long, or has credentials or a fragment.
    """
    if not 0 < len(url) <= ENDPOINT_MAX or not all("!" <= char <= "~" for char in url):
        raise BadArgument("a device's address has 1 to 2,048 characters of ASCII, without blanks")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadArgument("a device's address can't be read") from error
    if parts.scheme != "https" or not host or "\\" in url:
        raise BadArgument("a device's address begins with https://")
    if "@" in parts.netloc or "#" in url or port == 0:
        raise BadArgument("a device's address has no user, no password and no fragment")
    target = parts.path or "/"
    return Endpoint(host, port or 443, f"{target}?{parts.query}" if parts.query else target)


def require_public(endpoint: Endpoint) -> None:
    """Raise BadArgument for a host that is in this house, or is no name of the internet."""
    address = address_of(endpoint.host)
    if address is not None:
        if not is_public(address):
            raise BadArgument("a device's address is not in the internet")
        return
    host = endpoint.host.removesuffix(".")
    if not _NAME.fullmatch(host) or f".{host}".endswith(_OWN_ZONES):
        raise BadArgument("a device's address is not in the internet")


def address_of(text: str) -> Address | None:
    """An IP address, None for anything else."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet, and no other is inside it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
