"""The page Proof: the proof file of one record, and the program that checks it."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from functools import partial
from typing import Any

import anyio.to_thread
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from markupsafe import Markup

from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Settings, site_of
from eventlog.errors import BadNote, EventLogError, HeadContradicted, KeysMissing
from eventlog.evidence import heads_file, outside, proofs, proving, qr
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.signed_heads import SignedHead, parse_name
from eventlog.evidence.stranger import source
from eventlog.journal import table as journal
from eventlog.record import ID_MAX
from eventlog.storage.paths import heads_path


@get("/proof")
async def explained(request: Request[Any, Any, Any]) -> Response[str]:
    """What a proof says, and how a stranger checks it."""
    site = site_of(request)
    path = site.settings.db_path
    heads = await site.figures.run(partial(_own_heads, settings=site.settings))
    head = heads[-1] if heads else None
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
    if not 0 < position <= ID_MAX:
        raise NotFoundException(detail="there is no such record")
    proof = await site.figures.run(partial(_prove, settings=site.settings, position=position))
    if proof is None:
        raise NotFoundException(detail="no signed head reaches this record yet")
    return _file(proof, f"record-{position}.tlog-proof")


@get("/proof/evidence_verify.py")
async def verifier() -> Response[bytes]:
    """The program with which a stranger checks proofs."""
    return _file(source(), "evidence_verify.py")


def _file(content: bytes, name: str) -> Response[bytes]:
    disposition = f'attachment; filename="{name}"'
    return Response(content, media_type="text/plain", headers={"Content-Disposition": disposition})


def _prove(connection: sqlite3.Connection, settings: Settings, position: int) -> bytes | None:
    """The proof file by the best head that the rows confirm; None if none reaches it.

    Raises HeadContradicted if every head that reaches it is of another log.
    """
    heads = _own_heads(connection, settings)
    if not heads:
        return None
    contradicted: HeadContradicted | None = None
    for head in proving.heads_over(heads, position, heads[-1].origin):
        try:
            proof = proving.prove(connection, settings.db_path, head, position)
        except HeadContradicted as error:
            contradicted = error  # the file next to the log may hold anything: another may do
        else:
            return proofs.encode(proof)
    if contradicted is not None:
        raise contradicted
    return None


def _own_heads(connection: sqlite3.Connection, settings: Settings) -> list[SignedHead]:
    """The heads next to the log that are this log's, in their order.

    With the folder of keys at hand, only those that a key of the log has signed.
    """
    log_id = journal.log_id(connection)
    try:
        heads = [
            head
            for head in heads_file.read_heads(heads_path(settings.db_path))
            if _log_of(head) == log_id
        ]
    except EventLogError:
        return []
    if settings.keys_dir is None:
        return heads
    with suppress(EventLogError):  # who serves the pages need not be who signs
        keys = KeysDir(settings.keys_dir, log_id).public_keys()
        return [head for head in heads if any(key.signs(head.note) for key in keys)]
    return heads


def _log_of(head: SignedHead) -> bytes | None:
    try:
        return parse_name(head.origin).log_id
    except BadNote:
        return None


def _code(line: str) -> Markup | None:
    try:
        return Markup(qr.as_svg(line))  # noqa: S704 - segno's own drawing of a line of ours
    except KeysMissing:
        return None
