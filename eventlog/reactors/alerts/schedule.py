"""Decides what a channel sends next: one alert, a revision, a digest, or nothing yet.

Quiet hours hold alerts back, many alerts at once become one digest, and so do those that are late
because the program did not run. Knows no record and no channel but its name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from eventlog.reactors.alerts.ledger import Ledger
from eventlog.reactors.alerts.telling import Send, Telling

# More alerts than these within a minute are a storm, and become one digest.
STORM: Final = 5
STORM_S: Final = 60.0
COVERED_MAX: Final = 64


def next_for(ledger: Ledger, channel: str, now: datetime, *, can_edit: bool) -> Send | None:
    """What to send next over a channel, None if there is nothing yet."""
    for intent in ledger.intents.values():
        if intent.tellings and intent.tellings[0].channel == channel:
            return Send(intent.tellings, intent.revision, intent.why, intent)
    waiting = sorted(
        (one for one in ledger.tellings.values() if one.waits(channel, now)),
        key=lambda one: one.position,
    )
    revisions = [one for one in waiting if one.revision]
    for telling in revisions:
        if can_edit or ledger.rules[telling.rule].updates == "send":
            return Send([telling], telling.revision)
        telling.settled = True  # a channel that can't edit stays silent
    return _first_or_digest(ledger, [one for one in waiting if not one.revision], now)


def _first_or_digest(ledger: Ledger, waiting: list[Telling], now: datetime) -> Send | None:
    held = [one for one in waiting if _is_quiet(ledger, one, one.at)]
    over = [one for one in held if not _is_quiet(ledger, one, now)]
    if over:
        return Send(over[:COVERED_MAX], why="quiet")
    rest = [one for one in waiting if one not in held and not _is_quiet(ledger, one, now)]
    stale = [one for one in rest if _is_stale(ledger, one, now)]
    if stale:
        return Send(stale[:COVERED_MAX], why="away")
    if not rest:
        return None
    times = ledger.intended_at.get(rest[0].channel, [])
    recent = [at for at in times if 0 <= (now - at).total_seconds() < STORM_S]
    ledger.intended_at[rest[0].channel] = recent
    if len(recent) >= STORM:
        return None
    storm = len(rest) > STORM or (len(rest) > 1 and len(recent) == STORM - 1)
    return Send(rest[:COVERED_MAX], why="storm") if storm else Send(rest[:1])


def _is_stale(ledger: Ledger, telling: Telling, now: datetime) -> bool:
    since = telling.ready_at or telling.at
    return (now - since).total_seconds() > ledger.rules[telling.rule].stale_after_s


def _is_quiet(ledger: Ledger, telling: Telling, moment: datetime) -> bool:
    return ledger.rules[telling.rule].is_quiet(moment, ledger.zone)
