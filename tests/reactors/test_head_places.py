"""HEAD_TO: which places it can name, and what each place answers when it fails."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventlog.errors import BadArgument, HeadContradicted
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.note import COSIGNS
from eventlog.evidence.witness_server import PREFIX
from eventlog.evidence.witnesses import Witness
from eventlog.reactors.head_places import PlaceFailed, WitnessPlace
from eventlog.reactors.head_to import parse_places
from tests.evidence.test_witnesses import NAME, FakeLog, served

KEY = new_key("w.example/w", COSIGNS).public.encode()
DB = Path("/var/lib/eventlog/events.db")


def test_places_are_named_by_what_they_are() -> None:
    """Three kinds, in lines or parted by semicolons, each with a name and a pace of its own."""
    text = (
        f"file:/mnt/nas/door.heads name=nas; exec:/usr/bin/send\nwitness:https://w.example/w {KEY}"
    )
    nas, send, witness = parse_places(text, DB)
    assert [place.name for place in (nas, send, witness)] == ["nas", "send", "w.example"]
    assert [place.every_s for place in (nas, send, witness)] == [0, 0, 600]
    assert parse_places("", DB) == []
    assert parse_places(f"witness:http://127.0.0.1:1/w {KEY} every=5", DB)[0].every_s == 5


@pytest.mark.parametrize(
    "text",
    [
        "nas",
        "file:",
        "file:/a /b",
        "exec:/a b",
        "mail:ada",
        "witness:https://w.example/w",
        "witness:https://w.example/w nonsense",
        f"witness:ftp://w.example/w {KEY}",
        f"witness:https://w.example/w?x=1 {KEY}",
        f"witness:https://w.example/w {new_key(str(NAME)).public.encode()}",
        f"witness:https://w.example/w {KEY} every=soon",
        "file:/a name=two/words",
        "file:/a; file:/b/a",
    ],
    # A key is made again in each worker: it must be no part of a test's name.
    ids=lambda text: text.partition("/")[0],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    """Misspelled entries, other schemes, a log's key and two places of one name are refused."""
    with pytest.raises(BadArgument, match="HEAD_TO"):
        parse_places(text, DB)


def test_a_program_that_fails_took_no_head(tmp_path: Path) -> None:
    """A code other than 0, and a program that is not there, are failures of the place."""
    (tmp_path / "fails").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "fails").chmod(0o700)
    head = FakeLog(new_key(str(NAME))).head(3)
    for name, why in (("fails", "code 3"), ("missing", "FileNotFoundError")):
        (place,) = parse_places(f"exec:{tmp_path}/{name}", tmp_path / "events.db")
        with pytest.raises(PlaceFailed, match=why):
            place.take(head, lambda _: [])


def witness_place(url: str, key: str) -> WitnessPlace:
    """The place of a witness."""
    (place,) = parse_places(f"witness:{url} {key} every=0", DB)
    assert isinstance(place, WitnessPlace)
    return place


def test_a_witness_that_lags_gets_a_proof_from_its_own_size(tmp_path: Path) -> None:
    """Whatever the last head that it took, it gets the proof from there."""
    log = FakeLog(new_key(str(NAME)))
    witness = Witness(tmp_path / "seen", new_key("w.example/w", COSIGNS))
    witness.add(log.pair.public.encode())
    with served(witness) as connection:
        place = witness_place(f"http://127.0.0.1:{connection.port}{PREFIX}", witness.key.encode())
        asked: list[int] = []
        for size in (3, 9, 20):

            def prove_from(old: int, size: int = size) -> tuple[bytes, ...]:
                asked.append(old)
                return log.submission(old, size).path

            assert place.take(log.head(size), prove_from)
        assert asked == [0, 0, 3, 0, 9]
        newest = place.newest(str(NAME), lambda head: log.pair.public.signs(head.note))
        assert newest is not None
        assert newest.size == 20
        with pytest.raises(HeadContradicted, match="restored or copied"):
            place.take(log.head(5), lambda _: [])
        fork = FakeLog(log.pair, salt=b"fork")
        with pytest.raises(HeadContradicted, match="another log"):
            place.take(fork.head(30), lambda old: fork.submission(old, 30).path)


def test_a_witness_with_another_key_took_no_head(tmp_path: Path) -> None:
    """A cosignature by a key that HEAD_TO does not name does not count."""
    log = FakeLog(new_key(str(NAME)))
    witness = Witness(tmp_path / "seen", new_key("w.example/w", COSIGNS))
    witness.add(log.pair.public.encode())
    with served(witness) as connection:
        place = witness_place(f"http://127.0.0.1:{connection.port}{PREFIX}", KEY)
        with pytest.raises(PlaceFailed, match="another key"):
            place.take(log.head(3), lambda _: [])


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that answers everything alike; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/w"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body"), [(500, b""), (403, b"no"), (200, b"nonsense"), (302, b"")]
)
def test_a_witness_that_answers_otherwise_failed(status: int, body: bytes) -> None:
    """Any other answer is a failure that is tried again, and never a signature."""
    head = FakeLog(new_key(str(NAME))).head(3)
    with answering(status, body) as url, pytest.raises(PlaceFailed):
        witness_place(url, KEY).take(head, lambda _: [])


def test_a_witness_that_is_not_there_failed() -> None:
    """No server listens, so the place counts as failed."""
    with answering(200, b"") as url:
        gone = witness_place(url, KEY)
    with pytest.raises(PlaceFailed, match="can't be reached"):
        gone.newest(str(NAME), lambda _: True)


def test_the_key_may_come_from_systemds_credentials(tmp_path: Path) -> None:
    """$CREDENTIALS_DIRECTORY's key comes before the folder's, and is not written over."""
    log_id = bytes(range(16))
    for folder in ("keys", "credentials"):
        (tmp_path / folder).mkdir(mode=0o700)
    first, second = (
        new_key(f"eventlog.invalid/{log_id.hex()}/0"),
        new_key(f"eventlog.invalid/{log_id.hex()}/0"),
    )
    (tmp_path / "keys" / f"{log_id.hex()}.signing").write_text(f"{first.line()}\n")
    held = KeysDir(tmp_path / "keys", log_id, credentials=tmp_path / "credentials")
    assert held.signing_keys()[0].public == first.public
    (tmp_path / "credentials" / f"{log_id.hex()}.signing").write_text(f"{second.line()}\n")
    assert held.signing_keys()[0].public == second.public
    with pytest.raises(Exception, match="systemd-creds"):
        held.write_signing_keys([first])
