"""`python -m benchmarks`: run the rows of the table and print them.

Exits with 0 whatever the figures are: timings are noisy, and no build shall fail by them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from benchmarks import machine, report
from benchmarks.bench import Bench
from benchmarks.logs import Logs
from benchmarks.measures import Row
from benchmarks.rows.bulk import bulk
from benchmarks.rows.disk import sizes, written
from benchmarks.rows.lists import lists
from benchmarks.rows.many_callers import durable as many_durable
from benchmarks.rows.many_callers import relaxed as many_relaxed
from benchmarks.rows.many_callers import views
from benchmarks.rows.memory import memory
from benchmarks.rows.mqtt import mqtt
from benchmarks.rows.notary import notary_alongside
from benchmarks.rows.one_caller import durable as one_durable
from benchmarks.rows.one_caller import relaxed as one_relaxed
from benchmarks.rows.pages import pages
from benchmarks.rows.peers import peers
from benchmarks.rows.proofs import proofs
from benchmarks.rows.readers import readers
from benchmarks.rows.replays import replays
from benchmarks.rows.screens import screens
from benchmarks.rows.sealing import sealing
from benchmarks.rows.starts import starts
from benchmarks.rows.thumbnails import thumbnails

Measured: TypeAlias = Callable[[Bench], Awaitable[Row | Sequence[Row]]]

ROWS: Final[dict[str, Measured]] = {
    "one-relaxed": one_relaxed,
    "one-durable": one_durable,
    "many-relaxed": many_relaxed,
    "many-durable": many_durable,
    "many-views": views,
    "bulk": bulk,
    "lists": lists,
    "readers": readers,
    "replay": replays,
    "disk": sizes,
    "wal": written,
    "peers": peers,
    "thumbnails": thumbnails,
    "start": starts,
    "memory": memory,
    "notary": notary_alongside,
    "proofs": proofs,
    "sealing": sealing,
    "mqtt": mqtt,
    "pages": pages,
    "screens": screens,
}

# On Debian and elsewhere /tmp may be memory; this is a disk by the file system standard.
TEMPORARY: Final = Path("/var/tmp")  # noqa: S108 - a folder of our own is made in it


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the arguments ask for."""
    asked = _parser().parse_args(arguments)
    # A large frame or an unclean stop is told in the log, which is no result.
    logging.getLogger("eventlog").setLevel(logging.ERROR)
    with _folder(asked.folder) as folder:
        logs_folder = asked.keep or folder
        logs_folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, Logs(logs_folder), quick=asked.quick)
        found = machine.describe(folder)
        if not asked.json:
            print(report.heading(found), end="\n\n", flush=True)
        rows = asyncio.run(_run(bench, asked.only or list(ROWS), told=not asked.json))
    print(report.as_json(found, rows) if asked.json else report.verdict(rows))


async def _run(bench: Bench, names: Sequence[str], *, told: bool) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        if not told:
            print(name, file=sys.stderr)
        started = time.perf_counter()
        measured = await ROWS[name](bench)
        some = [measured] if isinstance(measured, Row) else list(measured)
        took_s = (time.perf_counter() - started) / len(some)
        for row in some:
            rows.append(msgspec.structs.replace(row, took_s=took_s))
            if told:
                print(report.row_text(rows[-1]), end="\n\n", flush=True)
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures the log against a plain store, bare SQLite and eventsourcing.",
        epilog=f"rows: {', '.join(ROWS)}",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--json", action="store_true", help="write the run as JSON")
    parser.add_argument(
        "--only", nargs="+", choices=list(ROWS), metavar="ROW", help="some rows only"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the large logs there, or find them there"
    )
    parser.add_argument(
        "--folder", type=Path, default=TEMPORARY, help="where files are made (default /var/tmp)"
    )
    return parser


@contextlib.contextmanager
def _folder(above: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="eventlog-bench-", dir=above) as name:
        yield Path(name)


if __name__ == "__main__":
    main()
