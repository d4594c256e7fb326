"""Stores the token of Ring, which Ring replaces at each refresh, in the state folder.

Also the part that follows Ring. The config names the token's file; /etc is read-only to the unit,
so it is next to the log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from eventlog.errors import BadArgument
from eventlog.evidence.small_files import read_given
from eventlog.record import Author
from eventlog.run import recorded
from eventlog.run.author import Signed
from eventlog.run.config import Ring
from eventlog.run.health import Board
from eventlog.run.sources import together
from eventlog.run.values import seconds
from eventlog.sources import SOURCES
from eventlog.sources.live.reconcile import Reconciler
from eventlog.storage import durable_files
from eventlog.store.event_store import EventStore


def read(path: Path) -> dict[str, Any] | None:
    """A token; None if there is no file. Raises BadArgument for one that can't be read."""
    try:
        content = read_given(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadArgument(f"{path} can't be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadArgument(f"{path} holds no token: `eventlog ring login` makes one") from error


def write(path: Path, token: dict[str, Any]) -> None:
    """Put a token in the place of the one before, or leave that one undamaged. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    durable_files.replace(path, msgspec.json.encode(token))


async def follow(name: str, table: Ring, store: EventStore, board: Board) -> None:
    """Follow Ring forever. Raises BadArgument if there is no token."""
    from eventlog.sources.live.ring import RingIn, make_ring  # noqa: PLC0415 - an extra, and slow

    path = Path(table.token_file)
    pushes = path.with_name(f"{path.name}.push")
    token = read(path)
    if token is None:
        raise BadArgument(f"source.{name}: there is no {path}: `eventlog ring login {path}`")
    signed = Signed(store, Author("source", name))
    ring = make_ring(token, lambda newer: write(path, newer))
    live = RingIn(
        name,
        ring,
        adapter=SOURCES["ring"],
        store=signed,
        report=board,
        credentials=read(pushes),
        updated=lambda newer: write(pushes, newer),
    )
    known = await store.reader.run(lambda c: recorded.known_of(c, name, "ring:"))
    reconciler = Reconciler(
        name,
        live.ask,
        signed,
        board,
        known,
        every_s=seconds(table.every),
        history_s=seconds(table.history),
    )
    try:
        await ring.async_create_session()
        await together(live.run, reconciler.run)
    finally:
        await ring.auth.async_close()
