"""HEAD_TO: reads the setting that names the places where signed heads go.

    file:/mnt/nas/door.heads [name=nas] [every=10]
    exec:/usr/local/bin/send-head
    witness:https://host/prefix VKEY [every=600]

One entry a line, or separated by semicolons. Opens no file and no connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from eventlog.errors import BadArgument, BadNote
from eventlog.evidence import note as notes
from eventlog.evidence.note import COSIGNS
from eventlog.reactors.head_places import (
    WITNESS_EVERY_S,
    ExecPlace,
    FilePlace,
    Place,
    WitnessPlace,
)
from eventlog.storage.paths import beside

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def parse_places(text: str, db_path: Path) -> list[Place]:
    """The places that HEAD_TO names. Raises BadArgument, naming the entry."""
    entries = [entry.strip() for line in text.splitlines() for entry in line.split(";")]
    places = [_place(entry, db_path) for entry in entries if entry]
    names = [place.name for place in places]
    for name in names:
        if names.count(name) > 1:
            raise BadArgument(f"HEAD_TO: two places are called {name}; add name= to one of them")
    return places


def _place(entry: str, db_path: Path) -> Place:
    first, *words = entry.split()
    kind, _, target = first.partition(":")
    options = dict(word.partition("=")[::2] for word in words if _is_option(word))
    rest = [word for word in words if not _is_option(word)]
    if not target or (kind == "witness") != (len(rest) == 1) or len(rest) > 1:
        raise BadArgument(
            f"HEAD_TO: {entry!r} is none of file:PATH, exec:PROGRAM, witness:URL VKEY"
        )
    every = _every(entry, options, WITNESS_EVERY_S if kind == "witness" else 0.0)
    match kind:
        case "file":
            path = Path(target)
            name = _name(entry, options, path.stem)
            return FilePlace(name=name, path=path, every_s=every)
        case "exec":
            path = Path(target)
            name = _name(entry, options, path.name)
            answers = beside(db_path, ".times")
            return ExecPlace(name=name, program=path, answers=answers, every_s=every)
        case "witness":
            return _witness(entry, target, rest[0], options, every)
        case _:
            raise BadArgument(f"HEAD_TO: {kind!r} is none of file, exec, witness")


def _witness(
    entry: str, url: str, vkey: str, options: Mapping[str, str], every: float
) -> WitnessPlace:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise BadArgument(f"HEAD_TO: {url!r} is not an http:// or https:// address")
    try:
        key = notes.parse_public_key(vkey)
    except BadNote as error:
        raise BadArgument(f"HEAD_TO: {vkey!r}: {error}") from error
    if key.type != COSIGNS:
        raise BadArgument(f"HEAD_TO: {key.name} is the key of a log, not of a witness")
    name = _name(entry, options, parts.hostname)
    return WitnessPlace(name=name, url=url, key=key, every_s=every)


def _is_option(word: str) -> bool:
    return word.startswith(("name=", "every="))


def _name(entry: str, options: Mapping[str, str], default: str) -> str:
    name = options.get("name", default)
    if not _NAME.fullmatch(name):
        raise BadArgument(f"HEAD_TO: {entry!r}: a name has letters, digits, . _ - only")
    return name


def _every(entry: str, options: Mapping[str, str], default: float) -> float:
    text = options.get("every")
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise BadArgument(f"HEAD_TO: {entry!r}: every= is a number of seconds")
    return float(text)
