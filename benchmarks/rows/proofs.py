"""Proofs on a long log: the notary's work a record, one proof, and the stranger's program."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import anyio.to_thread

from benchmarks import logs
from benchmarks.bench import Bench
from benchmarks.measures import Figure, Row, figure
from eventlog.evidence import proofs as files
from eventlog.evidence import proving
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.signed_heads import LogName, SignedHead
from eventlog.evidence.signing import HeadSigner
from eventlog.evidence.stranger import source
from eventlog.journal import table as journal
from eventlog.storage.connections import connect_reader
from eventlog.storage.paths import tree_path

PROOFS = 30


async def proofs(bench: Bench) -> Row:
    """On a million records, or on 50,000 in a quick run."""
    events = bench.size(200_000, 10_000)
    async with bench.spare() as folder:
        path = logs.copy(bench.logs.journal(events), folder)
        with tempfile.TemporaryDirectory(prefix="eventlog-keys-") as keys:
            figures = await anyio.to_thread.run_sync(_measured, path, Path(keys), events * 5)
    return Row(name=f"proofs at {events * 5:,} records", figures=figures)


def _measured(path: Path, folder: Path, records: int) -> list[Figure]:
    with closing(connect_reader(path)) as connection:
        log_id = journal.log_id(connection)
    keys = KeysDir(folder / "keys", log_id)
    keys.make(path)
    pair = new_key(str(LogName(log_id)))
    keys.write_signing_keys([pair])
    with HeadSigner(path, keys) as signer:
        started = time.process_time()
        signer.read_to_end()
        cpu_us = (time.process_time() - started) / signer.size * 1e6
        head = signer.sign()
    assert head.size == records
    program, heads, proof = folder / "verify.py", folder / "heads", folder / "proof"
    program.write_bytes(source())
    heads.write_bytes(head.note.encode())
    proved_s = _prove(path, head, proof)
    key = pair.public.encode()
    one_s, _ = _run([program, "proof", "--key", key, proof])
    log_s, log_mb = _run([program, "log", "--key", key, "--db", path, heads])
    # In a quick run the program's start would count for more than the records do.
    per_million = 1_000_000 / records
    return [
        figure("notary, CPU a record", [cpu_us], "us", at_most=10),
        figure("one proof", [one * 1000 for one in proved_s], "ms", at_most=50),
        figure("the stranger's check of it", [one_s], "s", at_most=0.5),
        figure("the stranger's check of 1 M records", [log_s * per_million], "s", at_most=10),
        figure("its memory", [log_mb], "MB", at_most=64),
        figure(
            "tree file, bytes a record",
            [tree_path(path).stat().st_size / records],
            "B",
            at_most=0.13,
        ),
        figure("one head", [len(head.note.encode()) * 2 / 1000], "kB", at_most=4),
    ]


def _prove(path: Path, head: SignedHead, file: Path) -> list[float]:
    """How long proofs of records all over the log take; the last one stays in a file."""
    took = []
    with closing(connect_reader(path)) as connection:
        for number in range(PROOFS):
            position = 1 + number * (head.size - 1) // (PROOFS - 1)
            started = time.perf_counter()
            proof = proving.prove(connection, path, head, position)
            took.append(time.perf_counter() - started)
            file.write_bytes(files.encode(proof))
    return took


# Runs the program and tells its own peak: what the system keeps of a child's memory counts that of
# its parent, before the program was loaded.
_TOLD = """
import resource, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1000)
"""


def _run(arguments: Sequence[object]) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of the stranger's program."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-I", "-S", "-c", _TOLD, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    cpu_s, peak_mb = done.stdout.splitlines()[-1].split()
    return float(cpu_s), float(peak_mb)
