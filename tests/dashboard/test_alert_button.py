"""The page Health has a button that sends a test over each channel, for the owner alone."""

from __future__ import annotations

import pytest

from eventlog.dashboard.accounts.roles import Role
from eventlog.run.alerts import make_teller
from eventlog.run.around import Around
from eventlog.run.config_file import parse
from eventlog.run.health import Board
from tests.dashboard.house import House
from tests.support.http_servers import receiver

pytestmark = pytest.mark.anyio

CONFIG = """
log = {{ db = "events.db", thumbnails = "thumbnails" }}
[channel.page]
webhook = "http://{address}/"
[channel.gone]
webhook = "http://127.0.0.1:1/"
[alert.bell]
when = "ring"
channels = ["page", "gone"]
"""


def run_within(house: House, address: str) -> None:
    """Put the running door around the dashboard."""
    config = parse(CONFIG.format(address=address))
    teller = make_teller(config, house.site.store)
    house.site.running = Around(config, Board(), lambda: teller)


async def test_the_owner_sends_a_test(house: House) -> None:
    """A button for each channel; what became of the test is said."""
    with receiver() as (address, got):
        run_within(house, address)
        async with await house.signed_in() as client:
            health = (await client.get("/status")).text
            assert health.count("Send a test over") == 2
            sent = await client.post("/status/alerts/page/test")
            failed = await client.post("/status/alerts/gone/test")
            none = await client.post("/status/alerts/none/test")
    assert "A test went out over page." in sent.text
    assert "Over gone, it was not sent." in failed.text
    assert none.status_code == 404
    assert [body["rule"] for _, body in got] == ["test"]


@pytest.mark.parametrize("role", ["viewer", "kiosk"])
async def test_nobody_else_does(house: House, role: Role) -> None:
    """Neither the button nor what is behind it."""
    with receiver() as (address, got):
        run_within(house, address)
        async with await house.signed_in("guest", role=role) as client:
            assert "Send a test" not in (await client.get("/status")).text
            assert (await client.post("/status/alerts/page/test")).status_code == 403
            del client.headers["x-csrf-token"]
        async with await house.signed_in() as owner:
            del owner.headers["x-csrf-token"]
            assert (await owner.post("/status/alerts/page/test")).status_code == 403
    assert got == []


async def test_a_dashboard_alone_has_no_channels(house: House) -> None:
    """There is no running door around it."""
    async with await house.signed_in() as client:
        assert "Send a test" not in (await client.get("/status")).text
        assert (await client.post("/status/alerts/page/test")).status_code == 404
