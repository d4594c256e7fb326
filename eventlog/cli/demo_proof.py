"""The end of the demo: proves one record, and finds a forged one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from msgspec import structs

from eventlog.cli.context import Context
from eventlog.cli.evidence import keys_in
from eventlog.errors import KeysMissing
from eventlog.evidence import proofs, proving
from eventlog.evidence.keys import new_key
from eventlog.evidence.proofs import Proof
from eventlog.evidence.signed_heads import LogName
from eventlog.evidence.signing import HeadSigner
from eventlog.evidence.stranger import source
from eventlog.journal import table as journal
from eventlog.storage.durable_files import make_folder, replace
from eventlog.storage.error_translation import translated

MARK: Final = ".eventlog-demo"
HOUR_US: Final = 3_600_000_000


def prove_one(context: Context, event: int) -> int:
    """Prove the event's last record, check it in a process of its own, and forge it.

    Answers 0 if the true one is taken for true and the forged one for false. Raises
    KeysMissing where nothing can sign here.
    """
    folder = context.db_path.parent
    proof, key = _proved(context, event)
    program = folder / "evidence_verify.py"
    true, forged = folder / f"record-{proof.position}.tlog-proof", folder / "forged.tlog-proof"
    replace(program, source())
    replace(true, proofs.encode(proof))
    earlier = (*proof.columns[:5], proof.columns[5] - HOUR_US, *proof.columns[6:])
    replace(forged, proofs.encode(structs.replace(proof, columns=earlier)))
    context.say(f"  {true.name} proves record {proof.position} ({proof.kind}) by itself.")
    context.say("  A stranger has it, the public key, and a program of 150 lines:")
    taken = _check(context, program, key, true)
    context.say("  The same file with the time of the append set back by an hour:")
    refused = _check(context, program, key, forged)
    return int(taken != 0 or refused != 1)


def _proved(context: Context, event: int) -> tuple[Proof, str]:
    with context.reading() as connection:
        log_id = journal.log_id(connection)
        row = journal.read_event(connection, event)[-1]
    if context.keys_dir is None:
        raise KeysMissing("there is no folder for the demo's keys")
    held = keys_in(context.keys_dir, log_id)
    pair = new_key(str(LogName(log_id)))
    held.write_signing_keys([pair])
    with HeadSigner(context.db_path, held) as signer:
        signer.read_to_end()
        head = signer.sign()
    with context.reading() as connection:
        return (
            proving.prove(connection, context.db_path, head, row.position),
            pair.public.encode(),
        )


def new_keys_folder(folder: Path) -> Path:
    """The folder of the demo's keys: next to its log's folder, made again with it, and empty.

    Raises KeysMissing if something else is there.
    """
    path = folder.resolve()
    keys = path.with_name(f"{path.name}-keys")
    if keys.exists():
        if not (keys / MARK).exists():
            raise KeysMissing(f"{keys} holds something else than a demo's keys")
        shutil.rmtree(keys)
    with translated(keys):
        make_folder(keys)
        (keys / MARK).touch()
    return keys


def _check(context: Context, program: Path, key: str, proof: Path) -> int:
    """Run the stranger's program, and show what it says; its exit code."""
    done = subprocess.run(  # noqa: S603 - our own program, on files that we have just written
        [sys.executable, "-I", str(program), "proof", "--key", key, str(proof)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = (done.stdout or done.stderr).splitlines()
    context.say(f"    {said[0] if said else 'nothing'}", "red" if done.returncode else "green")
    return done.returncode
