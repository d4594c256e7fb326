"""Logs with keys, for the tests of evidence, and the stranger's program as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.note import PublicKey
from eventlog.evidence.signed_heads import LogName, SignedHead
from eventlog.evidence.signing import HeadSigner
from eventlog.journal import table as journal
from eventlog.journal.append import Append
from eventlog.storage.connections import connect_reader
from tests.support.logs import build_log

VERIFIER = Path(__file__).resolve().parents[2] / "eventlog/evidence/stranger/evidence_verify.py"


def log_id_of(db_path: Path) -> bytes:
    """The log's id."""
    connection = connect_reader(db_path)
    try:
        return journal.log_id(connection)
    finally:
        connection.close()


def make_keys(db_path: Path, folder: Path) -> KeysDir:
    """A folder of keys with a signing key of the log's."""
    keys = KeysDir(folder, log_id_of(db_path))
    keys.make(db_path)
    keys.write_signing_keys([new_key(str(LogName(keys.log_id)))])
    return keys


def signed_log(folder: Path, made: Sequence[Append] | int = 20) -> tuple[Path, KeysDir, SignedHead]:
    """A log, its keys next to its folder, and a head over all of it."""
    (folder / "log").mkdir()
    db_path = build_log(folder / "log" / "events.db", made)
    keys = make_keys(db_path, folder / "keys")
    return db_path, keys, sign(db_path, keys)


def sign(db_path: Path, keys: KeysDir) -> SignedHead:
    """A head over all that is in the log."""
    with HeadSigner(db_path, keys) as signer:
        signer.read_to_end()
        return signer.sign()


def public_key(keys: KeysDir) -> PublicKey:
    """The key that checks the log's heads."""
    return keys.signing_keys()[0].public


def stranger(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The stranger's program in a process of its own, without any of our packages on its path."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFIER), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
