"""The button that sends a test over an alert's channel, on the page Health: the owner's."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import site_of


@post("/status/alerts/{channel:str}/test", status_code=200)
async def send_test(request: Request[Any, Any, Any], channel: FromPath[str]) -> Response[str]:
    """Send a test, which is not recorded, and say what became of it."""
    running = site_of(request).running
    if running is None or channel not in running.channels():
        raise NotFoundException("The config has no such channel.")
    wrong = await running.test_channel(channel)
    return page(request, "alert_test.html", channel=channel, wrong=wrong)
