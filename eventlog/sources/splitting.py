"""Splits a stream of text into messages: JSON documents, lists, lines, lines with a topic.

A document may be alone, over many lines, in a list, or one on each line; a line may lead with
its MQTT topic, as `mosquitto_sub -v` writes it, and with a time before that. Each message is given
as soon as its last byte is there, and only one is in memory at a time. One that is broken, or
longer than LONGEST, is refused alone, and reading goes on at the next line or element.

States: between messages -> a line -> a document over more lines -> between; or -> a list, element
by element -> between. Knows no source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Message
from eventlog.sources.envelopes import document, topic_line
from eventlog.sources.items import Refused
from eventlog.sources.messages import is_json

# A picture of 8 MB is 11 MB in base64.
LONGEST: Final = 16 * 1024 * 1024

_STRUCTURE: Final = re.compile(rb'["{}\[\]]')
_IN_LIST: Final = re.compile(rb'["{}\[\],]')
# Where an element may end; the first of these before which JSON is complete is its end.
_MAY_END: Final = re.compile(rb"\}\s*[,\]]")
_LOOKS: Final = 4  # of them, before the element is gone through bracket by bracket
_TOO_LONG: Final = f"is longer than {LONGEST // (1024 * 1024)} MB"


class Splitter:
    """Text in, messages out; `seen` counts the messages that were found, sound or not."""

    def __init__(self, source: str, *, live: bool = False) -> None:
        """Split the text of a source; `live` says that it arrives while it is read."""
        self._source = source
        self._live = live
        self._buffer = bytearray()
        self._line = 0  # the number of the last line that was taken off the buffer
        self._first_line = 0  # of the document that goes over more lines
        self._partial: _Scan | None = None
        self._document = bytearray()
        self._list: _List | None = None
        self._skipping = False  # the rest of a line that was too long

    def feed(self, data: bytes, *, end: bool = False) -> Iterator[Message | Refused]:
        """The messages that a piece of text completes; `end` says that it is the last one."""
        self._buffer += data
        while True:
            if self._list is not None:
                yield from self._list.take(self._buffer, end=end)
                if not self._list.done:
                    return
                self._line += self._list.lines
                self._list = None
            line = self._next_line(end=end)
            if line is None:
                break
            yield from self._take_line(line)
        if end and self._partial is not None:
            yield Refused(f"line {self._first_line}", "is not JSON: it is cut short")
            self._partial = None

    # ── lines ──────────────────────────────────────────────────────────────────────────────

    def _next_line(self, *, end: bool) -> bytes | None:
        """The next line; None if more text is needed, or a list begins."""
        while True:
            cut = self._buffer.find(b"\n")
            if self._skipping:
                del self._buffer[: len(self._buffer) if cut < 0 else cut + 1]
                self._skipping = cut < 0
                if self._skipping:
                    return None
                continue
            if self._partial is None and self._begins_list():
                self._list = _List(self._source, self._line + 1, live=self._live)
                return b""
            if cut < 0 and not (end and self._buffer):
                return self._cut_off() if len(self._buffer) > LONGEST else None
            cut = len(self._buffer) if cut < 0 else cut
            line = bytes(self._buffer[:cut])
            del self._buffer[: cut + 1]
            self._line += 1
            return line

    def _cut_off(self) -> bytes:
        """Drop a line that is too long, and what of it is still to come."""
        self._buffer.clear()
        self._line += 1
        self._skipping = True
        return b"\0"

    def _begins_list(self) -> bool:
        return self._buffer.lstrip(b" \t\r")[:1] == b"["

    def _take_line(self, line: bytes) -> Iterator[Message | Refused]:
        place = f"line {self._line}"
        if len(line) > LONGEST or line == b"\0":
            yield Refused(place, _TOO_LONG)
            return
        if self._partial is not None:
            yield from self._go_on(self._partial, line)
            return
        text = line.strip()
        if not text:
            return
        if text.startswith(b"{"):
            yield from self._document_or_line(text, line)
        else:
            yield topic_line(self._source, text, place, live=self._live)

    def _document_or_line(self, text: bytes, line: bytes) -> Iterator[Message | Refused]:
        place = f"line {self._line}"
        scan = _Scan()
        if scan.take(text):
            yield self._parsed(text, place)
            return
        self._partial, self._document, self._first_line = scan, bytearray(line + b"\n"), self._line

    def _go_on(self, partial: _Scan, line: bytes) -> Iterator[Message | Refused]:
        """A further line of a document, or a new one after a broken one."""
        if line.startswith(b"{") and _Scan().take(line.strip()):
            message = self._parsed(line.strip(), f"line {self._line}")
            if isinstance(message, Message):
                yield Refused(f"line {self._first_line}", "is not JSON")
                self._partial = None
                yield message
                return
        self._document += line + b"\n"
        if len(self._document) > LONGEST:
            yield Refused(f"line {self._first_line}", _TOO_LONG)
            self._partial = None
        elif partial.take(line + b"\n"):
            self._partial = None
            yield self._parsed(bytes(self._document), f"line {self._first_line}")

    def _parsed(self, text: bytes, place: str) -> Message | Refused:
        try:
            return document(self._source, text, place, live=self._live)
        except BadPayload as error:
            return Refused(place, error.reason)


class _Scan:
    """Whether a JSON document has ended, by its brackets and strings."""

    def __init__(self) -> None:
        self.depth = 0
        self.in_string = False
        self._escaped = False

    def take(self, text: bytes) -> bool:
        """Go on over more text; True once every bracket is closed."""
        at = 0
        while at < len(text):
            if self.in_string:
                at = self.string(text, at)
                continue
            match = _STRUCTURE.search(text, at)
            if match is None:
                break
            at = match.end()
            self.structure(match[0])
        return self.depth <= 0 and not self.in_string

    def structure(self, mark: bytes) -> None:
        if mark == b'"':
            self.in_string = True
        elif mark in {b"{", b"["}:
            self.depth += 1
        else:
            self.depth -= 1

    def string(self, text: bytes | bytearray, at: int) -> int:
        """The place after the string that goes on at `at`, or the end of the text."""
        while True:
            if self._escaped:
                self._escaped, at = False, at + 1
            quote = text.find(b'"', at)
            escape = text.find(b"\\", at, quote if quote >= 0 else len(text))
            if escape >= 0:
                self._escaped, at = True, escape + 1
                if at >= len(text):
                    return len(text)
                continue
            if quote < 0:
                return len(text)
            self.in_string = False
            return quote + 1


class _List:
    """The elements of a JSON list, one by one."""

    def __init__(self, source: str, line: int, *, live: bool) -> None:
        self.done = False
        self.lines = 0
        self._source = source
        self._first_line = line
        self._live = live
        self._number = 0
        self._opened = False
        self._scan = _Scan()
        self._at = 0  # so much of the buffer was looked at
        self._too_long = False

    def take(self, buffer: bytearray, *, end: bool) -> Iterator[Message | Refused]:
        """The elements that the buffer completes; they are taken off it."""
        if not self._opened:
            del buffer[: buffer.index(b"[") + 1]
            self._opened = True
        while not self.done:
            stop = self._end_of_element(buffer)
            if stop is None:
                break
            text, mark = bytes(buffer[:stop]), buffer[stop : stop + 1]
            del buffer[: stop + 1]
            self._at = 0
            self.lines += text.count(b"\n")
            self.done = mark == b"]"
            yield from self._element(text, last=self.done)
        if not self.done:
            if len(buffer) > LONGEST:
                self._too_long = True
                keep = bytes(buffer[self._at :])
                buffer[:] = keep
                self._at = 0
            if end:
                place = self._place() if self._number else f"line {self._first_line}"
                buffer.clear()
                self.done = True
                yield Refused(place, "is not JSON: the list is cut short")

    def _element(self, text: bytes, *, last: bool) -> Iterator[Message | Refused]:
        text = text.strip()
        if last and not text and not self._too_long:
            return
        self._number += 1
        if self._too_long or len(text) > LONGEST:
            self._too_long = False
            yield Refused(self._place(), _TOO_LONG)
            return
        try:
            yield document(self._source, text, self._place(), live=self._live)
        except BadPayload as error:
            yield Refused(self._place(), error.reason)

    def _place(self) -> str:
        element = f"element {self._number}"
        return element if self._first_line == 1 else f"line {self._first_line}, {element}"

    def _end_of_element(self, buffer: bytearray) -> int | None:
        """Where the comma or the bracket is that ends the element; None if more is needed."""
        scan, at, size = self._scan, self._at, len(buffer)
        if at == 0 and scan.depth == 0:
            for end in islice(_MAY_END.finditer(buffer), _LOOKS):
                if is_json(bytes(buffer[: end.start() + 1])):
                    return end.end() - 1
        while at < size:
            if scan.in_string:
                at = scan.string(buffer, at)
                continue
            match = (_STRUCTURE if scan.depth > 0 else _IN_LIST).search(buffer, at)
            if match is None:
                at = size
                break
            at = match.end()
            if scan.depth == 0 and match[0] in {b",", b"]"}:
                return match.start()
            scan.structure(match[0])
        self._at = at
        return None
