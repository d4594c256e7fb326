"""Signed notes against RFC 8032, Go's sumdb/note and C2SP's texts."""

from __future__ import annotations

import pytest

from eventlog.errors import BadNote
from eventlog.evidence import note as notes
from eventlog.evidence.ed25519 import SeedSigner, is_signature, is_signature_slowly
from eventlog.evidence.note import Note, PublicKey

# RFC 8032, section 7.1: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
# The example of the documentation of Go's package sumdb/note.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
# The example of C2SP's tlog-cosignature.
C2SP_NOTE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhc"
    "yv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX"
    "3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_rfc_8032(
    seed: str, public: str, message: str, signature: str
) -> None:
    """Signing and both ways of checking agree with the RFC's vectors, and with no other message."""
    signer = SeedSigner(bytes.fromhex(seed))
    assert signer.public_key.hex() == public
    assert signer.sign(bytes.fromhex(message)).hex() == signature
    for check in (is_signature, is_signature_slowly):
        assert check(signer.public_key, bytes.fromhex(message), bytes.fromhex(signature))
        assert not check(signer.public_key, b"another", bytes.fromhex(signature))


def test_both_ways_of_checking_agree_on_every_flipped_bit() -> None:
    """No signature or key with one bit flipped is accepted, with the package or without it."""
    signer = SeedSigner(bytes(range(32)))
    signature = signer.sign(b"message")
    for bit in range(0, 64 * 8, 7):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        for check in (is_signature, is_signature_slowly):
            assert not check(signer.public_key, b"message", bytes(flipped))
    for bit in range(0, 32 * 8, 5):
        key = bytearray(signer.public_key)
        key[bit // 8] ^= 1 << bit % 8
        for check in (is_signature, is_signature_slowly):
            assert not check(bytes(key), b"message", signature)


def test_a_scalar_past_the_order_is_refused() -> None:
    """A signature's second half plus the group's order, which proves the same, is another text."""
    signer = SeedSigner(bytes(range(32)))
    signature = signer.sign(b"message")
    order = 2**252 + 27742317777372353535851937790883648493
    longer = (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    for check in (is_signature, is_signature_slowly):
        assert not check(signer.public_key, b"message", signature[:32] + longer)


def test_notes_are_those_of_go() -> None:
    """The example of Go's sumdb/note is read, checked, and signed to the same bytes."""
    key, private = notes.parse_public_key(GO_PUBLIC), notes.parse_private_key(GO_PRIVATE)
    note = notes.parse(GO_NOTE)
    assert key.signs(note)
    assert key.encode() == GO_PUBLIC
    signer = SeedSigner(private.seed)
    assert private.encode(signer.public_key) == GO_PRIVATE
    assert Note(note.text, (notes.sign(note.text, key.name, signer),)).encode() == GO_NOTE


def test_the_example_of_c2sp_is_read_to_the_byte() -> None:
    """C2SP's example comes back as it went in, and its time of the cosignature is found."""
    note = notes.parse(C2SP_NOTE)
    assert note.encode() == C2SP_NOTE
    witness = note.signatures[1]
    assert witness.name == "witness.example.com/w1"
    assert int.from_bytes(witness.blob[:8]) == 1679315147
    message = notes.cosigned_message(note.text, 1679315147)
    assert message == b"cosignature/v1\ntime 1679315147\n" + note.text.encode()


def test_a_cosignature_says_when_it_was_made() -> None:
    """A witness's signature holds for its own text, name and time, and for no other."""
    signer = SeedSigner(bytes(32))
    key = PublicKey("witness.example/w", notes.COSIGNS, signer.public_key)
    text = "log.example/1\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    signature = notes.cosign(text, key.name, signer, 1_700_000_000)
    note = Note(text, (signature,))
    assert key.cosigned_at(note) == 1_700_000_000
    assert not key.signs(note)
    later = signature.blob[:7] + bytes([signature.blob[7] ^ 1]) + signature.blob[8:]
    assert key.cosigned_at(Note(text, (notes.Signature(key.name, key.key_id, later),))) is None
    assert key.cosigned_at(Note(text.replace("5", "6", 1), (signature,))) is None
    other = PublicKey("witness.example/x", notes.COSIGNS, signer.public_key)
    assert other.cosigned_at(note) is None


def test_a_later_signature_of_a_key_takes_the_place_of_its_earlier_one() -> None:
    """A witness that cosigned twice has one signature, and those of others are kept."""
    signer = SeedSigner(bytes(32))
    first = notes.cosign("text\n", "w", signer, 1)
    second = notes.cosign("text\n", "w", signer, 2)
    own = notes.sign("text\n", "log", signer)
    assert Note("text\n", (own, first)).signed_also([second]).signatures == (own, second)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAAA",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAB=\n",
        b"text\n\n- name AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAAA\nmore\n",
        b"te\x01xt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    """Text without signatures, with control characters, torn, or too long is not a note."""
    with pytest.raises(BadNote):
        notes.parse(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        GO_PUBLIC.replace("R", "S", 1),
        GO_PUBLIC.replace("PeterNeumann", "PeterNeuman"),
        GO_PUBLIC.replace("+ARpc", "+CRpc"),
        GO_PUBLIC + "AAAA",
        GO_PRIVATE,
    ],
)
def test_a_public_key_with_a_wrong_letter_is_refused(text: str) -> None:
    """A key's id covers its name and its bytes."""
    with pytest.raises(BadNote):
        notes.parse_public_key(text)


def test_a_private_key_shows_itself_nowhere() -> None:
    """Neither the repr of a private key nor the error for a bad one contains the seed."""
    private = notes.parse_private_key(GO_PRIVATE)
    assert "AYEK" not in repr(private)
    assert repr(private.seed) not in repr(private)
    with pytest.raises(BadNote) as caught:
        notes.parse_private_key(GO_PRIVATE[:-4] + "!!!!")
    assert "AYEK" not in str(caught.value)
