"""A program that follows Frigate's topics of a broker into a log. Support code."""

from __future__ import annotations

from typing import Final

# Follows Frigate's topics of a broker into a log, and says so once it has subscribed.
FOLLOWER: Final = """
import asyncio, sys
from eventlog.run.health import Board
from eventlog.sources import SOURCES
from eventlog.sources.live.mqtt import Broker, Listening, MqttIn
from eventlog.store.event_store import EventStore

async def main(folder, port):
    async with EventStore(f"{folder}/events.db", f"{folder}/thumbnails") as store:
        listening = Listening(source="frigate", adapter=SOURCES["frigate"])
        board = Board()
        broker = Broker(host="127.0.0.1", port=int(port))
        follow = asyncio.create_task(
            MqttIn(broker, "eventlog-follower", [listening], store, board).run()
        )
        while not board.source("frigate").connected:
            await asyncio.wait([follow], timeout=0.01)
            if follow.done():
                await follow
        print("following", flush=True)
        await follow

asyncio.run(main(*sys.argv[1:]))
"""
