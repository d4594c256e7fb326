"""Writes rows as CSV or as a JSON array, a batch at a time, for downloads.

A text that a spreadsheet would run as a formula gets an apostrophe before it. Knows no view and no
page.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from litestar.response import Stream
from msgspec import Struct

T = TypeVar("T")
S = TypeVar("S", bound=Struct)
Row: TypeAlias = list[Any]

# What a spreadsheet would take for a formula: at the beginning of a cell, and of what some
# spreadsheets take for the next one, whatever blank characters come before it.
_FORMULA: Final = re.compile(
    r"(^|[;\t\r\n,|])([\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\x00-\x1f\x7f\"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b])"
)
_BREAK: Final = ("\t", "\r", "\n")


class SignedOut(Exception):
    """Whom a file is for was signed out before its end."""


async def begun(
    batches: AsyncIterator[list[T]], may_continue: Callable[[], Awaitable[bool]]
) -> AsyncIterator[list[T]]:
    """These batches, the first one read by now, so that its failure gets its own status.

    The file breaks off as soon as `may_continue` says no: it may take minutes.
    """
    first = await anext(batches)

    async def all_of_them() -> AsyncIterator[list[T]]:
        yield first
        async for batch in batches:
            if not await may_continue():
                raise SignedOut
            yield batch

    return all_of_them()


def csv_file(batches: AsyncIterator[list[Row]], columns: Sequence[str], name: str) -> Stream:
    """An answer that a browser keeps as a CSV file: a line of titles, and one for each row."""
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Stream(_csv(batches, columns), media_type="text/csv; charset=utf-8", headers=headers)


def json_file(batches: AsyncIterator[list[S]], name: str) -> Stream:
    """An answer that a browser keeps as a file with a JSON array."""
    headers = {"content-disposition": f'attachment; filename="{name}.json"'}
    return Stream(_json(batches), media_type="application/json", headers=headers)


async def _csv(batches: AsyncIterator[list[Row]], columns: Sequence[str]) -> AsyncIterator[bytes]:
    # The mark says to spreadsheets that it is UTF-8.
    yield "\ufeff".encode() + csv_lines([list(columns)])
    async for batch in batches:
        yield csv_lines(batch)


async def _json(batches: AsyncIterator[list[S]]) -> AsyncIterator[bytes]:
    lead = b"[\n"
    async for batch in batches:
        for row in batch:
            yield lead + msgspec.json.encode(row)
            lead = b",\n"
    yield b"[]\n" if lead == b"[\n" else b"\n]\n"


def csv_lines(rows: list[list[Any]]) -> bytes:
    """Rows as CSV; a text that a spreadsheet would run as a formula has an apostrophe before it."""
    sheet = io.StringIO()
    csv.writer(sheet, quoting=csv.QUOTE_MINIMAL).writerows(
        [_cell(value) for value in row] for row in rows
    )
    return sheet.getvalue().encode()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        guarded = _FORMULA.sub(r"\1'\2", value)
        return f"'{guarded}" if guarded.startswith(_BREAK) else guarded
    return value
