"""Signed heads: their text, their line for people, and files of many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import BadNote
from eventlog.evidence import note as notes
from eventlog.evidence import signed_heads
from eventlog.evidence.ed25519 import SeedSigner
from eventlog.evidence.note import Note
from eventlog.evidence.signed_heads import LogName
from tests.evidence.test_note import C2SP_NOTE

NAME = LogName(bytes(range(16)), 2)
ROOT = bytes(range(32))


def signed(size: int, name: LogName = NAME, root: bytes = ROOT) -> Note:
    """A signed head."""
    text = signed_heads.head_text(str(name), size, root)
    return Note(text, (notes.sign(text, str(name), SeedSigner(bytes(32))),))


def test_a_head_is_written_to_the_byte() -> None:
    """The text of a head is the name, the size and the root, each on a line."""
    text = signed_heads.head_text(str(NAME), 17, ROOT)
    assert text == (
        "eventlog.invalid/000102030405060708090a0b0c0d0e0f/2\n17\n"
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    )
    head = signed_heads.parse_head(signed(17).encode())
    assert (head.origin, head.size, head.root) == (str(NAME), 17, ROOT)
    assert signed_heads.parse_name(head.origin) == NAME


def test_the_head_of_c2sp_is_read() -> None:
    """C2SP's own example is a head, of a log that has no name of ours."""
    head = signed_heads.parse_head(C2SP_NOTE)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    with pytest.raises(BadNote):
        head.line()


@given(
    log_id=st.binary(min_size=16, max_size=16),
    era=st.integers(0, 10**9),
    size=st.integers(0, 2**63 - 1),
    root=st.binary(min_size=32, max_size=32),
)
def test_the_line_for_people_comes_back(log_id: bytes, era: int, size: int, root: bytes) -> None:
    """The line holds size, era and root, and the beginning of the log's id, in any other text."""
    name = LogName(log_id, era)
    line = signed_heads.head_line(name, size, root)
    read = signed_heads.parse_line(f"Opened for Ada.\n{line}\n")
    assert (read.era, read.size, read.root) == (era, size, root)
    assert read.is_of(log_id)


def test_the_line_has_70_characters() -> None:
    """For a log of some thousand records the line fits an SMS."""
    assert len(signed_heads.head_line(LogName(bytes(16)), 4810, ROOT)) <= 70


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n",
        "a\n01\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "a\n-1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "a\n9999999999999999999\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "a\n1\nAAEC\n",
        "a\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n",
        "\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "a\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\nx\n",
    ],
)
def test_what_is_no_head_is_refused(text: str) -> None:
    """A head needs a name, a decimal size and a root of 32 bytes, each written in the one way."""
    with pytest.raises(BadNote):
        signed_heads.head_of(Note(text, ()))


def test_a_file_of_heads_is_split_where_they_end() -> None:
    """Notes that were appended one after the other come back one by one."""
    heads = [signed(size).encode() for size in (1, 2, 3)]
    assert list(signed_heads.split_heads(b"".join(heads))) == heads
    assert list(signed_heads.split_heads(b"\n".join(heads))) == heads
    assert list(signed_heads.split_heads(b"")) == []


@given(cut=st.integers(0, 400))
def test_a_torn_head_takes_no_other_with_it(cut: int) -> None:
    """A note that a power cut tore is a piece of its own; what was appended after it is read."""
    first, second, third = (signed(size).encode() for size in (1, 2, 3))
    torn = second[:cut]
    pieces = list(signed_heads.split_heads(first + torn + b"\n" + third))
    assert pieces[0] == first
    assert pieces[-1] == third
