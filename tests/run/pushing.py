"""A dashboard with a running door's web push around it, and a push service of the test's own.

Support code.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from eventlog.dashboard.accounts import push_devices
from eventlog.dashboard.accounts.push_devices import PushDevice, Subscription, subscribe
from eventlog.evidence.keys import KeysDir
from eventlog.journal import table as journal
from eventlog.reactors.alerts.push_service import PushService
from eventlog.reactors.alerts.web_push import WebPush
from eventlog.run import web_push
from eventlog.run.alerts import make_teller
from eventlog.run.around import Around
from eventlog.run.config_file import parse
from eventlog.run.health import Board
from eventlog.store.event_store import EventStore
from tests.dashboard.house import House, open_house
from tests.support.push_service import Browser, PushServer, push_server

PUBLIC_URL: Final = "https://door.example.org"
CONFIG: Final = """
log = {{ db = "{folder}/events.db", thumbnails = "{folder}/thumbnails" }}
keys = "{keys}"
dashboard = {{ public_url = "{url}" }}
[channel.phone]
web_push = true
[alert.bell]
when = "ring"
channels = ["phone"]
[alert.stranger]
when = "stranger"
channels = ["phone"]
"""


class Pushing:
    """The house, the service, and the channel; `begin` makes what a start of the door makes."""

    def __init__(self, house: House, service: PushServer, folder: Path, log_id: bytes) -> None:
        self.house = house
        self.service = service
        self.keys = KeysDir(folder / "keys", log_id)
        self.config = parse(
            CONFIG.format(folder=folder / "log", keys=folder / "keys", url=PUBLIC_URL)
        )
        self.now = house.site.clock()
        self.push = self.begin()

    async def restart(self) -> WebPush:
        """End the channel and begin it anew."""
        await self.push.devices.close()
        self.push = self.begin()
        return self.push

    def begin(self) -> WebPush:
        """A new process's channel and teller."""
        service = self.service
        push = web_push.opened(
            self.config,
            self.keys.log_id,
            service=PushService(service.context, service.is_allowed, service.resolve),
            clock=lambda: self.now,
        )
        assert push is not None
        self.teller = make_teller(self.config, self.house.site.store, push)
        self.house.site.running = Around(self.config, Board(), lambda: self.teller)
        return push

    async def subscribe(self, *browsers: Browser) -> None:
        """Subscribe browsers, each of a user of its own, without the page."""
        for browser in browsers:
            name = browser.path.rpartition("/")[2]
            user_id = await self.house.user(f"of-{name}")
            asked = Subscription(
                endpoint=browser.endpoint,
                public_key=browser.public,
                auth_secret=browser.auth,
                server_key=self.push.public_key,
            )
            await self.house.site.accounts.run(
                partial(subscribe, user_id=user_id, asked=asked, now_s=1, address="here")
            )

    async def devices(self) -> list[PushDevice]:
        """Everybody's devices."""
        return await self.house.site.accounts.run(lambda c: push_devices.listed(c, None))


@asynccontextmanager
async def pushing(folder: Path, *, sealed: bool = False) -> AsyncIterator[Pushing]:
    """A house with web push; with `sealed` its log seals names."""
    (folder / "log").mkdir()
    (folder / "keys").mkdir(mode=0o700)
    with push_server(folder) as service:
        keys = folder / "keys" if sealed else None
        if sealed:
            async with EventStore(str(folder / "log" / "events.db"), keys_dir=str(keys)):
                pass  # the first start makes the seals
        async with open_house(folder / "log", keys_dir=keys) as house:
            log_id = await house.site.pages.run(journal.log_id)
            made = Pushing(house, service, folder, log_id)
            try:
                yield made
            finally:
                await made.push.devices.close()
