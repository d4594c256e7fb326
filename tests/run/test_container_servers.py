"""The container's file and its compose example: their steps, done in an empty Debian.

No image is built: a root folder stands for it, with the interpreter that the base image has.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from typing import Final

import aiomqtt
import pytest

from tests.run.clean_root import SOURCE, CleanRoot, require_free
from tests.run.house import seen
from tests.run.running import CHECKOUT, LONGEST_S

pytestmark = [pytest.mark.servers, pytest.mark.slow]

DEPLOY: Final = CHECKOUT / "docs/deploy"
PORT: Final = 8000
BROKER: Final = 1883
# What the base image and the broker's image bring; the names are those of the compose file.
BASE: Final = """
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv mosquitto
ln -s python3 /usr/bin/python
echo '127.0.0.1 localhost mosquitto frigate' > /etc/hosts
"""


def instructions() -> list[tuple[str, str]]:
    """The lines of the container's file, each with its continuation: the word and the rest."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def environment() -> str:
    """The assignments of its ENV, for a shell."""
    (found,) = [rest for word, rest in instructions() if word == "ENV"]
    return found


def command() -> list[str]:
    """Its CMD."""
    (found,) = [rest for word, rest in instructions() if word == "CMD"]
    words: list[str] = json.loads(found)
    return words


def within(done: str) -> str:
    """A command as the image runs it: with its user and its environment."""
    user = next(rest for word, rest in instructions() if word == "USER")
    as_user = f"setpriv --reuid={user} --regid={user} --init-groups --reset-env"
    return f"{as_user} env {environment()} {done}"


def first_command() -> str:
    """What docs/install.md runs in the container before the first start."""
    text = (CHECKOUT / "docs/install.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```sh container\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (found,) = re.findall(r"^docker compose run --rm eventlog (.*)$", block, re.MULTILINE)
    return str(found)


def build(root: CleanRoot) -> None:
    """Do its RUN and COPY steps. What is copied from the first stage is where it belongs."""
    for word, rest in instructions():
        if word == "RUN":
            root.run(f"cd /src && {rest}")
        elif word == "WORKDIR":
            root.run(f"mkdir -p {rest}")
        elif word == "COPY" and rest.startswith("--from="):
            _, source, target = rest.split()
            assert source == target
        elif word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                into = f"{target}/{source}" if target.endswith("./") else target
                root.run(f"cd {SOURCE} && cp -r {source} /src/{into}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanRoot]:
    """The image's command, as its user, with the config and the broker of the compose example."""
    require_free(PORT, BROKER)
    with CleanRoot(tmp_path_factory.mktemp("container")) as root:
        root.run(BASE)
        build(root)
        root.write("/etc/eventlog.toml", (DEPLOY / "eventlog.toml").read_bytes())
        root.write("/mosquitto/config/mosquitto.conf", (DEPLOY / "mosquitto.conf").read_bytes())
        root.run("mkdir -p /mosquitto/data && chown mosquitto /mosquitto/data")
        root.launch("mosquitto", "mosquitto -c /mosquitto/config/mosquitto.conf")
        root.until_answers("mosquitto", BROKER)
        root.run(within(first_command()), stdin=b"correct horse battery staple\n")
        root.launch("door", within(" ".join(command())))
        root.until_answers("door", PORT)
        yield root


async def _publish(number: int) -> None:
    async with aiomqtt.Client("127.0.0.1", BROKER) as house:
        await house.publish("frigate/events", seen(number), qos=1)


def test_the_image_runs_the_door_of_the_compose_example(running: CleanRoot) -> None:
    """Frigate's event is in the log, the page answers, the log lines are JSON, and it ends well."""
    listed = within("eventlog --db /var/lib/eventlog/events.db events --json")
    deadline = time.monotonic() + LONGEST_S
    while "front_door" not in running.run(listed):
        assert time.monotonic() < deadline, "no event is in the log"
        asyncio.run(_publish(int(time.monotonic())))
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health") as answer:
        assert answer.read() == b"ok"
    assert running.stop("door") == 0
    said = [json.loads(line) for line in running.run("cat /var/log/door.log").splitlines()]
    assert any(one["MESSAGE"].startswith("running: ") for one in said)


def test_the_compose_example_names_what_the_image_has() -> None:
    """The folders that it keeps, the port that it opens, and the files that lie beside it."""
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    kept = json.loads(next(rest for word, rest in instructions() if word == "VOLUME"))
    assert all(f":{folder}\n" in compose for folder in kept)
    (port,) = [rest for word, rest in instructions() if word == "EXPOSE"]
    assert f":{port}" in compose
    for name in re.findall(r"- \./(\S+?):", compose):
        assert (DEPLOY / name).exists(), name
