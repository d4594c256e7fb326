"""Shows names and texts from outside so that none can imitate another: pure.

A person is shown by the name that the household chose, and always with the recorded name where
the two differ. Two persons who would look alike are marked; so is a name that imitates another by
invisible characters or look-alike letters (Unicode's confusables), which is shown with escapes.
A name that could be read as the log's own words is put in quotes.
Knows no table and no template. The command line marks names by it too.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Final, NamedTuple

from eventlog.projections.phrases import could_speak, in_quotes

# A name inside a sentence is put between these, so that its direction can't reorder the rest.
ISOLATE: Final = "\u2068"
POP: Final = "\u2069"

_ISOLATED: Final = re.compile(f"{ISOLATE}([^\u2066-\u2069]*){POP}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9 ._'-]+")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that are drawn as nothing, or as a space.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


class Person(NamedTuple):
    """A person's recorded name, and the one that the household shows; None if it gave none."""

    name: str
    display_name: str | None

    @property
    def shown(self) -> str:
        """The name to show, as it is stored."""
        return self.display_name or self.name


def visible(text: str) -> str:
    r"""A text with every character that can't be seen as an escape: `a\u200bda`.

    Line ends stay, and so do the isolates that `isolated` has put around a name.
    """
    if text.isascii() and text.isprintable():
        return text
    parts = _ISOLATED.split(text)  # every second one was between isolates
    return "".join(
        f"{ISOLATE}{_escaped(part)}{POP}" if index % 2 else _escaped(part)
        for index, part in enumerate(parts)
    )


def isolated(names: Mapping[str, str]) -> dict[str, str]:
    """The same labels for sentences of a page, between isolates where one is not a plain word."""
    return {
        name: label if _PLAIN.fullmatch(label) else f"{ISOLATE}{label}{POP}"
        for name, label in names.items()
    }


def labels(wanted: Iterable[str | None], everybody: Iterable[Person]) -> dict[str, str]:
    """How each of these names is shown, among all persons that there are."""
    persons = {person.name: person for person in everybody}
    names = {name for name in wanted if name is not None}
    for name in names:
        persons.setdefault(name, Person(name, None))
    alike: dict[str, set[str]] = defaultdict(set)
    for person in persons.values():
        for text in {person.name, person.shown}:
            for skeleton in skeletons(text):
                alike[skeleton].add(person.name)
    return {name: _label(persons[name], persons, alike) for name in sorted(names)}


def _label(person: Person, persons: Mapping[str, Person], alike: Mapping[str, set[str]]) -> str:
    near = set[str]().union(*(alike[skeleton] for skeleton in skeletons(person.shown)))
    rivals = [persons[name] for name in sorted(near - {person.name})]
    imitated = [rival for rival in rivals if _imitates(person, rival)]
    # One that is shown with escapes is not taken for this person any more.
    same = [rival for rival in rivals if not _imitates(rival, person)]
    spell = _ascii if imitated else visible
    text, recorded = spell(_said(person.shown)), spell(_said(person.name))
    remarks = []
    if person.shown.casefold() != person.name.casefold():
        remarks.append(f"recorded as {recorded}")
    if imitated:
        remarks.append(f"imitates {visible(_said(imitated[0].name))}")
    elif same:
        remarks.append(f"shown like {visible(_said(same[0].name))}")
    return f"{text} ({'; '.join(remarks)})" if remarks else text


def _imitates(person: Person, rival: Person) -> bool:
    """Whether a name looks like another's only by letters that differ from it."""
    return not person.shown.isascii() and person.shown not in {rival.name, rival.shown}


def _said(name: str) -> str:
    """A name in quotes where it could be read as the log's own words."""
    return in_quotes(name) if could_speak(name) else name


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


# ── look-alikes ────────────────────────────────────────────────────────────────────────────


def letters_are_compared() -> bool:
    """Whether the table of look-alike letters is installed; it comes with the extra `web`.

    Without it invisible characters and other forms of the same letters are found all the same.
    """
    return find_spec("confusable_homoglyphs") is not None


@lru_cache(maxsize=8192)
def skeletons(text: str) -> frozenset[str]:
    """What two texts that look alike have in common, with and without regard to case."""
    return frozenset({_skeleton(text), _skeleton(text.casefold())})


def _skeleton(text: str) -> str:
    table = _prototypes()
    seen = (
        table.get(letter, letter)
        for letter in unicodedata.normalize("NFKD", text)
        if not _is_hidden(letter) and not letter.isspace()
    )
    return unicodedata.normalize("NFD", "".join(seen)).casefold()


@cache
def _prototypes() -> dict[str, str]:
    """Each letter that looks like another, and the one letter that represents all of them."""
    # Half a megabyte, and only pages with names need it.
    if not letters_are_compared():
        return {}
    data = import_module("confusable_homoglyphs.confusables").confusables_data
    found: dict[str, list[dict[str, str]]] = data

    parent: dict[str, str] = {}

    def root(letter: str) -> str:
        while parent.setdefault(letter, letter) != letter:
            letter = parent[letter]
        return letter

    longer: dict[str, str] = {}
    for letter, others in found.items():
        for other in (entry["c"] for entry in others):
            if len(letter) == len(other) == 1:
                # The first in the order of code points, an ASCII letter where there is one.
                low, high = sorted((root(letter), root(other)))
                parent[high] = low
            elif len(letter) == 1 and other.isascii():
                longer.setdefault(letter, other)  # as m and rn
    return {letter: root(letter) for letter in parent} | longer


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in _HIDDEN or letter in _BLANK


def _escaped(text: str) -> str:
    return "".join(
        letter.encode("ascii", "backslashreplace").decode()
        if ord(letter) >= 0x80  # noqa: PLR2004 - beyond ASCII
        and (_is_hidden(letter) or unicodedata.category(letter) == "Zs")
        else f"\\x{ord(letter):02x}"
        if not letter.isprintable() and letter != "\n"
        else letter
        for letter in text
    )
