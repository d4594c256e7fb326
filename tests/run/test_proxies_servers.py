"""The examples for nginx and Caddy, started as they are but for ports and certificates."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from eventlog.dashboard import manage
from tests.live.mosquitto import free_port
from tests.run.running import CHECKOUT, LONGEST_S, RunningDoor

pytestmark = [pytest.mark.servers, pytest.mark.slow]

DEPLOY: Final = CHECKOUT / "docs/deploy"
OWN_NAME: Final = ("door.example", "")
BELOW: Final = ("home.example", "/door")


def program(name: str) -> str:
    """Where a server is. Skips the test where it is not installed."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        pytest.skip(f"{name} is missing: sudo apt install --no-install-recommends {name}")
    return found


@contextmanager
def nginx(folder: Path, page: int, port: int) -> Iterator[Path]:
    """An nginx with our example; yields the certificate to trust."""
    certificate, key = folder / "door.pem", folder / "door.key"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=door"
    names = "subjectAltName=DNS:door.example,DNS:home.example"
    subprocess.run(
        [
            *(program("openssl"), *command.split(), "-addext", names),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    example = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    example = example.replace("127.0.0.1:8000", f"127.0.0.1:{page}")
    example = example.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    example = example.replace("/etc/ssl/", f"{folder}/")
    (folder / "door.conf").write_text(example, encoding="utf-8")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}include {folder}/door.conf;\n}}\n",
        encoding="utf-8",
    )
    arguments = [
        "-p",
        str(folder),
        "-e",
        str(folder / "error.log"),
        "-c",
        str(folder / "nginx.conf"),
    ]
    with process([program("nginx"), *arguments], folder, port):
        yield certificate


@contextmanager
def caddy(folder: Path, page: int, port: int) -> Iterator[Path]:
    """A Caddy with our example and an authority of its own; yields what to trust."""
    example = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    example = example.replace("127.0.0.1:8000", f"127.0.0.1:{page}")
    options = (
        f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n"
        f"\tdefault_bind 127.0.0.1\n\thttp_port {free_port()}\n\thttps_port {port}\n}}\n"
    )
    (folder / "Caddyfile").write_text(options + example, encoding="utf-8")
    arguments = ["run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    trusted = folder / "caddy/pki/authorities/local/root.crt"
    with process([program("caddy"), *arguments], folder, port):
        made = folder / "caddy/certificates/local"
        until(lambda: all((made / one / f"{one}.key").exists() for one, _ in (OWN_NAME, BELOW)))
        yield trusted


@contextmanager
def process(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """A server that listens, and ends with the test."""
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "proxy.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        until(lambda: server.poll() is not None or is_listening(port))
        assert server.poll() is None, (folder / "proxy.log").read_text(encoding="utf-8")
        yield
    finally:
        server.kill()
        server.wait(timeout=LONGEST_S)


def is_listening(port: int) -> bool:
    """Whether something listens on loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LONGEST_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("name", "below"), [OWN_NAME, BELOW])
@pytest.mark.parametrize("server", ["nginx", "caddy"])
def test_the_page_is_served_over_tls(tmp_path: Path, server: str, name: str, below: str) -> None:
    """By a name of its own or below a path: the sign-in, the API, and the stream as it comes."""
    program(server)
    proxy = {"nginx": nginx, "caddy": caddy}[server]
    page, port = free_port(), free_port()
    token = manage.add_token(str(tmp_path / "events.db"), "phone", ["read"])
    folder = tmp_path / "proxy"
    folder.mkdir()
    config = f'dashboard = {{ port = {page}, public_url = "https://{name}{below}" }}\n'
    door = RunningDoor(tmp_path, config)
    door.start("The dashboard is at")
    try:
        with proxy(folder, page, port) as certificate:
            trusted = ssl.create_default_context(cafile=str(certificate))
            # By the name that a phone uses, which the certificate must have.
            by_name = {"sni_hostname": name}
            asked: dict[str, Any] = {"headers": {"host": name}, "extensions": by_name}
            base = f"https://127.0.0.1:{port}{below}"
            with httpx.Client(base_url=base, verify=trusted, timeout=LONGEST_S) as client:
                first = client.get("/", **asked)
                assert first.status_code == 303
                assert first.headers["location"] == f"{below}/login?next=/"
                sign_in = client.get("/login", **asked)
                assert sign_in.status_code == 200
                assert f'action="{below}/login"' in sign_in.text
                assert "secure" in sign_in.headers["set-cookie"].lower()
                asked["headers"]["authorization"] = f"Bearer {token}"
                assert b'"dashboard"' in client.get("/api/health", **asked).content
                with client.stream("GET", "/api/stream", **asked) as stream:
                    assert stream.headers["content-type"].startswith("text/event-stream")
                    assert next(stream.iter_bytes())  # at once, not when the stream ends
        assert door.end()[0] == 0
    finally:
        door.__exit__()
