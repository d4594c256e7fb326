"""Ed25519 signatures of RFC 8032, signed by `cryptography`, checked with or without it.

Who only checks needs no package: the slow way takes some milliseconds a signature. Who signs
needs the extra `proof`. Knows bytes only.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha512
from types import ModuleType
from typing import Final, Protocol

from eventlog.errors import KeysMissing

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1: Final = pow(2, (_P - 1) // 4, _P)

_Point = tuple[int, int, int, int]


class Signer(Protocol):
    """Who signs: a seed in memory here, an agent or a token elsewhere."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key."""

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature over a message."""


class SeedSigner:
    """Signs with a seed of 32 bytes. Raises KeysMissing if `cryptography` is not installed."""

    def __init__(self, seed: bytes) -> None:
        library = _library()
        if library is None:
            raise KeysMissing(
                "signing needs the package cryptography; install the extra proof of doorjournal"
            )
        self._key = library.Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key: bytes = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature over a message."""
        signature: bytes = self._key.sign(message)
        return signature


def is_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature over the message was made with the key."""
    if len(public_key) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    library = _library()
    if library is None:
        return is_signature_slowly(public_key, message, signature)
    try:
        library.Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (ValueError, library.InvalidSignature):
        return False
    return True


@cache
def _library() -> ModuleType | None:
    try:
        from eventlog.evidence import openssl  # noqa: PLC0415 - 50 ms, and only who signs needs it
    except ImportError:
        return None
    return openssl


# ── without a package ──────────────────────────────────────────────────────────────────────


def is_signature_slowly(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """The same as `is_signature`, in plain integers: RFC 8032, section 5.1.7."""
    key, commitment = _decompress(public_key), _decompress(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= _L:
        return False
    digest = sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % _L
    left = _multiply(scalar, _base())
    right = _add(commitment, _multiply(challenge, key))
    return (
        left[0] * right[2] % _P == right[0] * left[2] % _P
        and left[1] * right[2] % _P == right[1] * left[2] % _P
    )


@cache
def _base() -> _Point:
    point = _decompress((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    if point is None:
        raise AssertionError  # RFC 8032 gives this point
    return point


def _decompress(data: bytes) -> _Point | None:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_1 % _P
    if x * x % _P != square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _add(left: _Point, right: _Point) -> _Point:
    a = (left[1] - left[0]) * (right[1] - right[0]) % _P
    b = (left[1] + left[0]) * (right[1] + right[0]) % _P
    c = 2 * left[3] * right[3] * _D % _P
    d = 2 * left[2] * right[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(scalar: int, point: _Point) -> _Point:
    product: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            product = _add(product, point)
        point = _add(point, point)
        scalar >>= 1
    return product
