"""The alert rules of the config, and which door a device belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, time, tzinfo
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

from eventlog.facts import RuleArmed

When: TypeAlias = Literal[
    "stranger", "ring", "refused", "opened", "door_open", "device", "source_silent"
]
# The rule of a digest that covers alerts of several rules; no rule of the owner has this name.
SEVERAL: Final = "several"
# Within this time, records about one door under one rule are several sources' reports of one thing.
SAME_S: Final = 10.0


class Rule(Struct, frozen=True, kw_only=True):
    """One rule.

    Attributes:
        name: what the config calls it.
        when: What it selects.
        channels: over which channels.
        doors: of which doors only; empty is all.
        after_s: door_open: so many seconds after the door opened.
        quiet: the daily window in which it is held back.
        stale_after_s: An alert that is older when it can be sent goes into a digest.
        unsure: what becomes of an alert that was perhaps sent before a crash or a time-out.
        updates: whether a late name is sent where the channel can't edit.
    """

    name: str
    when: When
    channels: tuple[str, ...]
    doors: frozenset[str] = frozenset()
    after_s: float = 0.0
    quiet: tuple[time, time] | None = None
    stale_after_s: float = 3600.0
    unsure: Literal["again", "never"] = "again"
    updates: Literal["edit", "send"] = "edit"

    @property
    def text(self) -> str:
        """The rule as it is recorded: written by us, without comments and in one order."""
        lines = [f'when = "{self.when}"', f"channels = {sorted(self.channels)}"]
        if self.doors:
            lines.append(f"doors = {sorted(self.doors)}")
        if self.after_s:
            lines.append(f"after = {self.after_s:g} s")
        if self.quiet is not None:
            lines.append(f"quiet = {self.quiet[0]:%H:%M}-{self.quiet[1]:%H:%M}")
        lines.append(f"stale_after = {self.stale_after_s:g} s")
        lines.append(f'unsure = "{self.unsure}"')
        lines.append(f'updates = "{self.updates}"')
        return "\n".join(lines)

    @property
    def armed(self) -> RuleArmed:
        """The fact that arms this rule."""
        text = self.text
        return RuleArmed(rule=self.name, text=text, digest=hashlib.sha256(text.encode()).digest())

    def arms(self, armed: RuleArmed) -> bool:
        """Whether a recorded rule is this one: by its name and what it selects."""
        return armed.rule == self.name and armed.text.startswith(f'when = "{self.when}"\n')

    def is_quiet(self, at: datetime, zone: tzinfo) -> bool:
        """Whether a moment is in its quiet hours."""
        if self.quiet is None:
            return False
        start, end = self.quiet
        local = at.astimezone(zone).time()
        if start <= end:
            return start <= local < end
        return local >= start or local < end


class Doors(Struct, frozen=True):
    """Which door a camera, a lock or a contact belongs to, as the facts call them."""

    by_part: Mapping[str, str] = field(default_factory=dict)

    def of(self, part: str | None) -> str:
        """The door's name; a part that belongs to none is a door of its own."""
        return "" if part is None else self.by_part.get(part, part)
