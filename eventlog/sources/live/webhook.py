"""Turns a message of any program into a fact, by a mapping in the config.

    fact = "ding"
    id = "event.id"
    fields = { camera_id = "= front_door", recorded_at = "event.time" }

A field is a path through the message's objects, or a value behind "=". Knows no program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadFact, BadPayload
from eventlog.facts import Fact

ID_MAX: Final = 120


class Mapped(Struct, frozen=True):
    """How a hook's messages become facts."""

    name: str
    fact: str
    id: str
    fields: Mapping[str, str]

    def read(self, body: bytes) -> tuple[str, Fact]:
        """The idempotency key and the fact of a message.

        Raises:
            BadPayload: it is not a JSON object, lacks a field that the mapping names, or its values
                make no such fact. No value is repeated.
        """
        source = f"hook {self.name}"
        try:
            message = msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadPayload(source, "is no JSON") from error
        own_id = _at(source, message, self.id)
        if not isinstance(own_id, str | int) or not 0 < len(str(own_id)) <= ID_MAX:
            raise BadPayload(source, f"{self.id}: is not an id of 1 to {ID_MAX} characters")
        plain = {field: _value(source, message, path) for field, path in self.fields.items()}
        try:
            fact = codecs.from_builtins({"kind": self.fact, **plain})
        except BadFact as error:
            raise BadPayload(source, f"{error.field or error.kind}: {error.reason}") from error
        return f"hook:{self.name}:{own_id}", fact


def _value(source: str, message: object, path: str) -> object:
    if path.startswith("="):
        return path[1:].strip()
    return _at(source, message, path)


def _at(source: str, message: object, path: str) -> object:
    found = message
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            raise BadPayload(source, f"{path}: is missing")
        found = found[part]
    return found
