"""What the tests of salvage need: logs with large records, noise on pages, and the truth.

`require_true` holds a new log against the old rows, whatever was damaged in between.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eventlog import codecs
from eventlog.journal.append import Append, EncodedFact
from eventlog.maintenance.salvage.cells import rows as rows_of_page
from eventlog.maintenance.salvage.files import Files
from eventlog.maintenance.salvage.pages import Cell, leaf_cells, payload, record_header
from eventlog.maintenance.salvage.salvage import SalvageReport
from eventlog.maintenance.verify.log import verify
from eventlog.record import StoredRecord
from tests.support.logs import (
    appends,
    rows,
)

PAGE = 4096


def large(seed: int, count: int) -> list[Append]:
    """Appends of a kind of a later program, whose bodies need overflow pages."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        body = codecs.encode_meta(
            {"kind": "sound", "version": 1, "samples": rng.randbytes(rng.randrange(12_000))}
        )
        made.append(Append((EncodedFact("sound", 1, body),), opens=False))
    return made


def mixed(visits: int, seed: int = 1) -> list[Append]:
    """Visits, and large records among them."""
    made = [*appends(visits, seed), *large(seed, visits // 40)]
    random.Random(seed).shuffle(made)
    return made


def carried(target: Path) -> dict[int, StoredRecord]:
    """The new log's rows by the positions that they had in the old one, with their old meta."""
    found = {}
    for columns in rows(target):
        row = StoredRecord._make(columns)
        meta = codecs.decode_meta(row.meta)
        origin = meta.pop("origin")
        found[origin["position"]] = row._replace(meta=codecs.encode_meta(meta) if meta else None)
    return found


def require_true(old: list[tuple[Any, ...]], target: Path, report: SalvageReport) -> set[int]:
    """Hold a new log against the old rows; the old positions that it has.

    What is carried is what was written, unproved records excepted; what is not is named.
    """
    new = carried(target)
    doubtful = {p for r in report.unproved for p in range(r.first, r.last + 1)}
    compared = ("event_id", "kind", "version", "format", "appended_at", "meta", "body")
    for position, row in new.items():
        before = StoredRecord._make(old[position - 1])
        if position not in doubtful:
            assert [getattr(row, c) for c in compared] == [getattr(before, c) for c in compared]
    missing = {p for r in report.missing for p in range(r.first, r.last + 1)}
    assert missing == set(range(1, len(old) + 1)) - set(new)
    assert report.carried == len(new) == report.proved + report.repaired + len(doubtful)
    assert list(new) == sorted(new)
    assert verify(target).ok
    return set(new)


def pages_of_records(path: Path) -> dict[int, set[int]]:
    """The pages that each record of a sound log has bytes on."""
    found: dict[int, set[int]] = {}
    with Files.open(path, path.with_name(path.name + "-wal")) as files:
        for number in range(1, files.pages + 1):
            page = files.read(number)
            assert page is not None
            positions = {row.position for row, _ in rows_of_page(page, number, files.read)}
            for cell in leaf_cells(page, number):
                header = record_header(page, cell.start)
                if cell.rowid in positions and header is not None and len(header.types) == 12:
                    found[cell.rowid] = {number, *overflow_pages(page, cell, files)}
    return found


def overflow_pages(page: bytes, cell: Cell, files: Files) -> list[int]:
    """The pages on which a cell's record continues."""
    touched: list[int] = []

    def read(number: int) -> bytes | None:
        touched.append(number)
        return files.read(number)

    assert payload(page, cell.start, cell.size, read) is not None
    return touched


def overwrite(path: Path, numbers: Iterable[int], rng: random.Random) -> None:
    """Put noise in place of pages."""
    data = bytearray(path.read_bytes())
    for number in numbers:
        data[(number - 1) * PAGE : number * PAGE] = rng.randbytes(PAGE)
    path.write_bytes(data)
