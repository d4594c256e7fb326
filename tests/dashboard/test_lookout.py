"""A frozen writer, a medium that became read-only and one that was removed show in health."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import httpx
import pytest

from eventlog.dashboard.manage import add_token
from eventlog.dashboard.pages import health
from eventlog.dashboard.server import write_probe
from eventlog.dashboard.server.write_probe import WriteProbe, look
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path
from tests.dashboard.house import VISIT, House, until
from tests.dashboard.running import ROOT, Running
from tests.faults.disks import Ext4, cut_power
from tests.support.logs import T0, build_log
from tests.support.writer_in_transaction import HOLDER

FREEZES_S = 30.0
ANSWER_S = 1.0
ALARM_S = 15.0
GONE_S = 5.0
MB = 1024 * 1024
# Opens a log as whoever writes does, and stays in the middle of a transaction.


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, and have no patience."""
    monkeypatch.setattr(write_probe, "EVERY_S", 0.01)
    monkeypatch.setattr(write_probe, "PATIENCE_S", 0.0)


@pytest.mark.anyio
@pytest.mark.usefixtures("_hasty")
async def test_a_lock_that_nobody_gives_back_is_told(house: House) -> None:
    """The word is "blocked" with 503, the page says it too, and all is well afterwards."""
    async with await house.signed_in() as client:
        with closing(FileLock(lock_path(house.site.settings.db_path))) as lock:
            lock.acquire()
            await until(lambda: house.site.write_probe.word == "blocked")
            answer = await client.get("/health")
            assert (answer.status_code, answer.text) == (503, "blocked")
            assert health.SENTENCES["blocked"] in (await client.get("/status")).text
        await until(lambda: house.site.write_probe.word == "ok")
        assert (await client.get("/health")).text == "ok"


@pytest.mark.anyio
async def test_appends_block_nobody(house: House) -> None:
    """A look between many writes finds its moment, and each write its own."""
    for _ in range(20):
        await house.site.store.append(*VISIT)
        assert look(house.site.settings.db_path) == "ok"


def test_a_medium_that_cant_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page names what is wrong with the disk."""
    path = build_log(tmp_path / "events.db", 1)
    assert look(path) == "ok"
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
        assert look(path) == "read-only"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails(errno.EIO))
        assert look(path) == "unreadable"
    assert look(tmp_path / "gone" / "events.db") == "unreadable"


def fails(number: int) -> Callable[[object], None]:
    """A call of the system that fails."""

    def failing(_: object) -> None:
        raise OSError(number, os.strerror(number))

    return failing


def test_a_disk_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that does not come back is one that saw nothing good."""
    watching = WriteProbe(tmp_path / "events.db")
    words = [watching.word]
    now = time.monotonic() + write_probe.HANGS_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert [*words, watching.word] == ["ok", "stuck"]


def test_each_word_has_its_sentence() -> None:
    """The page shows a sentence for each word that the monitor gets."""
    assert set(get_args(write_probe.Word)) <= set(health.SENTENCES)


# ── the faults themselves ──────────────────────────────────────────────────────────────────


@contextmanager
def frozen(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A writer of a log that was stopped in its transaction; it is killed in the end."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline()
            writer.send_signal(signal.SIGSTOP)
            yield writer
        finally:
            writer.kill()


def said(running: Running) -> str:
    """The word of a running dashboard."""
    return httpx.get(f"{running.url}/health").text


def waits_for(running: Running, word: str, longest_s: float) -> float:
    """How long a running dashboard takes to say a word."""
    began = time.monotonic()
    while said(running) != word:
        assert time.monotonic() - began < longest_s, said(running)
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.mark.faults
def test_a_frozen_writer_holds_up_no_page_and_raises_an_alarm(tmp_path: Path) -> None:
    """SIGSTOP for half a minute: pages within a second, the alarm within 15; then appends go on."""
    path = build_log(tmp_path / "events.db", 50)
    token = add_token(str(path), "pipeline", ["read", "append"])
    headers = {"authorization": f"Bearer {token}"}
    opener = {"kind": "motion", "camera_id": "front_door", "recorded_at": T0.isoformat()}
    facts = {"facts": [opener], "key": "k"}
    with (
        Running(tmp_path) as running,
        httpx.Client(base_url=running.url, headers=headers) as client,
    ):
        with frozen(path):
            began = time.monotonic()
            alarm = waits_for(running, "blocked", ALARM_S)
            assert client.post("/api/facts", json=facts, timeout=20).status_code == 503
            while time.monotonic() < began + FREEZES_S:
                for page in ("/api/events", "/api/events/1", "/health"):
                    asked = time.monotonic()
                    assert client.get(page).status_code in {200, 503}
                    assert time.monotonic() - asked < ANSWER_S, page
                time.sleep(0.1)
        waits_for(running, "ok", ALARM_S)
        receipt = client.post("/api/facts", json=facts)
        assert receipt.status_code == 201
        assert client.post("/api/facts", json=facts).json() == receipt.json()
    assert alarm <= ALARM_S


@pytest.mark.faults
def test_a_file_system_that_vanishes_is_told_within_five_seconds(tmp_path: Path) -> None:
    """And nothing is deleted: what was there is there when it comes back."""
    disk = Ext4(tmp_path / "disk", 64 * MB)
    with disk.mounted(tmp_path / "mount") as mount:
        path = build_log(mount / "events.db", 50)
        before = path.read_bytes()
        running = Running(mount, log=tmp_path / "dashboard.log")
        try:
            assert said(running) in {"ok", "full"}
            cut_power(mount)
            waits_for(running, "unreadable", GONE_S)
        finally:
            running.kill()
    with disk.mounted(tmp_path / "mount") as mount:
        assert (mount / "events.db").read_bytes()[: len(before)] == before
