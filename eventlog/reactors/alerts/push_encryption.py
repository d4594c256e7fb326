"""Encrypts a push message (RFC 8291) and signs for whom it is sent (VAPID, RFC 8292).

The one file here that knows the package `cryptography`; the import fails if that is missing. The
push service that carries a message can read neither its text nor its title.
"""

from __future__ import annotations

import base64
import os
import struct
from typing import Final, Self

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eventlog.errors import BadArgument

CURVE: Final = ec.SECP256R1()
KEY_SIZE: Final = 32
POINT_SIZE: Final = 65
AUTH_SIZE: Final = 16
RECORD_SIZE: Final = 4096
TOKEN_S: Final = 12 * 3600  # RFC 8292 allows 24 h
_LAST_RECORD: Final = b"\x02"
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class VapidKey:
    """The key pair that a door's push messages are signed with, and its `subject`.

    `subject` is an https: or mailto: address at which a push service finds who sends.
    """

    def __init__(self, private: ec.EllipticCurvePrivateKey, subject: str) -> None:
        """Store both, and compute the public key: 65 bytes, an uncompressed point."""
        self._private = private
        self._subject = subject
        self.public_key = point_of(private)

    @classmethod
    def from_secret(cls, secret: bytes, subject: str) -> Self:
        """The key pair of its 32 secret bytes. Raises BadArgument for what is no key."""
        number = int.from_bytes(secret, "big")
        if len(secret) != KEY_SIZE or not 0 < number < _ORDER:
            raise BadArgument("the key of push messages is damaged; it has 32 bytes")
        return cls(ec.derive_private_key(number, CURVE), subject)

    def authorization(self, origin: str, now_s: int) -> str:
        """The header Authorization for a push service's origin, valid for TOKEN_S seconds."""
        header = msgspec.json.encode({"typ": "JWT", "alg": "ES256"})
        claims = msgspec.json.encode({"aud": origin, "exp": now_s + TOKEN_S, "sub": self._subject})
        signed = f"{base64url(header)}.{base64url(claims)}"
        r, s = decode_dss_signature(self._private.sign(signed.encode(), ec.ECDSA(SHA256())))
        signature = r.to_bytes(KEY_SIZE, "big") + s.to_bytes(KEY_SIZE, "big")
        return f"vapid t={signed}.{base64url(signature)}, k={base64url(self.public_key)}"

    def encrypt(self, text: bytes, public_key: bytes, auth_secret: bytes) -> bytes:
        """A text for one device, see `encrypt`."""
        return encrypt(text, public_key, auth_secret)


def new_secret() -> bytes:
    """The 32 secret bytes of a new key."""
    return ec.generate_private_key(CURVE).private_numbers().private_value.to_bytes(KEY_SIZE, "big")


def encrypt(
    text: bytes,
    public_key: bytes,
    auth_secret: bytes,
    *,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """A text in one record of `aes128gcm`, which only the device can read.

    Args:
        text: at most 3,993 bytes, so that the answer has no more than 4,096.
        public_key: the device's point.
        auth_secret: the 16 bytes that the device shares with us.
        sender: the key of this one message; None makes a new one.
        salt: 16 bytes; None makes new ones.

    Returns:
        The body of the request.

    Raises:
        BadArgument: the point is not on the curve P-256.
    """
    sender = sender or ec.generate_private_key(CURVE)
    salt = os.urandom(16) if salt is None else salt
    own = point_of(sender)
    shared = sender.exchange(ec.ECDH(), _point(public_key))
    key_info = b"WebPush: info\0" + public_key + own
    key = _derived(shared, auth_secret, key_info, 32)
    content_key = _derived(key, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(key, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + struct.pack(">IB", RECORD_SIZE, len(own)) + own
    return head + AESGCM(content_key).encrypt(nonce, text + _LAST_RECORD, None)


def check_keys(public_key: bytes, auth_secret: bytes) -> None:
    """Raise BadArgument unless these are a point on P-256 and 16 bytes."""
    _point(public_key)
    if len(auth_secret) != AUTH_SIZE:
        raise BadArgument("a device's auth secret has 16 bytes")


def point_of(private: ec.EllipticCurvePrivateKey) -> bytes:
    """The public key of a private one, as an uncompressed point."""
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def base64url(data: bytes) -> str:
    """Bytes as base64url without padding, as web push has all of them."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _point(data: bytes) -> ec.EllipticCurvePublicKey:
    if len(data) != POINT_SIZE:
        raise BadArgument("a device's key has 65 bytes")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, data)
    except ValueError as error:
        raise BadArgument("a device's key is not a point on the curve P-256") from error


def _derived(key: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(key)
