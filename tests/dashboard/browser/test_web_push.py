"""Web push in a real browser: its own delivery to the service worker, and the page's button."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from eventlog.dashboard.manage import add_user
from eventlog.reactors.alerts.push_encryption import point_of
from tests.dashboard.browser.conftest import Pages, sign_in
from tests.dashboard.house import OWNER, PASSWORD
from tests.dashboard.running import Running
from tests.live.mosquitto import free_port
from tests.run.running import LONGEST_S, RunningDoor
from tests.support.push_service import b64, certificate

pytestmark = pytest.mark.browser

NAMELESS: Final = "Something at the door"
CONFIG: Final = """
keys = "{folder}/keys"
dashboard = {{ port = {port}, certificate = "{pem}", key = "{pem}", public_name = "localhost" }}
[channel.phone]
web_push = true
[alert.bell]
when = "ring"
channels = ["phone"]
"""
# What Chromium's own push service would answer, which is in the internet.
SUBSCRIBE: Final = """
PushManager.prototype.subscribe = async function ({ userVisibleOnly, applicationServerKey }) {
  window.name = `${userVisibleOnly} ${applicationServerKey.length}`;
  return { toJSON: () => (%s) };
};
"""
# The notifications, as soon as one has this title; none after a while.
SHOWN: Final = """async (wanted) => {
  const registration = await navigator.serviceWorker.ready;
  for (const end = Date.now() + 2_000; Date.now() < end; ) {
    const found = await registration.getNotifications();
    if (found.some(({ title }) => title === wanted))
      return found.map(({ title, body, tag, data, icon }) => ({ title, body, tag, data, icon }));
    await new Promise((done) => setTimeout(done, 20));
  }
  return [];
}"""
# A click by a person is not to be had without a desktop, and a worker may open and focus windows
# after one alone. The notification and the event are the browser's own; what the worker asks the
# browser for is noted.
CLICK: Final = """async (tag) => {
  const [notification] = await self.registration.getNotifications({ tag });
  const opened = [];
  const focused = [];
  self.clients.openWindow = async (address) => void opened.push(address);
  WindowClient.prototype.focus = async function () {
    focused.push(this.url);
  };
  const waited = [];
  const event = new NotificationEvent("notificationclick", { notification });
  event.waitUntil = (promise) => waited.push(promise);
  self.dispatchEvent(event);
  await Promise.all(waited);
  return [opened, focused, (await self.registration.getNotifications({ tag })).length];
}"""


def delivering(page: Any, url: str) -> Callable[[str], None]:
    """A function that has the browser deliver a push to the page's service worker."""
    page.context.grant_permissions(["notifications"], origin=url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    session = page.context.new_cdp_session(page)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(
            one["registrationId"]
            for one in event["registrations"]
            if one["scopeURL"].startswith(url) and not one["isDeleted"]
        ),
    )
    session.send("ServiceWorker.enable")
    deadline = time.monotonic() + LONGEST_S
    while not found:
        assert time.monotonic() < deadline, "the browser names no service worker"
        page.wait_for_timeout(10)

    def deliver(data: str) -> None:
        fields = {"origin": url, "registrationId": found[-1], "data": data}
        session.send("ServiceWorker.deliverPushMessage", fields)

    return deliver


def shown(page: Any, deliver: Callable[[str], None], data: str, title: str) -> list[dict[str, Any]]:
    """The notifications, as soon as one has this title.

    Chromium drops a push to a worker that it has not finished storing, so it is sent again then.
    """
    deadline = time.monotonic() + LONGEST_S
    while True:
        deliver(data)
        found: list[dict[str, Any]] = page.evaluate(SHOWN, title)
        if found:
            return found
        assert time.monotonic() < deadline, "the browser shows no notification"


