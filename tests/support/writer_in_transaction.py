"""A program that takes the lock of a log, begins a transaction, says so, and ends neither."""

from __future__ import annotations

from typing import Final

# Its argument is the database; it writes one line when it holds the lock.
HOLDER: Final = """
import asyncio, sys, time
from pathlib import Path
from eventlog.storage.writer import Writer

def hold(connection):
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM parked")
    print("in the transaction", flush=True)
    time.sleep(600)

async def main(path):
    writer = Writer(Path(path))
    await writer.open(lambda connection: None)
    await writer.run(hold)

asyncio.run(main(sys.argv[1]))
"""
