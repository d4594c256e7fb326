"""The dashboard as a witness of other logs: two routes for programs, without a login.

    POST /witness/add-checkpoint
    GET  /witness/SHA-256 of the log's name, hex/checkpoint

Only heads of known logs, signed by their keys, change anything. They come past the gate's
questions about origins and forms, since who submits has neither; bodies are bounded here.
"""

from __future__ import annotations

from typing import Any, Final

import anyio.to_thread

from eventlog.evidence.witness_server import PREFIX, answer_to
from eventlog.evidence.witnesses import BODY_MAX, Answer, Witness

ROUTES: Final = f"{PREFIX}/"


async def serve(witness: Witness, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
    """Answer one request below /witness/."""
    body = await _body(receive)
    if body is None:
        answer = Answer(413, b"no body of a request\n")
    else:
        answer = await anyio.to_thread.run_sync(
            answer_to, witness, scope["method"], scope["path"], body
        )
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _body(receive: Any) -> bytes | None:  # noqa: ANN401 - ASGI's own
    """The request's body; None if it is longer than any that a log sends."""
    parts: bytes = b""
    while True:
        message = await receive()
        parts += bytes(message.get("body", b""))
        if len(parts) > BODY_MAX:
            return None
        if not message.get("more_body", False):
            return parts
