"""Suggests existing values when a filter of `eventlog events` matches nothing.

Knows the read tables' columns of words, and no command.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Final

from eventlog.cli import view_state as views
from eventlog.cli.context import Context
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument
from eventlog.projections.event_list import EventFilter

AS_IT_IS: Final[Mapping[str, str]] = {}
_SHOWN_MAX: Final = 12
_CAMERAS: Final = "SELECT DISTINCT camera_id FROM events ORDER BY camera_id"
_LABELS: Final = "SELECT DISTINCT label FROM detections ORDER BY label"


def person_of(asked: str, names: Mapping[str, str]) -> str:
    """The name of the person who is asked for, by it or by the name that is shown for it.

    Args:
        asked: The value of --person.
        names: The name that is shown for each person's name.

    Returns:
        The person's name, or the value itself if no person has it.

    Raises:
        BadArgument: Several persons are shown by that name.
    """
    if asked in names:
        return asked
    found = sorted(name for name, shown in names.items() if shown == asked)
    if len(found) > 1:
        raise BadArgument(
            f"--person: {len(found)} persons are shown as {asked!r}; ask for one by name:"
            f" {', '.join(found)}"
        )
    return found[0] if found else asked


def hints(
    context: Context,
    connection: sqlite3.Connection,
    wanted: EventFilter,
    names: Mapping[str, str],
) -> Iterator[str]:
    """A sentence for each word of the filter that the read tables do not have."""
    if wanted.camera_id is not None:
        yield from _hint("camera", wanted.camera_id, _words(connection, _CAMERAS))
    if wanted.label is not None:
        yield from _hint("label", wanted.label, _words(connection, _LABELS))
    if wanted.person is not None:
        known = sorted({*names, *names.values()})
        yield from _hint("person", wanted.person, known, views.marked(context, known))


def _words(connection: sqlite3.Connection, sql: str) -> list[str]:
    return [str(word) for (word,) in connection.execute(sql)]


def _hint(
    what: str, word: str, known: list[str], printed: Mapping[str, str] = AS_IT_IS
) -> Iterator[str]:
    if word in known:
        return
    missing = f"there is no {what} {safe(word)!r}"
    alike = [other for other in known if other.casefold() == word.casefold()]
    if not known:
        yield f"{missing}: no event has one yet"
    elif alike:
        yield f"{missing}; there is {safe(printed.get(alike[0], alike[0]))!r}"
    else:
        more = f" and {len(known) - _SHOWN_MAX} more" if len(known) > _SHOWN_MAX else ""
        shown = (safe(printed.get(other, other)) for other in known[:_SHOWN_MAX])
        yield f"{missing}; there are: {', '.join(shown)}{more}"
