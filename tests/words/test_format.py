"""docs/format.md says what the program does: the page's own text is read and recomputed."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import codecs
from eventlog.facts import FACT_TYPES, kind_of
from eventlog.journal import chain
from eventlog.journal.head_file import SIZE, HeadMark, pack, unpack
from eventlog.record import StoredRecord
from tests.journal.plain_chain import (
    integer,
    plain_digest,
    plain_genesis,
    plain_hash,
    plain_preimage,
)

PAGE: Final = Path(__file__).resolve().parent.parent.parent / "docs" / "format.md"


def int64s() -> st.SearchStrategy[int]:
    """What an INTEGER column holds."""
    return st.integers(min_value=-(2**63), max_value=2**63 - 1)


ROWS: Final = st.builds(
    StoredRecord,
    position=int64s(),
    event_id=st.none() | int64s(),
    kind=st.sampled_from([kind_of(t) for t in FACT_TYPES]) | st.text(),
    version=int64s(),
    format=int64s(),
    appended_at=int64s(),
    append_index=int64s(),
    append_size=int64s(),
    key=st.none() | st.text(),
    meta=st.none() | st.binary(),
    body=st.binary(),
    hash=st.just(b""),
)


@given(row=ROWS)
def test_the_digest_is_the_one_that_the_page_describes(row: StoredRecord) -> None:
    """Whatever the columns hold, chain.py hashes the bytes that docs/format.md names."""
    assert chain.digest(row) == plain_digest(row)


@given(row=ROWS, other=ROWS)
def test_two_rows_that_differ_have_different_preimages(
    row: StoredRecord, other: StoredRecord
) -> None:
    """No column can run into the next one: a preimage belongs to one row only."""
    assert (plain_preimage(row) == plain_preimage(other)) is (row == other)


@given(previous=st.binary(min_size=32, max_size=32), log_id=st.binary(min_size=16, max_size=16))
def test_hash_and_genesis_are_those_that_the_page_describes(previous: bytes, log_id: bytes) -> None:
    """The two prefixes of the chain are the page's."""
    assert chain.link(previous, previous) == plain_hash(previous, previous)
    assert chain.genesis(log_id) == plain_genesis(log_id)


@pytest.mark.parametrize("column", ["position", "event_id", "version", "appended_at"])
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_that_no_column_can_hold_has_no_digest(column: str, number: int) -> None:
    """A number past 64 bits is refused, not wrapped round."""
    columns = {**example_row()._asdict(), column: number}
    with pytest.raises(ValueError, match="out of its range"):
        chain.digest(StoredRecord(**columns))


def test_text_that_utf8_cannot_hold_has_no_digest() -> None:
    """A column can't hold a lone surrogate, so it is refused with a ValueError."""
    with pytest.raises(ValueError, match="surrogates not allowed"):
        chain.digest(example_row()._replace(key="\ud800"))


# ── the page itself ────────────────────────────────────────────────────────────────────────


def worked_example() -> tuple[dict[str, str], bytes, bytes, dict[str, str]]:
    """The four blocks of the page's example: columns, body, preimage, result."""
    section = PAGE.read_text(encoding="utf-8").split("## A worked example", 1)[1]
    columns, body, preimage, results = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    return _named(columns), _annotated(body), _annotated(preimage), _named(results)


def _named(block: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in block.splitlines())


def _annotated(block: str) -> bytes:
    return bytes.fromhex("".join(line.split("  #")[0] for line in block.splitlines()))


def example_row() -> StoredRecord:
    """The page's record, from its columns as they are printed."""
    columns, _, _, results = worked_example()
    types: dict[str, Callable[[str], Any]] = {"kind": str, "key": str, "body": bytes.fromhex}
    values: dict[str, Any] = {
        name: None if text == "NULL" else types.get(name, int)(text)
        for name, text in columns.items()
        if name != "log_id"
    }
    return StoredRecord(**values, hash=bytes.fromhex(results["hash"]))


def test_the_pages_example_is_what_the_program_computes() -> None:
    """Preimage, digest, genesis and hash on the page follow from the columns on the page."""
    columns, body, preimage, results = worked_example()
    log_id, row = bytes.fromhex(columns["log_id"]), example_row()
    assert body == row.body
    assert preimage == plain_preimage(row)
    assert results["digest"] == sha256(preimage).hexdigest() == chain.digest(row).hex()
    assert results["genesis"] == plain_genesis(log_id).hex() == chain.genesis(log_id).hex()
    assert row.hash == chain.link(chain.genesis(log_id), chain.digest(row))


def test_the_pages_example_is_a_ding_that_the_program_would_write_so() -> None:
    """The body on the page decodes, and encodes to the same bytes again."""
    row = example_row()
    fact = codecs.decode(row.kind, row.version, row.body)
    assert codecs.encode(fact) == (row.kind, row.version, row.body)


def test_the_page_lists_the_columns_in_the_rows_order() -> None:
    """The page's table of columns is the row's, and the preimage is fields up to the body."""
    page = PAGE.read_text(encoding="utf-8")
    columns_part, _, rest = page.partition("## The log's id")
    listed = re.findall(r"^\| (`\w+`(?:, `\w+`)?) \|", columns_part, re.MULTILINE)
    assert [name for cell in listed for name in re.findall(r"\w+", cell)] == [*StoredRecord._fields]
    fields_part = rest.partition("`fields` are")[2].partition("## The body")[0]
    hashed = re.findall(r"^\| `(\w+)` \|", fields_part, re.MULTILINE)
    assert hashed == [*StoredRecord._fields[:-1]]


def test_the_head_file_lies_as_the_page_says() -> None:
    """Every part of the head file is at the offset in the page's table."""
    log_id, last_hash = bytes(range(16)), bytes(range(100, 132))
    data = pack(HeadMark(log_id=log_id, position=258, durable_position=257, hash=last_hash))
    part = PAGE.read_text(encoding="utf-8").partition("## The head file")[2]
    table = re.findall(r"^\| (\d+) \| (\d+) \| ", part.partition("## A worked")[0], re.MULTILINE)
    parts = [data[int(at) : int(at) + int(size)] for at, size in table]
    assert b"".join(parts) == data
    assert len(data) == SIZE
    fields = [b"eventlog/head/1\0", log_id, integer(258), integer(257), last_hash]
    assert parts == [*fields, sha256(b"".join(fields)).digest()]
    assert unpack(data).durable_position == 257
