"""A witness: C2SP's answers to the letter, and no two heads that contradict each other cosigned."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from eventlog.errors import BadArgument, BadNote
from eventlog.evidence import note as notes
from eventlog.evidence import tree, witnesses
from eventlog.evidence.keys import KeyPair, new_key
from eventlog.evidence.note import COSIGNS, Note
from eventlog.evidence.signed_heads import LogName, SignedHead, head_of, head_text
from eventlog.evidence.witness_server import PREFIX, WitnessServer
from eventlog.evidence.witnesses import Seen, Submission, Witness, encode_submission
from tests.evidence import plain_tree

NAME = LogName(bytes(16))
NOW = 1_772_015_400


class FakeLog:
    """A log of plain leaves that signs any head it is asked for."""

    def __init__(self, pair: KeyPair, leaves: int = 64, salt: bytes = b"") -> None:
        self.pair = pair
        self.leaves = [salt + number.to_bytes(4) for number in range(leaves)]

    def head(self, size: int) -> SignedHead:
        """A signed head."""
        text = head_text(self.pair.name, size, plain_tree.mth(self.leaves[:size]))
        return head_of(Note(text, (self.pair.sign(text),)))

    def submission(self, old: int, size: int) -> Submission:
        """A head with the proof that it continues the older one."""
        path = () if old in {0, size} else tuple(plain_tree.proof(old, self.leaves[:size]))
        return Submission(old, path, self.head(size))


@pytest.fixture
def log() -> FakeLog:
    """A log."""
    return FakeLog(new_key(str(NAME)))


@pytest.fixture
def witness(tmp_path: Path, log: FakeLog) -> Witness:
    """A witness that knows the log."""
    made = Witness(tmp_path / "seen", new_key("w.example/w", COSIGNS), clock=lambda: NOW)
    made.add(log.pair.public.encode())
    return made


def status(witness: Witness, asked: Submission) -> int:
    """What a submission is answered, over its bytes."""
    return witness.add_checkpoint(encode_submission(asked)).status


def test_a_head_is_cosigned_and_kept(witness: Witness, log: FakeLog) -> None:
    """200: the answer is a cosignature over the head, with the time, and the head is kept."""
    answer = witness.add_checkpoint(encode_submission(log.submission(0, 5)))
    assert answer.status == 200
    line = notes.parse_signature(answer.body.decode().rstrip("\n"))
    assert answer.body.endswith(b"\n")
    cosigned = log.head(5).note.signed_also([line])
    assert witness.key.cosigned_at(cosigned) == NOW
    kept = witness.newest(str(NAME))
    assert kept is not None
    assert (kept.size, kept.root) == (5, log.head(5).root)


def test_each_answer_is_the_one_of_c2sp(witness: Witness, log: FakeLog) -> None:
    """400, 403, 404, 409 with the size, 409 for another root, 422: as tlog-witness says."""
    assert status(witness, log.submission(0, 8)) == 200
    stranger = FakeLog(new_key("unknown.example/log"))
    assert status(witness, stranger.submission(0, 8)) == 404
    assert status(witness, FakeLog(new_key(str(NAME))).submission(8, 9)) == 403
    assert status(witness, Submission(10, (), log.head(9))) == 400
    behind = witness.add_checkpoint(encode_submission(log.submission(3, 9)))
    assert (behind.status, behind.body, behind.content_type) == (409, b"8\n", "text/x.tlog.size")
    fork = FakeLog(log.pair, salt=b"fork")
    assert status(witness, Submission(8, (), fork.head(8))) == 409
    assert status(witness, fork.submission(8, 9)) == 422
    assert status(witness, Submission(8, (), log.head(9))) == 422
    assert status(witness, log.submission(8, 8)) == 200
    assert status(witness, log.submission(8, 9)) == 200


def test_the_first_head_brings_no_proof(witness: Witness, log: FakeLog) -> None:
    """From size zero the proof is empty; a proof there proves nothing: 422."""
    assert status(witness, Submission(0, (bytes(32),), log.head(9))) == 422
    assert status(witness, log.submission(0, 9)) == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n\n",
        b"old 00\n\nx",
        b"old -1\n\nx",
        b"old 99999999999999999999\n\nx",
        b"new 0\n\nx",
        b"old 0\n!!\n\nx",
        b"old 0\n" + b"A" * 43 + b"=\n" * 1 + b"\nnot a note",
        b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\nx",
        b"x" * 70_000,
    ],
)
def test_what_is_no_request_is_a_400(witness: Witness, body: bytes) -> None:
    """Torn, misspelled or oversized requests are bad requests, whatever they hold."""
    assert witness.add_checkpoint(body).status == 400


def test_a_request_comes_back(log: FakeLog) -> None:
    """A request that is written is read as it was."""
    asked = log.submission(5, 9)
    assert witnesses.parse_submission(encode_submission(asked)) == asked


def test_a_witness_takes_a_second_key_of_a_log(witness: Witness, log: FakeLog) -> None:
    """After a rotation heads that the new key signs are cosigned as well."""
    new = FakeLog(new_key(str(NAME)))
    assert status(witness, log.submission(0, 5)) == 200
    assert status(witness, new.submission(5, 9)) == 403
    witness.add(new.pair.public.encode())
    assert status(witness, new.submission(5, 9)) == 200
    assert len(witness.keys_of(str(NAME))) == 2


def test_only_logs_are_witnessed(witness: Witness) -> None:
    """A witness's own key is not a log's, and a misspelled key is refused."""
    with pytest.raises(BadArgument):
        witness.add(witness.key.encode())
    with pytest.raises(BadNote):
        witness.add("nonsense")


def test_the_owner_is_told_of_what_was_seen(tmp_path: Path, log: FakeLog) -> None:
    """`on_seen` is called for each head that was cosigned, and for no other."""
    seen: list[Seen] = []
    pair = new_key("w.example/w", COSIGNS)
    witness = Witness(tmp_path / "seen", pair, on_seen=seen.append)
    witness.add(log.pair.public.encode())
    witness.submit(log.submission(0, 4))
    witness.submit(log.submission(1, 5))
    assert [(one.head.size, one.key) for one in seen] == [(4, log.pair.public)]


def race(witness: Witness, logs: list[FakeLog], sizes: tuple[int, int]) -> list[set[int]]:
    """The sizes that each log got cosigned, when both submit theirs at once."""
    start = threading.Barrier(len(logs))
    cosigned: list[set[int]] = [set() for _ in logs]

    def submit(which: int) -> None:
        start.wait()
        old = 0
        for size in sizes:
            if witness.submit(logs[which].submission(old, size)).status == 200:
                cosigned[which].add(size)
                old = size

    threads = [threading.Thread(target=submit, args=(which,)) for which in range(len(logs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return cosigned


def test_200_races_of_two_submitters_end_in_one_history(tmp_path: Path) -> None:
    """Of two forks that are submitted at once, one is cosigned, however the threads run."""
    pair, rng = new_key(str(NAME)), random.Random(3)
    logs = [FakeLog(pair, 20), FakeLog(pair, 20, salt=b"fork")]
    for number in range(200):
        witness = Witness(tmp_path / f"seen{number}", new_key("w.example/w", COSIGNS))
        witness.add(pair.public.encode())
        cosigned = race(witness, logs, (rng.randint(1, 9), rng.randint(10, 20)))
        assert sorted(map(bool, cosigned)) == [False, True]


@contextmanager
def served(witness: Witness) -> Iterator[http.client.HTTPConnection]:
    """The witness behind its server, and a connection to it."""
    server = WitnessServer("127.0.0.1", 0, witness)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        yield connection
    finally:
        connection.close()
        server.shutdown()
        thread.join()
        server.server_close()


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, str, bytes]:
    """A request and its answer: status, type, body."""
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read()


def test_the_server_carries_requests_and_answers(witness: Witness, log: FakeLog) -> None:
    """Over HTTP the answers are the witness's own, on one connection, and GET gives the head."""
    hex_name = sha256(str(NAME).encode()).hexdigest()
    with served(witness) as connection:
        add = f"{PREFIX}/add-checkpoint"
        assert asked(connection, "GET", f"{PREFIX}/{hex_name}/checkpoint")[0] == 404
        assert asked(connection, "POST", add, encode_submission(log.submission(0, 5)))[0] == 200
        conflict = asked(connection, "POST", add, encode_submission(log.submission(0, 6)))
        assert conflict == (409, "text/x.tlog.size", b"5\n")
        status_, _, body = asked(connection, "GET", f"{PREFIX}/{hex_name}/checkpoint")
        assert status_ == 200
        kept = witness.newest(str(NAME))
        assert kept is not None
        assert body == kept.note.encode()
        for path in ("/", "/witness", f"{PREFIX}/../seen", f"{PREFIX}/{hex_name}.vkey/checkpoint"):
            assert asked(connection, "GET", path)[0] == 404


def test_the_server_refuses_a_body_past_its_bound(witness: Witness) -> None:
    """A body of more than 64 KB is not read: 413."""
    with served(witness) as connection:
        assert asked(connection, "POST", f"{PREFIX}/add-checkpoint", b"x" * 65_537)[0] == 413
    assert sha256(b"").digest() == tree.EMPTY_ROOT
