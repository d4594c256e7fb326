"""Encryption of push messages: RFC 8291's own example, and an independent reading."""

from __future__ import annotations

import os

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import BadArgument
from eventlog.reactors.alerts import push_encryption as push
from tests.support.push_service import b64, claims, decrypted, unb64

# RFC 8291, section 5 and appendix A.
TEXT = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RECEIVER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
RECEIVER_SECRET = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"  # noqa: S105 - the RFC's example
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
    "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy"
    "4a-fN"
)


def private(text: str) -> ec.EllipticCurvePrivateKey:
    """A private key of its base64url."""
    return ec.derive_private_key(int.from_bytes(unb64(text), "big"), ec.SECP256R1())


def test_the_example_of_the_rfc() -> None:
    """The same body to the byte, and the same text back."""
    body = push.encrypt(
        TEXT, unb64(RECEIVER), unb64(AUTH), sender=private(SENDER), salt=unb64(SALT)
    )
    assert b64(body) == BODY
    assert decrypted(body, private(RECEIVER_SECRET), unb64(RECEIVER), unb64(AUTH)) == TEXT


@given(st.binary(max_size=3993))
def test_what_is_encrypted_is_read_by_the_device_alone(text: bytes) -> None:
    """A record of 4,096 bytes at most, with a key and a salt of its own."""
    device, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    public = push.point_of(device)
    body = push.encrypt(text, public, auth)
    assert len(body) <= 4096
    assert decrypted(body, device, public, auth) == text
    assert push.encrypt(text, public, auth)[:86] != body[:86]


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"\x04" + bytes(64),
        b"\x04" + b"\xff" * 64,
        unb64(RECEIVER)[:-1],
        unb64(RECEIVER) + b"\0",
        b"\x02" + unb64(RECEIVER)[1:33],
        b"\x05" + unb64(RECEIVER)[1:],
    ],
)
def test_a_key_that_is_no_point_is_refused(key: bytes) -> None:
    """Off the curve, at infinity, compressed, too short or too long."""
    with pytest.raises(BadArgument):
        push.check_keys(key, bytes(16))
    with pytest.raises(BadArgument):
        push.encrypt(b"text", key, bytes(16))


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_an_auth_secret_has_16_bytes(size: int) -> None:
    """Anything else is refused before it is stored."""
    with pytest.raises(BadArgument, match="16 bytes"):
        push.check_keys(unb64(RECEIVER), bytes(size))


def test_vapid_is_signed_by_the_door_for_one_origin() -> None:
    """ES256 over the audience, the end and the subject; a changed token is no token."""
    key = push.VapidKey.from_secret(push.new_secret(), "https://door.example.org")
    header = key.authorization("https://push.example.org", 1_000)
    public, said = claims(header)
    assert public == key.public_key
    assert said == {
        "aud": "https://push.example.org",
        "exp": 1_000 + 12 * 3600,
        "sub": "https://door.example.org",
    }
    head, _, rest = header.partition(".")
    with pytest.raises(InvalidSignature):
        claims(f"{head}.{b64(b'{}')}.{rest.partition('.')[2]}")


@pytest.mark.parametrize("secret", [b"", bytes(32), b"\xff" * 32, bytes(31), bytes(33)])
def test_a_damaged_key_of_the_door_is_refused(secret: bytes) -> None:
    """It is not replaced in silence: every device would be lost."""
    with pytest.raises(BadArgument, match="damaged"):
        push.VapidKey.from_secret(secret, "https://door.example.org")
