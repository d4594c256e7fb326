"""`eventlog witness`: stores and cosigns the heads of somebody else's log."""

from __future__ import annotations

import asyncio
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from eventlog.cli.context import Context
from eventlog.cli.evidence import Keys, keys_in, read_file
from eventlog.cli.options import AtDesk
from eventlog.errors import BadArgument, KeysMissing
from eventlog.evidence import proofs
from eventlog.evidence.seen_teller import SeenTeller
from eventlog.evidence.signed_heads import DOMAIN, LogName, is_domain, parse_head
from eventlog.evidence.witness_server import PREFIX, WitnessServer
from eventlog.evidence.witnesses import Answer, Submission, Witness, parse_submission
from eventlog.journal import table as journal
from eventlog.record import Author

PORT_MAX: Final = 65535
AUTHOR: Final = Author("command", "witness")

What = Annotated[Literal["add", "serve", "check"], Parameter(name="WHAT")]
Argument = Annotated[
    str | None, Parameter(name="KEY|FILE", help="add: the log's public key; check: its head.")
]
Host = Annotated[str, Parameter(help="serve: the address to listen at. [127.0.0.1]")]
Port = Annotated[
    int,
    Parameter(
        validator=Number(gte=0, lte=PORT_MAX),
        help="serve: the TCP port; 0 lets the system choose. [8010]",
    ),
]
Proof = Annotated[
    Path | None,
    Parameter(name="--proof", help="check: the proof from the head that was seen last."),
]
Follow = Annotated[
    Path | None,
    Parameter(name="--follow", help="add: the proof of the record that names the log's new key."),
]


async def witness(
    what: What,
    argument: Argument = None,
    /,
    *,
    host: Host = "127.0.0.1",
    port: Port = 8010,
    proof: Proof = None,
    follow: Follow = None,
    keys: Keys = None,
    context: AtDesk,
) -> int:
    """Be the witness of another log: add its key, then serve, or check its heads by file."""
    given = (argument is not None) + (what == "add" and follow is not None)
    if given != int(what != "serve"):
        raise BadArgument("witness add KEY, witness check FILE, or witness serve")
    folder = keys or context.keys_dir
    if folder is None:
        raise KeysMissing("a witness needs a folder of keys: --keys DIR, or set KEYS_DIR")
    writer = Author("command", "witness")
    async with context.store(writer) as store:
        teller = SeenTeller(partial(store.append, writer=AUTHOR))
        log_id = await store.reader.run(journal.log_id)
        made = _make(context, folder, log_id, teller)
        code, vkey = 0, argument or ""
        match what:
            case "add":
                if follow is not None:
                    with read_file(follow) as data:
                        vkey = made.follow(proofs.parse(data)).encode()
                _add(context, made, vkey, host, port)
            case "check":
                code = _check(context, made, Path(argument or ""), proof)
            case "serve":
                await _serve(context, made, host, port)
        await teller.end()
    return code


def _make(context: Context, folder: Path, log_id: bytes, teller: SeenTeller) -> Witness:
    domain = context.settings.log_name or DOMAIN
    if not is_domain(domain):
        raise BadArgument(f"LOG_NAME is a domain like door.example, not {domain!r}")
    held = keys_in(folder, log_id)
    held.make(context.db_path)
    pair = held.make_witness_key(LogName(log_id, 0, domain))
    return Witness(held.seen, pair, on_seen=teller.tell)


def _add(context: Context, made: Witness, vkey: str, host: str, port: int) -> None:
    key = made.add(vkey)
    context.say(f"This machine witnesses {key.name} from now on, while `witness serve` runs.")
    context.say("The log's owner adds this place to HEAD_TO, with an address that reaches here:")
    context.say()
    context.say(f"  witness:http://{host}:{port}{PREFIX} {made.key.encode()}")


def _check(context: Context, made: Witness, file: Path, proof: Path | None) -> int:
    """A head that came as a file, answered as the server would; the cosignature is the output."""
    with read_file(file) as data:
        if data.startswith(b"old "):
            asked = parse_submission(data)
        else:
            head = parse_head(data)
            seen = made.newest(head.origin)
            path: tuple[bytes, ...] = ()
            if proof is not None:
                with read_file(proof) as lines:
                    path = proofs.parse_path(lines)
            asked = Submission(0 if seen is None else seen.size, path, head)
    answer = made.submit(asked)
    context.out.file.write(answer.body.decode("utf-8", "replace"))
    if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
        context.note(_refusal(answer, asked))
        return 1
    return 0


def _refusal(answer: Answer, asked: Submission) -> str:
    match answer.status:
        case 409:
            return "the head is not newer than the one that was seen, or of another log"
        case 422 if not asked.path:
            return (
                "a proof from the head that was seen is needed: the log's owner makes it with"
                " eventlog prove --between, and it comes in by --proof"
            )
        case 404:
            return "this witness does not know the log: eventlog witness add KEY"
        case _:
            return "the head is refused"


async def _serve(context: Context, made: Witness, host: str, port: int) -> None:
    try:
        server = WitnessServer(host, port, made)
    except OSError as error:
        raise BadArgument(f"{host}, port {port}, can't be listened at: {error.strerror}") from error
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        context.say(f"The witness listens at http://{host}:{server.server_port}{PREFIX}")
        context.out.file.flush()
        await ended.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()
