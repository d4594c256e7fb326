"""Checks the host and origin of requests, and adds the public path to our own URLs.

A proxy may serve it under a path, as Home Assistant's ingress does, and hand that path on or cut
it off. The pages write addresses from `/`; the path is put before them on the way out. Knows no
page.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from eventlog.dashboard.refused import Refused
from eventlog.errors import BadArgument

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_PORTS: Final = {"http": 80, "https": 443}
_ROOTED: Final = frozenset({b"location", b"hx-redirect"})


class PublicUrl(Struct, frozen=True):
    """The address that browsers know: whether by TLS, the name, the origin, the path before it."""

    secure: bool
    host: str
    origin: str
    prefix: str


def public_url(text: str) -> PublicUrl:
    """A public URL, `https://door.example` or `http://vm.lan:8000/door`. Raises BadArgument."""
    try:
        parts = urlsplit(text)
        port = parts.port
        name = (parts.hostname or "").rstrip(".")
    except ValueError as error:
        raise BadArgument(f"{text!r} is no URL: {error}") from error
    path = parts.path.rstrip("/")
    extra = parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in _PORTS or extra or not (_is_address(name) or _NAME.fullmatch(name)):
        raise BadArgument("a public URL is http:// or https:// and a name, as https://door.example")
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise BadArgument(
            "the path of a public URL has letters, digits and any of - . _ ~, as /door"
        )
    named = f"[{name}]" if ":" in name else name
    shown = "" if port in {None, _PORTS[parts.scheme]} else f":{port}"
    origin = f"{parts.scheme}://{named}{shown}"
    return PublicUrl(parts.scheme == "https", name, origin, path)


def host_name(text: str) -> str:
    """A name that the dashboard answers to, as a request has it. Raises BadArgument."""
    name = text.strip().lower().rstrip(".")
    if len(name) > 253 or not _NAME.fullmatch(name):  # noqa: PLR2004 - what DNS allows
        raise BadArgument(f"{text!r} is not a host name such as door.fritz.box, without a port")
    return name


def own_names() -> frozenset[str]:
    """The names that every machine answers to."""
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, f"{name}.local"})


def check_host(host: str, names: frozenset[str]) -> None:
    """Refuse a name that is not ours: a foreign page may have bound it to our address."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        name = ""
    if name not in names and not _is_address(name):
        raise Refused(421, "WrongHost", "This dashboard is not known by that name.")


def check_origin(headers: dict[str, str], origins: frozenset[str]) -> None:
    """Refuse a write that comes from a page of another site."""
    origin = headers.get("origin")
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Refused(403, "ForeignOrigin", "The request comes from another site.")
    if origin is None and "authorization" in headers and "cookie" not in headers:
        return  # a program with its token
    if origin not in origins:
        raise Refused(403, "ForeignOrigin", "The request comes from another site.")


# ── the path before it ─────────────────────────────────────────────────────────────────────


def at_root(scope: MutableMapping[str, Any], prefix: str) -> MutableMapping[str, Any]:
    """The same request without the path before the dashboard, where the proxy has handed it on."""
    path = str(scope["path"])
    if not prefix or not (path == prefix or path.startswith(f"{prefix}/")):
        return scope
    bare = path[len(prefix) :] or "/"
    raw = scope.get("raw_path") or b""
    lead = prefix.encode()
    return {**scope, "path": bare, "raw_path": raw.removeprefix(lead) or b"/"}


def is_plain(path: str) -> bool:
    """Whether a path has one spelling: no empty part inside, and none of dots alone.

    The router passes over empty parts. What a role may see is decided by the path as it was sent,
    so that "//status" must not be another way to the page "/status".
    """
    parts = path.removeprefix("/").removesuffix("/").split("/")
    return path == "/" or not {"", ".", ".."} & set(parts)


def rooted(address: str, prefix: str) -> str:
    """An address of ours with the path before it; any other address stays."""
    ours = address.startswith("/") and not address.startswith("//")
    return f"{prefix}{address}" if ours else address


def headers_rooted(headers: Headers, prefix: str) -> list[tuple[bytes, bytes]]:
    """The same headers, with the path before those that hold an address of ours."""
    return [
        (name, rooted(value.decode("latin-1"), prefix).encode("latin-1"))
        if name.lower() in _ROOTED
        else (name, value)
        for name, value in headers
    ]


def _is_address(name: str) -> bool:
    # No page elsewhere can have a bare address bound to itself.
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
