"""Opens what a power cut left and says what is wrong with it: nothing, if the promises hold.

The run that was recorded tells what was promised when, and how the journal went on; whatever a
cut leaves must be a beginning of that journal, long enough for every promise given before the
cut. A state is opened with the product's own functions; `open_with_store` is the whole product.

Knows nothing of how the states came about.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from hashlib import sha256
from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple

from eventlog import codecs
from eventlog.facts import Motion, ThumbnailSaved, UncleanStop
from eventlog.followers.projector import project_batch
from eventlog.journal import table as journal
from eventlog.record import StoredRecord
from eventlog.storage.connections import connect_reader, connect_writer
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path
from eventlog.store import opening
from eventlog.store.event_store import EventStore
from tests.powercut.disk import Files
from tests.powercut.looks import (
    Rows,
    chain_error,
    check_next_append,
    integrity,
    next_fact,
    view_rows,
)
from tests.powercut.operations import Acknowledged, Operation
from tests.powercut.workload import BACKUP, DB, PICTURES


class Promise(NamedTuple):
    """What was acknowledged at one operation of the recording."""

    at: int
    kind: str
    position: int = 0
    key: str = ""
    path: str = ""
    digest: str = ""


def promises(operations: Iterable[Operation]) -> list[Promise]:
    """The promises that a recording holds, in order."""
    found = []
    for at, operation in enumerate(operations):
        if not isinstance(operation, Acknowledged):
            continue
        match operation.text.split(" "):
            case ["append", durability, position, key]:
                found.append(Promise(at, durability, position=int(position), key=key))
            case ["picture", path, digest]:
                found.append(Promise(at, "picture", path=path, digest=digest))
            case ["backup", path]:
                found.append(Promise(at, "backup", path=path))
            case _:
                pass
    return found


class Look(NamedTuple):
    """Where the journal of a state ends, and what is wrong with it by itself."""

    end: int
    wrong: tuple[str, ...]


class Oracle:
    """Knows one run from its end: the complete journal, and the views at each position."""

    def __init__(
        self, database: Path, scratch: Path, given: Sequence[Promise], *, retried: bool = False
    ) -> None:
        """`database` is what the run left when it ended in peace; `scratch` is a folder to use.

        With `retried`, appends of the run failed and were made again: a cut may leave the first
        try of one that had not been answered by then.
        """
        self._retried = retried
        with closing(connect_reader(database)) as connection:
            self._rows = list(journal.read_all(connection))
            self._log_id = journal.log_id(connection)
        self._promises = given
        self._scratch = scratch
        self._views = self._views_by_position()
        self._pictures = [
            (row.position, fact.path, (fact.sha256 or b"").hex())
            for row in self._rows
            if isinstance(fact := codecs.decode_record(row).fact, ThumbnailSaved)
        ]
        self._digests: dict[bytes, str] = {}

    @property
    def first_promise(self) -> int:
        """The operation at which something was promised for the first time."""
        return min(promise.at for promise in self._promises)

    def look(self, files: Files) -> Look:
        """What these files hold, and what is wrong with them whatever was promised."""
        path = self._lay(files, (DB, DB + "-wal", DB + "-journal", DB + ".head"))
        try:
            look = self._look_at_database(path, files)
        except Exception as error:  # noqa: BLE001 - whatever the product raises is a finding
            look = Look(0, (f"opening it raised {type(error).__name__}: {error}",))
        return look._replace(wrong=(*look.wrong, *self._look_at_backup(files)))

    def broken(self, look: Look, files: Files, at: int) -> list[str]:
        """What had been promised up to operation `at`, and is not kept."""
        wrong = []
        for promise in self._promises:
            if promise.at > at:
                break
            if promise.kind == "durable" and promise.position > look.end:
                wrong.append(f"{promise.key} was acknowledged, the journal ends at {look.end}")
            elif promise.kind == "picture" and not self._whole(files, promise.path, promise.digest):
                wrong.append(f"the picture {promise.path} was acknowledged, and is not whole")
            elif promise.kind == "backup" and promise.path not in files:
                wrong.append("the backup was acknowledged, and is missing")
        return wrong

    def relaxed_lost(self, look: Look, at: int) -> bool:
        """Whether relaxed appends are lost that had been acknowledged up to operation `at`."""
        return any(
            promise.kind == "relaxed" and promise.at <= at and promise.position > look.end
            for promise in self._promises
        )

    def check_with_store(self, files: Files, at: int) -> list[str]:
        """The same with the complete product: open, catch up, append, replay, close, verify."""
        given = [p for p in self._promises if p.at <= at and p.kind == "durable" and p.key]
        path = self._lay(files, files)
        try:
            return asyncio.run(self._use(path, given))
        except Exception as error:  # noqa: BLE001 - whatever the product raises is a finding
            return [f"using it raised {type(error).__name__}: {error}"]

    # ── the database ───────────────────────────────────────────────────────────────────────

    def _look_at_database(self, path: Path, files: Files) -> Look:
        opening.require_usable(path)
        with closing(FileLock(lock_path(path))) as lock, lock:
            with closing(connect_writer(path, lock)) as connection:
                opening.prepare(connection, path)
                # A damaged tree may yield rows without end.
                rows = list(islice(journal.read_all(connection), len(self._rows) + 1))
                known = self._known(rows)
                wrong = self._check_rows(connection, rows)
                wrong += self._check_pictures(files, known)
                if not wrong and known < len(rows) and not self._retried:
                    wrong.append("the journal is no beginning of what was written")
                if not wrong and rows and known == len(rows):
                    wrong += self._check_views(connection)
                    wrong += check_next_append(connection)
                    wrong += integrity(connection)
            return Look(known, tuple(wrong))

    def _check_rows(
        self, connection: sqlite3.Connection, rows: Sequence[StoredRecord]
    ) -> list[str]:
        wrong = integrity(connection)
        if rows and journal.log_id(connection) != self._log_id:
            wrong.append("the log has another id")
        if chain_error(journal.log_id(connection), rows):
            wrong.append("the chain is broken")
        return wrong

    def _known(self, rows: Sequence[StoredRecord]) -> int:
        """How many of these rows, from the first, the run's journal has as well."""
        pairs = zip(rows, self._rows, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def _check_views(self, connection: sqlite3.Connection) -> list[str]:
        (least,) = connection.execute("SELECT min(position) FROM checkpoints").fetchone()
        (most,) = connection.execute("SELECT max(position) FROM checkpoints").fetchone()
        if least != most:
            return [f"the views stand apart, at {least} and {most}"]
        wrong = []
        if view_rows(connection) != self._views[least]:
            wrong.append(f"the views at {least} differ from a replay")
        while not project_batch(connection).at_end:
            pass
        end = journal.last_position(connection)
        if view_rows(connection) != self._views[end]:
            wrong.append(f"the views carried from {least} to {end} differ from a replay")
        return wrong

    def _views_by_position(self) -> list[list[Rows]]:
        path = self._lay({}, ())
        with closing(FileLock(lock_path(path))) as lock:
            connection = connect_writer(path, lock)
            with closing(connection):
                opening.prepare(connection, path)
                views = [view_rows(connection)]
                for row in self._rows:
                    journal.insert(connection, [tuple(row)])
                    project_batch(connection)
                    views.append(view_rows(connection))
        return views

    # ── the files beside it ────────────────────────────────────────────────────────────────

    def _check_pictures(self, files: Files, end: int) -> list[str]:
        return [
            f"position {position} names {path}, which is missing or damaged"
            for position, path, digest in self._pictures
            if position <= end and not self._whole(files, path, digest)
        ]

    def _whole(self, files: Files, path: str, digest: str) -> bool:
        content = files.get(path)
        if content is None:
            return False
        if content not in self._digests:
            self._digests[content] = sha256(content).hexdigest()
        return self._digests[content] == digest

    def _look_at_backup(self, files: Files) -> list[str]:
        if BACKUP not in files:
            return []
        path = self._lay({BACKUP: files[BACKUP]}, (BACKUP,)).with_name(BACKUP)
        try:
            with closing(connect_reader(path)) as connection:
                rows = list(journal.read_all(connection))
                if integrity(connection) or rows != self._rows[: len(rows)] or not rows:
                    return ["the backup is damaged"]
        except Exception as error:  # noqa: BLE001 - whatever the product raises is a finding
            return [f"opening the backup raised {type(error).__name__}: {error}"]
        return []

    def _lay(self, files: Files, some: Iterable[str]) -> Path:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        for name in some:
            if name in files:
                target = self._scratch / name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(files[name])
        return self._scratch / DB

    # ── the whole product ──────────────────────────────────────────────────────────────────

    async def _use(self, path: Path, given: Sequence[Promise]) -> list[str]:
        wrong: list[str] = []
        store = EventStore(str(path), str(path.with_name(PICTURES)))
        async with store:
            for promise in given:
                known = await store.receipt(promise.key)
                if known is None or known.positions[-1] != promise.position:
                    wrong.append(f"the receipt of {promise.key} is {known}")
            end = await store.reader.last_position()
            receipt = await store.append(next_fact(), key="after the cut")
            if receipt.positions[0] <= end:
                wrong.append("the next append took a place that was taken")
            await store.caught_up(receipt.positions[-1])
            before = await store.reader.run(view_rows)
            await store.replay()
            if await store.reader.run(view_rows) != before:
                wrong.append("the views differ from a replay of them")
        with closing(connect_reader(path)) as connection:
            rows = list(journal.read_all(connection))
            wrong += integrity(connection)
            if chain_error(journal.log_id(connection), rows):
                wrong.append("the chain is broken")
            wrong += self._check_tail(rows)
        return wrong

    def _check_tail(self, rows: Sequence[StoredRecord]) -> list[str]:
        """After a beginning of the journal: what was found at the start, and the new append."""
        if self._retried:
            return []
        added = [codecs.decode_record(row).fact for row in rows if row not in self._rows]
        known = len(rows) - len(added)
        if rows[:known] != self._rows[:known]:
            return ["the journal is no beginning of what was written"]
        *stops, last = [type(fact) for fact in added]
        if last is not Motion or any(stop is not UncleanStop for stop in stops):
            return [f"after the cut stand {added}"]
        return []