def test_a_push_is_shown_and_a_click_opens_its_event(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """The browser delivers, the service worker shows; a revision takes the first one's place."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    deliver = delivering(page, running.url)
    content = {"title": "Somebody rang", "body": "at noon", "tag": "alert:3:bell:phone", "event": 3}
    (found,) = shown(page, deliver, json.dumps(content), "Somebody rang")
    assert (found["body"], found["tag"]) == ("at noon", "alert:3:bell:phone")
    assert found["icon"] == f"{running.url}/static/icon-192.png"
    named = json.dumps({**content, "title": "ada rang"})
    assert len(shown(page, deliver, named, "ada rang")) == 1
    (worker,) = page.context.service_workers
    opened, focused, left = worker.evaluate(CLICK, "alert:3:bell:phone")
    assert (opened, focused, left) == ([f"{running.url}/events/3"], [], 0)
    page.goto(opened[0])
    page.get_by_role("heading", level=1).wait_for()
    assert page.url == f"{running.url}/events/3"


@pytest.mark.parametrize("query", ["", "?label=person"])
def test_a_click_shows_the_events_page_that_is_open(
    sampled: tuple[Running, str], open_page: Pages, query: str
) -> None:
    """Also one that was opened from a filtered list; and no page of another event."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    deliver = delivering(page, running.url)
    other = page.context.new_page()
    other.goto(f"{running.url}/events/33")
    page.goto(f"{running.url}/events/3{query}")
    shown(page, deliver, json.dumps({"title": "Rang", "tag": "alert:3", "event": 3}), "Rang")
    (worker,) = page.context.service_workers
    assert worker.evaluate(CLICK, "alert:3") == [[], [f"{running.url}/events/3{query}"], 0]


@pytest.mark.parametrize(
    ("title", "data"),
    [
        (NAMELESS, ""),
        (NAMELESS, "no JSON"),
        (NAMELESS, "[]"),
        (NAMELESS, "null"),
        (NAMELESS, '"https://evil.example/"'),
        (NAMELESS, '{"title": {"a": 1}, "body": 7, "event": 1.5, "data": {"number": 9}}'),
        ("t", '{"title": "t", "tag": "x", "event": "https://evil.example/"}'),
        ("t", '{"title": "t", "tag": "x", "event": "../../elsewhere"}'),
        ("t", '{"title": "t", "tag": "x", "event": -1, "url": "https://evil.example/"}'),
    ],
)
def test_no_address_of_a_message_is_opened(
    sampled: tuple[Running, str], open_page: Pages, title: str, data: str
) -> None:
    """Whatever comes is shown as a notification of ours, and leads to the timeline at most."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    page.goto(f"{running.url}/people")
    found = shown(page, delivering(page, running.url), data, title)[0]
    (worker,) = page.context.service_workers
    opened, focused, _ = worker.evaluate(CLICK, found["tag"])
    assert (opened, focused) == ([f"{running.url}/"], [])


@pytest.fixture
def door(tmp_path: Path) -> Iterator[str]:
    """`eventlog run` with web push, by TLS; the address of its page."""
    (tmp_path / "log").mkdir()
    (tmp_path / "keys").mkdir(mode=0o700)
    port = free_port()
    pem = certificate(tmp_path / "door.pem", "localhost")
    config = CONFIG.format(folder=tmp_path, port=port, pem=pem)
    with RunningDoor(tmp_path / "log", config) as running:
        running.read_to("The dashboard is at")
        add_user(str(tmp_path / "log" / "events.db"), OWNER, PASSWORD)
        yield f"https://localhost:{port}"
        running.end()


@pytest.fixture
def trusting(browser: Any) -> Iterator[Any]:
    """A page of a Chromium to which every certificate is good, as ours has no authority."""
    own = browser.browser_type.launch(
        executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
        args=["--no-sandbox", "--ignore-certificate-errors"],
    )
    page = own.new_page()
    page.set_default_timeout(LONGEST_S * 1000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    own.close()
    assert faults == []


def test_the_button_subscribes_this_device(door: str, trusting: Any, axe: str) -> None:
    """Over TLS, by the door's key; the list shows the device, and Remove takes it off."""
    url, page = door, trusting
    page.context.grant_permissions(["notifications"], origin=url)
    keys = {"p256dh": b64(point_of(generate_private_key(SECP256R1()))), "auth": b64(bytes(16))}
    given = {"endpoint": "https://push.example.org/one", "keys": keys}
    page.add_init_script(SUBSCRIBE % json.dumps(given))
    sign_in(page, url)
    page.goto(f"{url}/account")
    page.get_by_role("button", name="Notify this device").click()
    page.get_by_role("button", name="Remove Chrome on Linux").wait_for()
    assert page.evaluate("window.name") == "true 65"
    section = page.locator("section", has=page.get_by_role("heading", name="Notifications"))
    assert "not notified yet" in section.inner_text()
    assert "pass through the service of the browser's maker" in section.inner_text()
    assert "must be open by https and a real name" in section.inner_text()
    page.evaluate(axe)
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        faults = page.evaluate("axe.run().then((found) => found.violations.map((one) => one.id))")
        assert faults == []
    page.get_by_role("button", name="Remove Chrome on Linux").click()
    page.get_by_text("No device yet").wait_for()
