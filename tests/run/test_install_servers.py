"""docs/install.md alone leads from an empty Debian to a page that shows what Frigate sees."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import shutil
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import aiomqtt
import pytest

from tests.run.clean_root import SOURCE, CleanRoot, require_free
from tests.run.house import seen
from tests.run.running import CHECKOUT, LONGEST_S

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PAGE: Final = CHECKOUT / "docs/install.md"
NAME: Final = "door.home"
PORT: Final = 8443
BROKER: Final = 1883
PORTS: Final = {"mosquitto": BROKER, "eventlog": PORT}
PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - a test's password
OURS: Final = "runuser -u eventlog -- eventlog --db /var/lib/eventlog/events.db"
PHONE: Final = {"width": 390, "height": 844}


def steps() -> list[str]:
    """The blocks of the page that install and start it, in their order."""
    text = PAGE.read_text(encoding="utf-8").partition("## The config")[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def upgrade() -> str:
    """The block of the page that upgrades it."""
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(r"^```sh upgrade\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


def follow(root: CleanRoot, step: str) -> None:
    """Do what a block says. There is no systemd: a service is started as its unit says."""
    script = [f"cd {SOURCE}"]
    for line in step.splitlines():
        if line.startswith(("systemctl status", "systemctl daemon-reload", "journalctl")):
            continue
        if not line.startswith("systemctl"):
            script.append(line)
            continue
        root.run("\n".join(script), stdin=f"{PASSWORD}\n".encode())
        script = [f"cd {SOURCE}"]
        for unit in line.split()[2:]:
            if unit.startswith("-") or unit.endswith(".timer"):
                continue
            if line.startswith("systemctl stop"):
                root.stop(unit)
            else:
                root.start(unit)
                root.until_answers(unit, PORTS[unit])
    root.run("\n".join(script), stdin=f"{PASSWORD}\n".encode())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanRoot]:
    """A root in which every step of the page was done, with the door running."""
    require_free(PORT, BROKER)
    with CleanRoot(tmp_path_factory.mktemp("install")) as root:
        for step in steps():
            follow(root, step)
        yield root


async def publish(number: int) -> None:
    """Frigate sees somebody, and tells it by mosquitto."""
    async with aiomqtt.Client("127.0.0.1", BROKER) as house:
        await house.publish("frigate/events", seen(number), qos=1)


def certificate(root: CleanRoot) -> str:
    """The certificate that `init` made, as a phone gets it."""
    return root.run("cat /etc/eventlog/door.pem")


def test_the_page_shows_what_frigate_saw(installed: CleanRoot) -> None:
    """Over TLS, by a name that is not localhost, with the certificate that phones trust."""
    token = installed.run(f"{OURS} token add phone --scope read").split()[-1]
    trusted = ssl.create_default_context(cadata=certificate(installed))
    deadline = time.monotonic() + LONGEST_S
    events: list[Any] = []
    while not events:
        assert time.monotonic() < deadline, "no event is shown"
        # What is published before the door has subscribed for the first time is nobody's.
        asyncio.run(publish(int(time.monotonic())))
        with socket.create_connection(("127.0.0.1", PORT)) as plain:
            connection = http.client.HTTPSConnection(NAME, PORT)
            connection.sock = trusted.wrap_socket(plain, server_hostname=NAME)
            connection.request("GET", "/api/events", headers={"authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            assert answer.status == 200
            events = json.loads(answer.read())["events"]
            connection.close()
    assert {one["camera_id"] for one in events} == {"front_door"}
    said = installed.run("cat /var/log/eventlog.log")
    assert "running: dashboard, mqtt, notary, silence" in said


def test_a_phone_opens_the_page(installed: CleanRoot, tmp_path: Path) -> None:
    """With a phone's viewport and trust in this one certificate it signs in and sees the event."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the group `browser` is missing")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    pem = certificate(installed)
    (tmp_path / "door.pem").write_text(pem, encoding="ascii")
    pinned = b64encode(sha256(public_key(pem)).digest()).decode()
    arguments = [
        "--no-sandbox",
        f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
        f"--ignore-certificate-errors-spki-list={pinned}",
    ]
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch_persistent_context(
            str(tmp_path / "profile"),
            executable_path=chromium,
            args=arguments,
            viewport=PHONE,
            is_mobile=True,
        )
        page = browser.new_page()
        page.set_default_timeout(LONGEST_S * 1000)
        page.goto(f"https://{NAME}:{PORT}/")
        page.fill('input[name="name"]', "ada")
        page.fill('input[name="password"]', PASSWORD)
        page.click('form[action="/login"] button')
        page.wait_for_selector("article.card")
        assert "front_door" in page.inner_text("article.card")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"]
        browser.close()


def test_the_page_upgrades_the_door(installed: CleanRoot) -> None:
    """It stops, is copied, gets the program anew and starts; the log is whole, and users stay."""
    before = json.loads(installed.run(f"{OURS} status --json"))
    follow(installed, upgrade())
    after = json.loads(installed.run(f"{OURS} status --json"))
    assert after["records"] >= before["records"] > 0
    installed.run(f"{OURS} verify")
    assert "ada" in installed.run(f"{OURS} user list")
    installed.run("eventlog --db /var/lib/eventlog/before-upgrade.db verify")


def public_key(pem: str) -> bytes:
    """The public key of a certificate, as DER."""
    from cryptography import x509  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
    )

    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
