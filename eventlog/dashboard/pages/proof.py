"""The page Proof: the proof file of one record, and the program that checks it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from markupsafe import Markup

from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import site_of
from eventlog.errors import EventLogError, KeysMissing
from eventlog.evidence import heads_file, outside, proofs, proving, qr
from eventlog.evidence.signed_heads import SignedHead
from eventlog.evidence.stranger import source
from eventlog.storage.paths import heads_path

POSITION_MAX: Final = 2**63 - 1


@get("/proof")
async def explained(request: Request[Any, Any, Any]) -> Response[str]:
    """What a proof says, and how a stranger checks it."""
    path = site_of(request).settings.db_path
    head = await anyio.to_thread.run_sync(_newest, path)
    known = await anyio.to_thread.run_sync(outside.read, path)
    line = None if head is None else head.line()
    return page(
        request,
        "proof.html",
        head=head,
        line=line,
        code=None if line is None else _code(line),
        places=[] if known is None else [place.name for place in known.places],
    )


@get("/records/{position:int}/proof")
async def of_record(request: Request[Any, Any, Any], position: FromPath[int]) -> Response[bytes]:
    """The proof file of one record, where a signed head reaches it."""
    site = site_of(request)
    path = site.settings.db_path
    head = await anyio.to_thread.run_sync(_reaching, path, position)
    if head is None or not 0 < position <= POSITION_MAX:
        raise NotFoundException(detail="no signed head reaches this record yet")

    def prove(connection: sqlite3.Connection) -> bytes:
        return proofs.encode(proving.prove(connection, path, head, position))

    return _file(await site.figures.run(prove), f"record-{position}.tlog-proof")


@get("/proof/evidence_verify.py")
async def verifier() -> Response[bytes]:
    """The program with which a stranger checks proofs."""
    return _file(source(), "evidence_verify.py")


def _file(content: bytes, name: str) -> Response[bytes]:
    disposition = f'attachment; filename="{name}"'
    return Response(content, media_type="text/plain", headers={"Content-Disposition": disposition})


def _newest(path: Path) -> SignedHead | None:
    """The newest head beside the log."""
    try:
        heads = heads_file.read_heads(heads_path(path))
    except EventLogError:
        return None
    return heads[-1] if heads else None


def _reaching(path: Path, position: int) -> SignedHead | None:
    newest = _newest(path)
    if newest is None:
        return None
    heads = heads_file.read_heads(heads_path(path))
    return proving.best_head(heads, position, newest.origin)


def _code(line: str) -> Markup | None:
    try:
        return Markup(qr.as_svg(line))  # noqa: S704 - segno's own drawing of a line of ours
    except KeysMissing:
        return None
