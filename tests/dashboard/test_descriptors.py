"""A low limit of descriptors leaves room for several callers."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.logs import build_log

CHECKOUT = Path(__file__).resolve().parent.parent.parent
IDLE = 10


@pytest.mark.parametrize("limit", [64, 96])
def test_a_hard_limit_of_descriptors_leaves_room_for_several_callers(
    tmp_path: Path, limit: int
) -> None:
    """Browsers keep connections open; one more client is answered while ten of them do."""
    db = build_log(tmp_path / "door.db", 3)
    command = ["/bin/sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]
    command += [sys.executable, "-m", "eventlog", "serve", "--db", str(db), "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=CHECKOUT,
        env={**os.environ, "THUMBNAILS_DIR": str(tmp_path / "thumbnails")},
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r":(\d+)/$", process.stdout.readline().strip())
        assert found is not None
        address = ("127.0.0.1", int(found[1]))
        with ExitStack() as stack:
            idle = [stack.enter_context(closing(_kept(address))) for _ in range(IDLE)]
            assert _health(address) == 200
            for connection in idle:  # none of them was cut for the one that came
                connection.request("GET", "/health")
                assert connection.getresponse().read() == b"ok"
        process.terminate()
        assert process.wait(30) == 0


def _kept(address: tuple[str, int]) -> http.client.HTTPConnection:
    """A connection that was used, and is kept open as browsers do."""
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request("GET", "/health")
    assert connection.getresponse().read() == b"ok"
    assert isinstance(connection.sock, socket.socket)
    return connection


def _health(address: tuple[str, int]) -> int:
    with closing(http.client.HTTPConnection(*address, timeout=10)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status
