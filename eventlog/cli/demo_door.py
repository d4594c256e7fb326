"""The running door of the demo: a broker with Frigate and a lock, and a page for alerts.

It is `eventlog run` with a config of the demo's own. Needs mosquitto and the extra `mqtt`; without
them the demo shows its dashboard alone.
"""

from __future__ import annotations

import asyncio
import html
import importlib.util
import json
import logging
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any, Final

from eventlog.cli.context import Context
from eventlog.run.process import run_door
from eventlog.run.supervisor import Part
from eventlog.store.event_store import EventStore

log: Final = logging.getLogger("eventlog")

NEEDS: Final = ("aiomqtt", "litestar")
PAUSE_S: Final = (3.0, 8.0)
SEED: Final = 8
CONFIG: Final = """\
# The demo's own door. `eventlog run --config {folder}/eventlog.toml` runs it as well, while a
# broker listens at that port.
dashboard = {{ host = "127.0.0.1", port = {port} }}
mqtt = {{ host = "127.0.0.1", port = {broker} }}
{keys}
[log]
db = "{db}"
thumbnails = "{thumbnails}"

[door.front]
cameras = ["front_door"]
lock = {{ z2m = "front lock" }}

[source.frigate]
kind = "frigate"

[source.z2m]
kind = "zigbee2mqtt"
devices = ["front lock"]

[channel.page]
webhook = "{page}"

[alert.opened]
when = "opened"
channels = ["page"]

[alert.ring]
when = "ring"
channels = ["page"]
"""


def mosquitto() -> str | None:
    """Where mosquitto is, None if it is not installed."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def can_run() -> bool:
    """Whether all that the demo's door needs is there."""
    return mosquitto() is not None and all(map(importlib.util.find_spec, NEEDS))


def run(context: Context, folder: Path, port: int, alongside: Callable[[EventStore], Any]) -> None:
    """Run the door until Ctrl-C. `alongside` plays visits into the open log meanwhile."""
    with ExitStack() as stack:
        broker = stack.enter_context(_broker(folder))
        page = stack.enter_context(_alert_page())
        config = folder / "eventlog.toml"
        config.write_text(
            CONFIG.format(
                folder=folder,
                port=_free(port),
                broker=broker,
                page=page,
                keys="" if context.keys_dir is None else f'keys = "{context.keys_dir}"\n',
                db=context.db_path.absolute(),
                thumbnails=context.thumbnails_dir.absolute(),
            ),
            encoding="utf-8",
        )
        context.say(f"Frigate and a lock publish to mosquitto, at port {broker}.")
        context.say(f"The alerts that go out are on the page {page}")

        def say(text: str) -> None:
            context.out.print(text, soft_wrap=True)  # or an address could not be clicked
            context.out.file.flush()

        def more(store: EventStore) -> list[Part]:
            return [
                Part("demo.visits", None, lambda: _visits(alongside, store)),
                Part("demo.messages", None, lambda: publish_for_ever(broker, SEED)),
            ]

        asyncio.run(run_door(config, say=say, sign_in_link=True, more=more))


async def _visits(alongside: Callable[[EventStore], Any], store: EventStore) -> None:
    await alongside(store)
    await asyncio.Event().wait()  # all were played


def _free(port: int) -> int:
    """The port, or 0 if another program listens there: then the system chooses one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    """A mosquitto on loopback, its data in the demo's folder; the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    text = f"listener {port} 127.0.0.1\nallow_anonymous true\n{user}log_dest none\n"
    config.write_text(text, encoding="utf-8")
    program = mosquitto()
    assert program is not None  # noqa: S101 - `can_run` was asked
    process = subprocess.Popen([program, "-c", str(config)])  # noqa: S603 - a fixed command
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _alert_page() -> Iterator[str]:
    """A page on loopback that takes alerts and shows them; its address."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            got.insert(0, f"{body['title']}: {body['body']}")
            self._answer(b"", "text/plain")

        def do_GET(self) -> None:
            lines = "".join(f"<li>{html.escape(one)}" for one in got[:100])
            text = f'<!doctype html><meta http-equiv="refresh" content="3"><ol>{lines}</ol>'
            self._answer(text.encode(), "text/html; charset=utf-8")

        def _answer(self, content: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


async def publish_for_ever(port: int, seed: int) -> None:
    """Publish what Frigate and a lock would, a visit every few seconds."""
    from eventlog.sources.live.mqtt import Broker, make_client  # noqa: PLC0415 - an extra

    random = Random(seed)  # noqa: S311 - examples need no secrecy
    broker = Broker(host="127.0.0.1", port=port)
    async with make_client(broker, "eventlog-demo", keep_session=False) as client:
        for number in range(1, 2**31):
            for topic, payload in visit(number, datetime.now(UTC), random):
                await client.publish(topic, json.dumps(payload), qos=1)
            await asyncio.sleep(random.uniform(*PAUSE_S))


def visit(number: int, at: datetime, random: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """The messages of one visit: Frigate sees and loses somebody; every third opens by a code."""
    seconds = at.timestamp()
    after = {
        "id": f"{seconds:.6f}-demo{number}",
        "camera": "front_door",
        "label": random.choice(["person", "person", "cat", "car"]),
        "frame_time": seconds,
        "start_time": seconds,
        "score": round(random.uniform(0.6, 0.95), 2),
        "top_score": 0.95,
        "box": [120, 40, 260, 260],
    }
    yield "frigate/events", {"type": "new", "before": None, "after": after}
    if number % 3 == 0:
        turned = {"action": "unlock", "action_source_name": "keypad", "action_user": 2}
        yield "zigbee2mqtt/front lock", {**turned, "last_seen": at.isoformat(), "state": "UNLOCK"}
    ended = {**after, "frame_time": seconds + 2, "end_time": seconds + 2}
    yield "frigate/events", {"type": "end", "before": after, "after": ended}
