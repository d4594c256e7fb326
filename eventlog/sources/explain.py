"""Shows what an item would become, in words and as values, for `eventlog ingest --explain`.

Knows no store: whether an item is in a log already is not said here.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from eventlog.facts import Fact, kind_of
from eventlog.sources.items import (
    Addition,
    Item,
    Occurrence,
    Picture,
    Refused,
    Skipped,
    Standalone,
    Unknown,
    Visit,
)

_SILENT: Final = {"kind", "version"}


def in_words(item: Item) -> str:  # noqa: PLR0911 - one for each kind of item
    """What an item would become, as one line."""
    match item:
        case Visit(key=key, facts=facts):
            return f"opens an event: {_facts(facts)} (key {key})"
        case Addition(key=key, facts=facts, opener_key=opener):
            return f"adds to event {opener}: {_facts(facts)} (key {key})"
        case Standalone(key=key, facts=facts):
            return f"adds: {_facts(facts)} (key {key})"
        case Occurrence(series=named, facts=facts, states=states):
            adds = "adds, if the state is another one" if states else "adds"
            return f"{adds}: {_facts(facts)} (key {named}:NUMBER)"
        case Picture(opener_key=opener, camera_id=camera, frame=frame):
            of = f"event {opener}" if opener else f"the latest event of {camera}"
            return f"a picture of {len(frame)} bytes for {of}"
        case Skipped(reason=reason):
            return f"skipped: {reason}"
        case Unknown(kind=kind):
            return f"unknown: {kind}"
        case Refused(reason=reason):
            return f"refused: {reason}"


def as_values(item: Item) -> dict[str, Any]:
    """The same for programs: what it is, its key and its facts."""
    answer: dict[str, Any] = {"becomes": type(item).__name__.lower()}
    match item:
        case Picture(opener_key=opener, camera_id=camera, frame=frame):
            return {**answer, "event": opener, "camera_id": camera, "bytes": len(frame)}
        case Skipped(reason=reason) | Refused(reason=reason):
            return {**answer, "reason": reason}
        case Unknown(kind=kind):
            return {**answer, "kind": kind}
        case Occurrence(series=named, facts=facts):
            return {**answer, "series": named, "facts": msgspec.to_builtins(facts)}
        case Addition(opener_key=opener, key=key, facts=facts):
            return {**answer, "key": key, "event": opener, "facts": msgspec.to_builtins(facts)}
        case Visit(key=key, facts=facts) | Standalone(key=key, facts=facts):
            return {**answer, "key": key, "facts": msgspec.to_builtins(facts)}


def _facts(facts: tuple[Fact, ...]) -> str:
    return "; ".join(map(_fact, facts))


def _fact(fact: Fact) -> str:
    told = [
        f"{name} {_value(value)}"
        for name, value in msgspec.structs.asdict(fact).items()
        if name not in _SILENT and value not in (None, (), "")
    ]
    return f"{kind_of(type(fact))}, {', '.join(told)}"


def _value(value: object) -> str:
    if isinstance(value, Struct):
        return " ".join(str(one) for one in msgspec.structs.astuple(value) if one is not None)
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    return str(value)
