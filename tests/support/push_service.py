"""A push service of a test's own, on loopback by TLS, and the browser that it serves.

Support code. It decrypts by its own reading of RFC 8291 and checks VAPID by RFC 8292; it imports
nothing of what it tests.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from msgspec import Struct

HOST: Final = "push.example.org"


class Pushed(Struct, frozen=True):
    """A request that the service got."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Browser:
    """A browser's keys for one subscription at a service."""

    def __init__(self, service: PushServer, name: str = "one") -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.path = f"/push/{name}"
        self.endpoint = f"https://{HOST}:{service.port}{self.path}"
        self._service = service

    @property
    def public(self) -> bytes:
        """Its key as an uncompressed point."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    @property
    def fields(self) -> dict[str, str]:
        """What the page's script sends."""
        return {"endpoint": self.endpoint, "p256dh": b64(self.public), "auth": b64(self.auth)}

    @property
    def got(self) -> list[dict[str, Any]]:
        """What it could read of what it was sent."""
        return [
            json.loads(decrypted(one.body, self.private, self.public, self.auth))
            for one in self._service.taken
            if one.path == self.path
        ]


class PushServer:
    """The service. `answers` are the next statuses and headers of a path; then it takes all.

    The status 0 takes the request and answers nothing.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.port = server.server_port
        self.requests: list[Pushed] = []
        self.taken: list[Pushed] = []
        self.answers: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def answer(self, pushed: Pushed) -> tuple[int, dict[str, str]]:
        """What a request is answered."""
        self.requests.append(pushed)
        waiting = self.answers.get(pushed.path, [])
        status, headers = waiting.pop(0) if waiting else (201, {})
        if status == 201:
            self.taken.append(pushed)
        return status, headers

    @staticmethod
    def resolve(_: str, port: int, **__: Any) -> list[tuple[Any, ...]]:
        """Every name is this machine."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    @staticmethod
    def is_allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        """Loopback alone."""
        return address.is_loopback


@contextmanager
def push_server(folder: Path) -> Iterator[PushServer]:
    """A service with a certificate of its own for HOST."""
    found: list[PushServer] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            status, headers = found[0].answer(Pushed(self.path, named, body))
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate(folder / "push.pem", HOST))
    server.socket = own.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    service = PushServer(server)
    service.context.load_verify_locations(folder / "push.pem")
    found.append(service)
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def decrypted(
    body: bytes, private: ec.EllipticCurvePrivateKey, public: bytes, auth: bytes
) -> bytes:
    """The text of one record, read as RFC 8188 and RFC 8291 say."""
    assert len(body) <= 4096
    salt, (record_size, id_length) = body[:16], struct.unpack(">IB", body[16:21])
    sender, content = body[21 : 21 + id_length], body[21 + id_length :]
    assert record_size >= len(content)
    shared = private.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
    )
    key = _hmac(_hmac(auth, shared), b"WebPush: info\x00" + public + sender + b"\x01")
    pseudo = _hmac(salt, key)
    content_key = _hmac(pseudo, b"Content-Encoding: aes128gcm\x00\x01")[:16]
    nonce = _hmac(pseudo, b"Content-Encoding: nonce\x00\x01")[:12]
    text = AESGCM(content_key).decrypt(nonce, content, None).rstrip(b"\x00")
    assert text[-1] == 2, "the last record of a message ends with 2"
    return text[:-1]


def claims(authorization: str) -> tuple[bytes, dict[str, Any]]:
    """The key and the claims of a VAPID header. Raises InvalidSignature."""
    scheme, _, rest = authorization.partition(" ")
    assert scheme == "vapid"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    signed, _, signature = parts["t"].rpartition(".")
    raw, key = unb64(signature), unb64(parts["k"])
    assert len(raw) == 64
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key).verify(
        encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256())
    )
    header, _, content = signed.partition(".")
    assert json.loads(unb64(header)) == {"typ": "JWT", "alg": "ES256"}
    return key, json.loads(unb64(content))


def b64(data: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _hmac(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(data)
    return made.finalize()


def certificate(path: Path, host: str) -> Path:
    """A certificate of its own for a host, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "push")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
