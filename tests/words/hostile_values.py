"""Values that no fact may hold, for each field by its name.

Most are of a sort that the field does not take at all; the rest are of its sort and out of its
range. Among them are what an encoder would take in silence, and what would read back as
another value: text that looks like a time, a dict that looks like a box, an integer that no
float can hold.

Knows the names of the fields of `facts.py`, and nothing of codecs.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from eventlog.facts import Box, Motion, Score, Sealed


class _Text(str):
    __slots__ = ()


class _Float(float):
    __slots__ = ()


class _Int(int):
    __slots__ = ()


class _Datetime(datetime):
    __slots__ = ()


class _Bytes(bytes):
    __slots__ = ()


class _Box(Box, frozen=True, kw_only=True):
    pass


class _Score(Score, frozen=True, kw_only=True):
    pass


class _Sealed(Sealed, frozen=True, kw_only=True):
    pass


_NOTHING_TAKES: Final[list[Any]] = [
    object(),
    1j,
    [],
    ["x"],
    {"x": 1},
    {1, 2},
    Exception("x"),
    int,
    2**64,
    -(2**63) - 1,
    10**400,
    Decimal("0.5"),
    UUID(int=7),
    timedelta(seconds=1),
    date(2026, 2, 25),
    time(10, 30, tzinfo=UTC),
    memoryview(b"x"),
    msgspec.UNSET,
    msgspec.NODEFAULT,
    msgspec.Raw(b"\xa1x"),
    msgspec.Raw(b"\xc0"),
    msgspec.msgpack.Ext(1, b"x"),
    Motion(camera_id="front_door", recorded_at=datetime(1, 1, 1, tzinfo=UTC)),
    "\ud800",
    "a\udfffb",
    "",
    _Text("front_door"),
    _Text("none"),
    _Int(1),
    _Float(0.5),
    _Bytes(bytes(32)),
    _Datetime(2026, 2, 25, tzinfo=UTC),
]
_TEXTS: Final[list[Any]] = ["front_door", "0.5", "2026-02-25T10:30:00Z", "x" * 10_000_000]
_BYTES: Final[list[Any]] = [b"", b"x", bytes(31), bytes(33), bytearray(b"x")]
_INTS: Final[list[Any]] = [0, 1, -1, 2**53 + 1, 2**63, -(2**63), 2**64 - 1]
_FLOATS: Final[list[Any]] = [0.0, 0.5, -0.5, 3.0, 1e308, -1e308]
_NOT_FINITE: Final[list[Any]] = [math.nan, -math.nan, math.inf, -math.inf]
_BOOLS: Final[list[Any]] = [True, False]
_WHOLE_DIGEST: Final[list[Any]] = [bytes(32)]
_INSTANTS: Final[list[Any]] = [datetime(2026, 2, 25, 10, 30, tzinfo=UTC)]
_NO_INSTANTS: Final[list[Any]] = [
    datetime(2026, 2, 25, 10, 30),  # noqa: DTZ001 - the naive datetime is the point
    # Before the year 1 and after the year 9999, in UTC.
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14))),
]
_CORNERS: Final[dict[str, Any]] = {"x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 1.0}
_BOXES: Final[list[Any]] = [Box(**_CORNERS)]
_SCORES: Final[list[Any]] = [Score(value=1.0, scale="percent")]
_NO_PARTS: Final[list[Any]] = [
    _CORNERS,
    {**_CORNERS, "unit": "pixels"},
    {"value": 1.0, "scale": "percent"},
    [0.0, 0.0, 1.0, 1.0],
    _Box(**_CORNERS),
    _Score(value=1.0, scale="percent"),
    {"sealed": bytes(32)},
    {"sealed": "x"},
    Sealed(sealed=bytes(31)),
    _Sealed(sealed=bytes(32)),
]
# All of these are refused by every field but those of their own sort.
_SORTS: Final[dict[str, list[Any]]] = {
    "text": _TEXTS,
    "bytes": _BYTES,
    "int": _INTS,
    "float": _FLOATS,
    "bool": _BOOLS,
    "digest": _WHOLE_DIGEST,
    "instant": _INSTANTS,
    "box": _BOXES,
    "score": _SCORES,
    "seal": [Sealed(sealed=bytes(32))],
    "list": [(), ("x",), (1, 2), (bytes(32),)],
    "never": _NOTHING_TAKES + _NOT_FINITE + _NO_INSTANTS + _NO_PARTS,
}


def _text_past(longest: int) -> list[Any]:
    return ["x" * (longest + 1), "🙂" * (longest + 1), "x" * 10_000_000]


# Field → (the sorts that it takes, what it refuses of those).
_Rule: TypeAlias = tuple[set[str], list[Any]]
_FRACTION: Final[_Rule] = (
    {"int", "float"},
    [-1, 2, -1e-300, math.nextafter(1.0, 2.0), 1e308],
)
_DISTANCE: Final[_Rule] = ({"int", "float"}, [-1, -1e-300, -5e-324, 2**53 + 1, 2**64 - 1])
_FINITE: Final[_Rule] = ({"int", "float"}, [2**53 + 1, -(2**53) - 1, 2**64 - 1])
_COUNT: Final[_Rule] = ({"int"}, [-1, 2**53 + 1, 2**63, -(2**63)])
_WORD: Final[_Rule] = ({"text"}, _text_past(64))
_TEXT: Final[_Rule] = ({"text"}, _text_past(256))
_LONG: Final[_Rule] = ({"text"}, _text_past(4096))
_SEALABLE: Final[_Rule] = ({"text", "seal"}, _text_past(64))
_CHOICE: Final[_Rule] = ({"text"}, ["Unlocked", "opened", "pixel", "x" * 10_000_000])
_FLAG: Final[_Rule] = ({"bool"}, [])
_DIGEST: Final[_Rule] = ({"digest"}, [])
_INSTANT: Final[_Rule] = ({"instant"}, [])
_WORDS: Final[_Rule] = ({"list"}, [(1, 2), (bytes(32),), ("",), ("x",) * 17, ("x" * 65,), (None,)])
_RULES: Final[dict[str, _Rule]] = {
    "version": ({"int"}, [0, 3, -1, 2**63]),
    **dict.fromkeys(("camera_id", "label", "actor", "door_id", "channel", "scale"), _WORD),
    **dict.fromkeys(("sub_label", "track", "credential_kind", "why_skipped", "detail"), _WORD),
    **dict.fromkeys(("source", "device_id", "part", "reason"), _WORD),
    **dict.fromkeys(("name", "person", "display_name", "nearest", "plate"), _SEALABLE),
    **dict.fromkeys(("user_ref", "identity", "same_as"), _SEALABLE),
    **dict.fromkeys(("recording_id", "model", "rule", "path", "intent"), _TEXT),
    **dict.fromkeys(("message_id", "error", "witness"), _TEXT),
    **dict.fromkeys(("text", "vkey"), _LONG),
    **dict.fromkeys(("door_action", "unit", "given_by", "outcome", "medium"), _CHOICE),
    **dict.fromkeys(("state", "what"), _CHOICE),
    **dict.fromkeys(("granted", "dry_run", "answered", "linked", "removed", "retired"), _FLAG),
    "confidence": _FRACTION,
    **dict.fromkeys(("distance", "tolerance"), _DISTANCE),
    **dict.fromkeys(("x1", "y1", "x2", "y2", "value", "threshold"), _FINITE),
    **dict.fromkeys(("size_bytes", "width_px", "height_px"), _COUNT),
    **dict.fromkeys(("journal_position", "head_position", "size", "previous_size"), _COUNT),
    **dict.fromkeys(("credential_slot", "frames", "looked", "skipped", "took_ms"), _COUNT),
    **dict.fromkeys(("revision", "tries", "intended", "reconciled", "late"), _COUNT),
    **dict.fromkeys(("restarts", "era", "frame_width", "frame_height"), _COUNT),
    **dict.fromkeys(("sha256", "head_hash", "root", "previous_root", "digest"), _DIGEST),
    "picture_sha256": _DIGEST,
    **dict.fromkeys(("recorded_at", "ended_at", "since", "until", "time"), _INSTANT),
    "requested_at": _INSTANT,
    "key_id": ({"bytes"}, [b"", b"x", bytes(31)]),
    "zones": _WORDS,
    "people": ({"list"}, [(1, 2), (bytes(32),), ("",), ("x",) * 65, ("x" * 65,)]),
    "covers": ({"list"}, [("x",), (bytes(32),), (-1,), (1,) * 65, (2**53 + 1,)]),
    "sealed": ({"list"}, [(), ("x",), (1, 2), (bytes(31),), (bytes(32),) * 65]),
    "box": ({"box"}, []),
    "score": ({"score"}, []),
}
# What one kind says otherwise of a field of that name.
_OF_KIND: Final[dict[tuple[str, str], _Rule]] = {
    **{(kind, "rule"): _WORD for kind in ("alert_sent", "alert_intended", "rule_armed")},
    **{
        (kind, "reason"): _CHOICE
        for kind in ("visit_ended", "picture_removed", "person_erased", "era_begun")
    },
    ("device_state", "state"): _WORD,
    ("head_seen", "name"): _TEXT,
}


def hostile_list(field: str, kind: str = "") -> list[Any]:
    """Every fixed value that the field of that name must refuse, in a fact of that kind.

    None is not among them: some facts let a field be unknown, others do not.
    """
    takes, refused = _OF_KIND.get((kind, field), _RULES[field])
    return [value for sort, some in _SORTS.items() if sort not in takes for value in some] + [
        *refused
    ]


def hostile_values(field: str, kind: str = "") -> SearchStrategy[Any]:
    """Values that the field of that name must refuse: wrong type, out of range, not text."""
    takes, _ = _OF_KIND.get((kind, field), _RULES[field])
    drawn: list[SearchStrategy[Any]] = [st.sampled_from(hostile_list(field, kind))]
    if "int" not in takes:
        drawn.append(st.integers())
    if takes <= {"int"}:
        drawn.append(st.floats())
    if "text" in takes:
        drawn.append(st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=9))
    else:
        drawn.append(st.text())
    if not takes & {"digest", "bytes"}:
        drawn.append(st.binary())
    return st.one_of(drawn)
