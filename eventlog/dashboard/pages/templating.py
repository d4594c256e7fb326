"""Renders templates, and serves the static files of the package.

Templates and assets are read once; nothing a browser asks for becomes a path. Escapes by
default, and shows what can't be seen (directions, zero width, control characters) as an escape.
A template writes a sentence that holds names as `{{ sentence | bdi }}`, and what a form sends back
as `{{ value | exact }}`. It writes addresses from `/`: where the dashboard lives under a path, that
is put before them. Knows no table.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from markupsafe import Markup, escape
from msgspec import Struct

from eventlog.dashboard import addresses
from eventlog.dashboard.names import ISOLATE, POP, visible
from eventlog.dashboard.site import site_of, visitor_of

WORKER: Final = "service_worker.js"
# The scripts of the pages are one file, so that a browser asks once; each ignores other pages.
BUNDLE: Final = "door.js"
BUNDLED: Final = (
    *("times.js", "install.js", "stream.js", "more.js", "live.js", "today.js", "keys.js"),
    *("place.js", "filters.js", "event.js", "zoom.js"),
)
MEDIA: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "html": "text/html; charset=utf-8",
    "png": "image/png",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
}


# The attributes of our templates that hold an address.
_ADDRESS: Final = re.compile(
    r'\b((?:href|src|action|formaction|data-worker|data-service-worker|data-more|data-live)=")'
)
_PATH: Final = re.compile(_ADDRESS.pattern + r"/(?!/)")
_VALUE: Final = re.compile(_ADDRESS.pattern + r"\{\{(.+?)\}\}")


class Rooted(Extension):
    """Puts the path that the dashboard lives under before every address of a template."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002 - as Jinja calls it
        """The template's text, as it is compiled."""
        source = _VALUE.sub(r"\1{{ (\2) | rooted }}", source)
        return _PATH.sub(r"\1{{ root }}/", source)


@pass_context
def rooted(context: Context, address: str) -> str:
    """An address of ours with the path before it."""
    return addresses.rooted(address, str(context["root"]))


class Asset(Struct, frozen=True):
    """A file of ours, and a digest for its address; `gzipped` is None if gzip gains nothing."""

    content: bytes
    media_type: str
    digest: str
    gzipped: bytes | None = None


@cache
def assets() -> dict[str, Asset]:
    """All files of ours by name, and the bundle in the place of its parts."""
    contents = {
        file.name: file.read_bytes()
        for file in (files("eventlog.dashboard") / "static").iterdir()
        if file.name.rpartition(".")[2] in MEDIA
    }
    contents[BUNDLE] = b"\n".join(contents.pop(name) for name in BUNDLED)
    return {name: _asset(name, content) for name, content in contents.items()}


def _asset(name: str, content: bytes) -> Asset:
    digest = sha256(content).hexdigest()[:12]
    return Asset(content, MEDIA[name.rpartition(".")[2]], digest, _gzipped(content))


def _gzipped(content: bytes) -> bytes | None:
    packed = gzip.compress(content, mtime=0)
    return packed if len(packed) < len(content) else None


def takes_gzip(accepted: str) -> bool:
    """Whether a browser's Accept-Encoding takes gzip."""
    for offer in accepted.lower().split(","):
        name, _, parameters = offer.partition(";")
        if name.strip() in {"gzip", "*"}:
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", parameters)
    return False


def asset_address(name: str) -> str:
    """Where a browser finds a file; changes with its content."""
    return f"/static/{name}?v={assets()[name].digest}"


@get("/static/{name:str}")
async def static(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """One of our files."""
    asset = assets().get(name)
    if asset is None:
        raise NotFoundException
    fresh = request.query_params.get("v") == asset.digest
    caching = "public, max-age=31536000, immutable" if fresh else "no-cache"
    headers = {"cache-control": caching, "vary": "accept-encoding"}
    if name == WORKER:
        # Its file lies deeper than the pages that it serves.
        headers["service-worker-allowed"] = f"{site_of(request).settings.prefix}/"
    content = asset.content
    if asset.gzipped is not None and takes_gzip(request.headers.get("accept-encoding", "")):
        # Pages themselves are not compressed: their size would reveal the secrets in them.
        content, headers["content-encoding"] = asset.gzipped, "gzip"
    return Response(content, media_type=asset.media_type, headers=headers)


def bdi(text: str) -> Markup:
    """A sentence whose names, which are between isolates, become elements `<bdi>`."""
    written = str(escape(visible(text)))
    return Markup(written.replace(ISOLATE, "<bdi>").replace(POP, "</bdi>"))  # noqa: S704 - escaped above


def exact(text: str) -> Markup:
    """A text that a form sends back as it is, escaped for HTML only."""
    return escape(text)


def _shown(value: object) -> object:
    """What a template writes of a value: characters that can't be seen as escapes."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def environment() -> Environment:
    """The templates: escaped by default, and a name that is missing is an error."""
    made = Environment(
        loader=PackageLoader("eventlog.dashboard", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[Rooted],
    )
    made.globals["asset"] = asset_address
    made.filters["bdi"] = bdi
    made.filters["exact"] = exact
    made.filters["rooted"] = rooted
    made.filters["pairs"] = lambda values: [(value, value) for value in values]
    return made


def page(
    request: Request[Any, Any, Any], template: str, *, status: int = 200, **values: object
) -> Response[str]:
    """A template as a response, with the values of the page and those that every page needs."""
    visitor = visitor_of(request)
    text = (
        environment()
        .get_template(template)
        .render(
            path=request.url.path,
            root=site_of(request).settings.prefix,
            user=None if visitor.session is None else visitor.session.user_name,
            role=visitor.role,
            form_token=visitor.form_token,
            zone=site_of(request).zone.key,
            **values,
        )
    )
    return Response(text, status_code=status, media_type=MediaType.HTML)
