"""The facts about the recorder itself: its stops, its sources and parts, its rules and alerts.

Knows nothing of journals, positions or events.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from eventlog.facts.values import Count, Digest, DoorFact, Instant, LongText, Sealable, Text, Word


class UncleanStop(DoorFact, frozen=True, kw_only=True, tag="unclean_stop"):
    """The recorder found at its start that it had not been closed.

    Where the head file is ahead of the journal, the records between the two are lost.

    Args:
        journal_position: The journal's last position at that start.
        head_position: The last position by the head file; None if both agree.
        head_hash: The hash in the head file, 32 bytes; None if both agree.
    """

    version: Literal[1] = 1
    journal_position: Count
    head_position: Count | None = None
    head_hash: Digest | None = None


# The reason of a source's first start: what it brings before `source_back` is history, no gap.
FIRST_START: Final = "first_start"


class SourceSilent(DoorFact, frozen=True, kw_only=True, tag="source_silent"):
    """Nothing comes from a source any more.

    Args:
        source: The source.
        since: When it was last heard, an aware datetime.
        reason: Why, in one word.
    """

    version: Literal[1] = 1
    source: Word
    since: Instant
    reason: Word


class SourceBack(DoorFact, frozen=True, kw_only=True, tag="source_back"):
    """A source that was silent is heard again.

    Args:
        source: The source.
        until: When it was heard again, an aware datetime.
        reconciled: How many facts were taken from its history; None if it is not known.
        late: How many facts came late; None if it is not known.
    """

    version: Literal[1] = 1
    source: Word
    until: Instant
    reconciled: Count | None = None
    late: Count | None = None


class PartStopped(DoorFact, frozen=True, kw_only=True, tag="part_stopped"):
    """A part of the program stopped with an error.

    Args:
        part: The part of the program.
        error: A class and a code, never text from outside.
        restarts: How often the part was started again.
    """

    version: Literal[1] = 1
    part: Word
    error: Text
    restarts: Count


class PartBack(DoorFact, frozen=True, kw_only=True, tag="part_back"):
    """A part of the program that had stopped has run for a while again.

    Args:
        part: The part of the program.
        restarts: How often the part was started again.
    """

    version: Literal[1] = 1
    part: Word
    restarts: Count


class RuleArmed(DoorFact, frozen=True, kw_only=True, tag="rule_armed"):
    """A rule came into force.

    Args:
        rule: The rule's name.
        text: The rule's parsed form, with the people in it as p0, p1, …
        people: Those people, in that order, 64 at most; none by default.
        digest: The SHA-256 of `text`, 32 bytes.
    """

    version: Literal[1] = 1
    rule: Word
    text: LongText
    people: Annotated[tuple[Sealable, ...], Meta(max_length=64)] = ()
    digest: Digest


class AlertIntended(DoorFact, frozen=True, kw_only=True, tag="alert_intended"):
    """An alert is about to be sent.

    Args:
        rule: The rule's name.
        channel: The channel that carries it: telegram, …
        revision: 0 is the alert itself, 1 and more are its updates.
        covers: The positions of the records that it is about, 64 at most; none by default.
    """

    version: Literal[1] = 1
    rule: Word
    channel: Word
    revision: Count
    covers: Annotated[tuple[Count, ...], Meta(max_length=64)] = ()


class AlertSent(DoorFact, frozen=True, kw_only=True, tag="alert_sent"):
    """The outcome of an alert.

    Args:
        channel: The channel that carried it: telegram, …; None if it is not known.
        recorded_at: When, an aware datetime; None if it is not known.
        rule: The rule's name; None if it is not known.
        revision: 0 is the alert itself, 1 and more its updates; None if it is not known.
        outcome: "sent", "refused", "gave_up" or "unknown"; None means that it was sent.
        tries: How often it was tried; None if it is not known.
        message_id: The channel's id of the message; None if it is not known.
        intended: The position of its `alert_intended`; None if it is not known.
    """

    version: Literal[2] = 2
    channel: Word | None = None
    recorded_at: Instant | None = None
    rule: Word | None = None
    revision: Count | None = None
    outcome: Literal["sent", "refused", "gave_up", "unknown"] | None = None
    tries: Count | None = None
    message_id: Text | None = None
    intended: Count | None = None
