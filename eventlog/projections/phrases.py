"""The phrases of which sentences about facts are made: names, measures, counts and quotes.

A text from outside is quoted unless it is one plain word; what shows a sentence escapes it. Knows
no kind of fact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeAlias

from eventlog.facts import Score, Sealed
from eventlog.projections.times import canonical

Names: TypeAlias = Mapping[str, str]
Name: TypeAlias = str | Sealed

NO_NAMES: Final[Names] = {}


def measured(
    distance: float | None, tolerance: float | None, score: Score | None, confidence: float | None
) -> str:
    """A face's measure: the distance against its tolerance, else a score, else a confidence."""
    if distance is not None and tolerance is not None:
        near, limit = number(distance), number(tolerance)
        if near == limit and distance != tolerance:
            near, limit = repr(distance), repr(tolerance)
        where = "within" if distance <= tolerance else "beyond"
        return f"distance {near} {where} the tolerance of {limit}"
    if distance is not None:
        return f"distance {number(distance)}"
    if score is not None:
        return f"score {number(score.value)} ({score.scale})"
    return "" if confidence is None else f"confidence {percent(confidence)}"


def shown_name(name: Name, names: Names) -> str:
    """The name to show for a person's; the words for a sealed one."""
    return (names.get(name) or plain_name(name)) if isinstance(name, str) else str(name)


def plain(name: Name) -> str:
    """A recorded name, or a description of its seal."""
    return plain_name(name) if isinstance(name, str) else str(name)


def plain_name(name: str) -> str:
    """A name as it is where it has letters, spaces and what names have; else in quotes."""
    usual = all(c.isalnum() or c in " .'_-@" for c in name)
    return name if usual and not could_speak(name) else in_quotes(name)


def could_speak(name: str) -> bool:
    """Whether a name could be read as the log's own words: a sentence, a remark, `stranger`."""
    words = name.split()
    return " ".join(words).casefold() in _OURS or len(words) > _WORDS or bool(_SPEECH.search(name))


_OURS: Final = frozenset({"stranger", "a stranger", "strangers", "nobody", "somebody", "unknown"})
_WORDS: Final = 5
_SPEECH: Final = re.compile(r"""[][()"\u201c-\u201f\xab\xbb,;:!?\u2026]|\w{4,}\.\s""")


def number(value: float) -> str:
    """Four digits that count."""
    return f"{value:.4g}"


def percent(value: float) -> str:
    """A part of one as a percentage."""
    return f"{value * 100:.0f} %"


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def quoted(text: str) -> str:
    """A text from outside in a sentence of ours: one plain word as it is, all else in quotes.

    So no rule, actor or label can go on in the log's own voice.
    """
    return text if _WORD.fullmatch(text) else in_quotes(text)


def in_quotes(text: str) -> str:
    """A text in quotes; those within it and backslashes are escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_WORD: Final = re.compile(r"\w(?:[\w.+/-]{0,62}\w)?")


def labelled(label: str, value: object) -> str:
    """A label and a value; "" if there is no value."""
    if value is None:
        return ""
    return f"{label}{quoted(value) if isinstance(value, str) else value}"


def in_brackets(parts: list[str]) -> str:
    """The parts that are not empty, in brackets after a blank."""
    known = [part for part in parts if part]
    return f" ({', '.join(known)})" if known else ""


def in_utc(moment: datetime) -> str:
    """A time with its zone."""
    return f"{canonical(moment)} UTC"
