"""Reads a file or a pipe as items: decodes, splits and parses it while it arrives.

A message that is bad is refused alone. A file whose only document is bad raises BadPayload at its
end, so that a wrong file can be distinguished from a bad line. Knows no source and no store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from eventlog.errors import BadPayload
from eventlog.sources.adapter import DEFAULTS, Adapter, Settings
from eventlog.sources.decoding import Decoder
from eventlog.sources.items import Item, Refused
from eventlog.sources.splitting import Splitter

# Input that may have no end is given up after so much without one sound message.
SENSELESS_BYTES: Final = 64 * 2**20
SENSELESS_MESSAGES: Final = 1000


class Read(NamedTuple):
    """What one message became, and where it is in its file."""

    place: str
    items: list[Item]


class Reading:
    """One file of a source: bytes in, items out."""

    def __init__(
        self, adapter: Adapter, settings: Settings = DEFAULTS, *, live: bool = False
    ) -> None:
        """Begin a file.

        Args:
            adapter: the source that the file is of.
            settings: what its owner says about the source.
            live: whether its messages arrive while they are read, as off a pipe.
        """
        self._adapter = adapter
        self._settings = settings
        self._decoder = Decoder(adapter.name)
        self._splitter = Splitter(adapter.name, live=live)
        self._live = live
        self._bytes = 0
        self._found = 0
        self._sound = 0
        self._anything = False
        self._first_refusal = ""
        self._in_list = False

    def feed(self, data: bytes, *, end: bool = False) -> Iterator[Read]:
        """The items of the messages that these bytes complete.

        Args:
            data: the next bytes of the file.
            end: whether they are the last ones.

        Raises:
            BadPayload: at the end of a file whose only document is bad, where the bytes can't be
                decoded, and in the middle of input without end that holds no message.
        """
        self._bytes += len(data)
        for text in self._decoder.feed(data, end=end):
            yield from self._split(text, end=False)
            self._require_sense()
        if end:
            yield from self._split(b"", end=True)
            self._require_sound()

    def _split(self, text: bytes, *, end: bool) -> Iterator[Read]:
        self._anything = self._anything or bool(text.strip())
        for message in self._splitter.feed(text, end=end):
            self._found += 1
            if isinstance(message, Refused):
                items: list[Item] = [message]
            else:
                items = self._adapter.read(message, self._settings)
            refused = len(items) == 1 and isinstance(items[0], Refused)
            if not refused:
                self._sound += 1
            elif not self._first_refusal and isinstance(items[0], Refused):
                self._first_refusal = items[0].reason
                self._in_list = "element" in items[0].place
            yield Read(message.place, items)

    def _require_sense(self) -> None:
        # /dev/zero has one line without end, noise has bad lines without end.
        much = self._bytes > SENSELESS_BYTES or self._found >= SENSELESS_MESSAGES
        if self._live and much and not self._sound:
            reason = self._first_refusal or "there is no message in it"
            raise BadPayload(self._adapter.name, f"nothing so far is a message: {reason}")

    def _require_sound(self) -> None:
        if not self._anything:
            raise BadPayload(self._adapter.name, "the file is empty")
        if self._found == 1 and not self._sound and not self._in_list:
            raise BadPayload(self._adapter.name, self._first_refusal)


def read(adapter: Adapter, data: bytes, settings: Settings = DEFAULTS) -> Iterator[Item]:
    """The items of a complete file. Raises BadPayload at once, as `Reading.feed` does."""
    reading = Reading(adapter, settings)
    found = [item for one in reading.feed(data, end=True) for item in one.items]
    return iter(found)
