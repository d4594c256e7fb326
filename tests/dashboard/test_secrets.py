"""Canaries: a password, a session, a token, a key, a name and a face go in by every way there is.

Then whatever others might read is looked through: what the dashboard logs and prints, its command
line and environment as /proc has them, and the files. A name stands in the log's own database, as
it must, and nowhere else.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Final

import httpx
from PIL import Image

from eventlog.dashboard.manage import add_token, add_user
from eventlog.sources.simulator.drawings import Scene, draw
from tests.dashboard.house import OWNER, hidden_fields
from tests.dashboard.running import Running

PASSWORD: Final = "canary-password-9317"  # noqa: S105 - a test's
GUESS: Final = "canary-guess-4471"
NAME: Final = "canary-name-2280"
KEY: Final = "canary-key-6653"
FACE: Final = b"canary-face-bytes-5519"
AT: Final = "2026-02-25T10:30:00Z"


def picture() -> bytes:
    """A frame with the face's bytes in a comment and behind its end."""
    image = Image.open(BytesIO(draw(Scene(12, ("person",), 7))))
    frame = BytesIO()
    image.save(frame, "JPEG", comment=FACE)
    return frame.getvalue() + FACE


def sign_in(client: httpx.Client, url: str, name: str, password: str) -> httpx.Response:
    """Send the login's form."""
    form = hidden_fields(client.get("/login").text)
    fields = {**form, "name": name, "password": password}
    return client.post("/login", data=fields, headers={"origin": url})


def use_every_way(url: str, token: str, kept: list[str]) -> None:
    """Bring each canary by each way that takes one, rightly and wrongly; note the cookies."""
    bearer = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=bearer) as program:
        facts = [
            {"kind": "ding", "camera_id": "front_door", "recorded_at": AT},
            {"kind": "face_result", "name": NAME, "distance": 0.3},
        ]
        for body in (
            {"facts": facts, "key": KEY},
            {"facts": facts[1:], "key": KEY},
            {"facts": facts[1:]},
            {"facts": [{"kind": NAME}]},
            {"facts": [{"kind": "person_named", "name": NAME * 9}], "key": KEY * 99},
            {"facts": [], "event_id": NAME, "key": KEY},
            {NAME: KEY},
        ):
            program.post("/api/facts", json=body)
        for frame in (picture(), FACE, picture()[:500]):
            program.post(f"/api/thumbnails?recorded_at={AT}", content=frame)
    with httpx.Client(base_url=url, timeout=20) as client:
        for name, password in ((OWNER, GUESS), (GUESS, GUESS), (PASSWORD, PASSWORD), (NAME, "x")):
            assert sign_in(client, url, name, password).status_code == 403
        assert sign_in(client, url, OWNER, PASSWORD).status_code == 303
        kept += [cookie.value or "" for cookie in client.cookies.jar if cookie.value]
        for path in ("/", "/unlocks", "/api/events", "/people", f"/{NAME}"):
            for query in ({"person": NAME}, {"camera": NAME, "day": NAME}, {"token": token}):
                client.get(path, params=query)
        client.get("/api/stream", params={"after": NAME})
        client.get("/api/events", headers={"authorization": f"Bearer {token}x"})
        session = next(name for name in client.cookies if name.endswith("_session"))
        client.get("/", headers={"cookie": f"{session}={GUESS}", "host": NAME})
        client.post("/people/name", data={"name": NAME, "csrf_token": GUESS})
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET /{NAME} {PASSWORD}\r\n\r\n".encode())  # which is not a HTTP
        connection.recv(1024)


def test_no_secret_is_left_where_others_read(tmp_path: Path) -> None:
    """Logs, output, command line, environment, list of processes, files: no hit."""
    path = tmp_path / "events.db"
    add_user(str(path), OWNER, PASSWORD)
    token = add_token(str(path), "pipeline", ["read", "append"])
    secrets = [PASSWORD, GUESS, token]
    ps = shutil.which("ps")
    with Running(tmp_path) as running:
        use_every_way(running.url, token, secrets)
        secrets.append(running.link.partition("#")[2])
        process = Path(f"/proc/{running.pid}")
        told = [process.joinpath(name).read_bytes() for name in ("cmdline", "environ", "comm")]
        if ps is not None:
            told.append(subprocess.run([ps, "-eww"], check=True, capture_output=True).stdout)
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        written = {file.name: file.read_bytes() for file in files if "events.db" not in file.name}
        users = (tmp_path / "events.db.users").read_bytes()
        assert httpx.get(f"{running.url}/health").text == "ok"
    log = (tmp_path / "dashboard.log").read_bytes()
    journal = b"".join(file.read_bytes() for file in tmp_path.glob("events.db*"))
    assert len(secrets) == len(set(secrets)) == 6
    for secret in (*secrets, NAME, KEY):
        for text in (*told, *written.values(), users, log):
            assert secret.encode() not in text, secret
    assert all(secret.encode() not in journal for secret in secrets)
    assert NAME.encode() in journal
    assert FACE not in b"".join([*told, *written.values(), users, log, journal])
    assert not re.search(rb"[^\x20-\x7e\n]", log), "the log holds control characters"
