"""Decodes the bytes of a file to text: unpacks gzip, drops a byte order mark, converts UTF-16.

Works piece by piece in little memory. What can't be read is named: zip, bzip2, xz, Zstandard,
UTF-32, a gzip file that is damaged. Knows nothing of what the text means.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from typing import Final

from eventlog.errors import BadPayload

# So much of a gzip file is unpacked at a time, whatever it was packed from.
_PIECE: Final = 1 << 18
_GZIP: Final = b"\x1f\x8b"
_OTHERS: Final = {
    b"PK\x03\x04": "a zip file",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"SQLite format 3\x00": "an SQLite database",
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\x00\x00\x00\x00": "binary data",  # also what /dev/zero has, without an end
}
_LONGEST_MARK: Final = max(map(len, _OTHERS))


class Decoder:
    """Bytes in, UTF-8 out, a piece at a time."""

    def __init__(self, source: str) -> None:
        """Decode a file of that source, which errors name."""
        self._source = source
        self._start = b""
        self._begun = False
        self._gzip: zlib._Decompress | None = None
        self._text: _Text | None = None

    def feed(self, data: bytes, *, end: bool = False) -> Iterator[bytes]:
        """What a piece of the file is in UTF-8; `end` says that it is the last one.

        Raises BadPayload for what can't be read, in the file's own words where it has none.
        """
        if not self._begun:
            self._start += data
            if len(self._start) < _LONGEST_MARK and not end and self._may_be_mark():
                return
            data, self._start, self._begun = self._start, b"", True
            self._begin(data)
        if self._gzip is None:
            yield self._decoded(data, end=end)
            return
        for piece in self._unpacked(data):
            yield self._decoded(piece, end=False)
        if end:
            if not self._gzip.eof:
                raise BadPayload(self._source, "is a gzip file that is cut short")
            yield self._decoded(b"", end=True)

    def _may_be_mark(self) -> bool:
        """Whether so few bytes may begin with a mark, so that more of them are needed."""
        marks = (*_OTHERS, _GZIP, codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        short = self._start[:1] in {b"{", b"["} and len(self._start) == 1
        return short or any(mark.startswith(self._start) for mark in marks)

    def _begin(self, data: bytes) -> None:
        for mark, name in _OTHERS.items():
            if data.startswith(mark):
                raise BadPayload(self._source, f"is {name}: unpack or convert it first")
        if data.startswith(_GZIP):
            self._gzip = zlib.decompressobj(wbits=31)

    def _unpacked(self, data: bytes) -> Iterator[bytes]:
        while data and self._gzip is not None:
            if self._gzip.eof:  # one gzip file may follow another
                self._gzip = zlib.decompressobj(wbits=31)
            try:
                yield self._gzip.decompress(data, _PIECE)
            except zlib.error as error:
                raise BadPayload(self._source, "is a gzip file that is damaged") from error
            data = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail

    def _decoded(self, data: bytes, *, end: bool) -> bytes:
        if self._text is None:
            self._text = _Text(self._source)
        return self._text.feed(data, end=end)


class _Text:
    """The encoding that the first bytes show, and the decoded rest."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._start = b""
        self._begun = False
        self._utf16: codecs.IncrementalDecoder | None = None

    def feed(self, data: bytes, *, end: bool) -> bytes:
        """A piece in UTF-8."""
        if not self._begun:
            self._start += data
            if len(self._start) < 3 and not end and not self._start.endswith(b"\n"):  # noqa: PLR2004 - a mark's length
                return b""
            data, self._start, self._begun = self._begin(self._start), b"", True
        if self._utf16 is None:
            return data
        try:
            return self._utf16.decode(data, final=end).encode()
        except UnicodeError as error:
            raise BadPayload(self._source, "is UTF-16 that is damaged") from error

    def _begin(self, data: bytes) -> bytes:
        if data.startswith(codecs.BOM_UTF8):
            return data.removeprefix(codecs.BOM_UTF8)
        for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
            if data.startswith(mark):
                self._utf16 = codecs.getincrementaldecoder(name)()
                return data.removeprefix(mark)
        # Without a mark, the zero byte next to the first character shows the order.
        if data[:1] in {b"{", b"["} and data[1:2] == b"\0":
            self._utf16 = codecs.getincrementaldecoder("utf-16-le")()
        elif data[:1] == b"\0" and data[1:2] in {b"{", b"["}:
            self._utf16 = codecs.getincrementaldecoder("utf-16-be")()
        return data
