"""The page of the API: its operations in words, and examples that run.

Made from the same description that programs read at `/api/openapi.json`, so that the two can't
differ. It needs no script and nothing from elsewhere.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from msgspec import Struct

from eventlog.dashboard.api.openapi import description
from eventlog.dashboard.api.samples import ADDRESS, SAMPLES
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import site_of

_METHODS: Final = ("get", "post", "put", "patch", "delete")


class Operation(Struct, frozen=True, kw_only=True):
    """One operation in words."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[tuple[str, str, str]]
    example: str
    answers: list[tuple[str, str]]


@get("/help/api")
async def guide(request: Request[Any, Any, Any]) -> Response[str]:
    """The page."""
    site = site_of(request)
    scheme = "https" if site.settings.secure else "http"
    address = f"{scheme}://{request.headers.get('host', '')}{site.settings.prefix}"
    return page(
        request,
        "api.html",
        operations=operations(),
        samples=[(key, title, text.replace(ADDRESS, address)) for key, title, text in SAMPLES],
        about=description()["info"]["description"],
    )


def operations() -> list[Operation]:
    """The operations of the description, in its order."""
    return [
        _operation(method, path, found[method])
        for path, found in description()["paths"].items()
        for method in _METHODS
        if method in found
    ]


def _operation(method: str, path: str, said: dict[str, Any]) -> Operation:
    return Operation(
        anchor=said["operationId"],
        method=method.upper(),
        path=path,
        summary=said["summary"],
        text=said.get("description", ""),
        parameters=[_parameter(one) for one in said.get("parameters", ())],
        example=_example(said.get("requestBody", {})),
        answers=[(code, one["description"]) for code, one in said["responses"].items()],
    )


def _parameter(one: dict[str, Any]) -> tuple[str, str, str]:
    schema = one.get("schema", {})
    values = [str(value) for value in schema.get("enum", ())]
    kind = " or ".join(values) or schema.get("format") or str(schema.get("type", "text"))
    return one["name"], kind, one.get("description", "")


def _example(body: dict[str, Any]) -> str:
    for content in body.get("content", {}).values():
        if "example" in content:
            plain = msgspec.json.encode(content["example"])
            return msgspec.json.format(plain, indent=2).decode()
    return ""
