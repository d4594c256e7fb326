"""A small HTTP server for a witness, from the standard library: two routes.

    POST PREFIX/add-checkpoint
    GET  PREFIX/SHA-256 of the log's name, hex/checkpoint

Slow and many connections are bounded. There is no login: only heads of known logs, signed by
their keys, change anything. TLS is a proxy's work.
"""

from __future__ import annotations

import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, Final

from eventlog.errors import DatabaseError
from eventlog.evidence.witnesses import BODY_MAX, Answer, Witness

log = logging.getLogger("eventlog")

PREFIX: Final = "/witness"
REQUEST_S: Final = 10.0
AT_ONCE_MAX: Final = 32


def answer_to(witness: Witness, method: str, path: str, body: bytes) -> Answer:
    """The answer to a request below the prefix."""
    try:
        if method == "POST" and path == f"{PREFIX}/add-checkpoint":
            return witness.add_checkpoint(body)
        name, _, last = path.removeprefix(f"{PREFIX}/").partition("/")
        if method == "GET" and path.startswith(f"{PREFIX}/") and last == "checkpoint":
            return witness.checkpoint(name)
    except DatabaseError as error:
        log.error("the witness can't keep a head: %s", error)  # noqa: TRY400 - the sentence is all
        return Answer(503, b"the head can't be kept now\n")
    return Answer(404, b"not found\n")


class WitnessServer(ThreadingMixIn, HTTPServer):
    """Serves one witness. Use `serve_forever` and `shutdown`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, witness: Witness) -> None:
        """Listen; port 0 lets the system choose. Raises OSError."""
        self.witness = witness
        self._room = threading.BoundedSemaphore(AT_ONCE_MAX)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the standard library has it
        """Take a connection, unless as many are open as may be."""
        if not self._room.acquire(timeout=REQUEST_S):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        """Answer in a thread of its own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_S
    protocol_version = "HTTP/1.1"
    server_version = "eventlog-witness"
    sys_version = ""
    server: WitnessServer

    def do_GET(self) -> None:
        """Read a head."""
        self._answer(answer_to(self.server.witness, "GET", self.path, b""))

    def do_POST(self) -> None:
        """Submit a head."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True
            self._answer(Answer(413 if length.isdigit() else 411, b"no body of a request\n"))
            return
        body = self.rfile.read(int(length))
        self._answer(answer_to(self.server.witness, "POST", self.path, body))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as the standard library has it
        """Requests are no news."""
