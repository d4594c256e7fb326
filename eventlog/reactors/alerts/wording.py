"""The text of an alert."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final

from msgspec import Struct

from eventlog.reactors.alerts.rules import When
from eventlog.reactors.alerts.telling import Send, Telling
from eventlog.reactors.alerts.visits import Visit

LINES_MAX: Final = 20
TEXT_MAX: Final = 120
_DIGESTS: Final = {
    "away": "While I was away",
    "quiet": "During quiet hours",
    "storm": "Many things at once",
}
AGAIN: Final = "perhaps a second time"


class Message(Struct, frozen=True, kw_only=True):
    """What a channel sends.

    `id` is the same for every revision of an alert, so that a channel can replace the older one.
    `picture` is the path of the event's picture, relative as the facts have it.
    """

    id: str
    revision: int
    rule: str
    title: str
    body: str
    event_id: int | None = None
    door: str | None = None
    at: datetime | None = None
    picture: str | None = None
    again: bool = False


def compose(
    send: Send, visits: Mapping[int, Visit], zone: tzinfo, *, again: bool = False
) -> Message:
    """The words of what is to be sent."""
    first = send.tellings[0]
    key = send.key.rpartition(":")[0]
    suffix = f" ({AGAIN})" if again else ""
    if len(send.tellings) > 1 or send.why:
        lines = [_line(one, visits, zone) for one in send.tellings[:LINES_MAX]]
        more = len(send.tellings) - len(lines)
        if more > 0:
            lines.append(f"and {more} more")
        title = f"{_DIGESTS.get(send.why, 'Several things')}: {len(send.tellings)}{suffix}"
        return Message(
            id=key,
            revision=send.revision,
            rule=send.rule,
            title=title,
            body="\n".join(lines),
            again=again,
        )
    visit = None if first.event_id is None else visits.get(first.event_id)
    return Message(
        id=key,
        revision=send.revision,
        rule=first.rule,
        title=_title(first, visit) + suffix,
        body=f"{_exact(first.at, zone)}",
        event_id=first.event_id,
        door=first.door,
        at=first.at,
        picture=None if visit is None else visit.picture,
        again=again,
    )


def _line(telling: Telling, visits: Mapping[int, Visit], zone: tzinfo) -> str:
    visit = None if telling.event_id is None else visits.get(telling.event_id)
    return f"{_exact(telling.at, zone)}  {_title(telling, visit)}"


def _title(telling: Telling, visit: Visit | None) -> str:
    door = _safe(telling.door)
    person = None if visit is None or visit.person is None else _safe(visit.person)
    said = None if telling.said is None else _safe(telling.said)
    who = said or person
    texts: dict[When, str] = {
        "ring": f"{person or 'Somebody'} rang at {door}",
        "stranger": f"A stranger at {door}" if person is None else f"At {door}: {person}",
        "opened": f"{door} was opened" + (f" by {who}" if who else ""),
        "refused": f"{door}: an unlock was refused" + (f" ({said})" if said else ""),
        "door_open": f"{door} is {'forced open' if said == 'forced_open' else 'open'}",
        "device": f"{door}: {said or 'trouble'}",
        "source_silent": f"{door} is silent: the log may be missing what happens there",
    }
    return texts[telling.when]


def _exact(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _safe(text: str) -> str:
    """Text from outside, as one short line of printable characters."""
    return "".join(char if char.isprintable() else " " for char in text)[:TEXT_MAX]
