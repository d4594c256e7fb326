"""The table `retain` of the config: what is kept for how long. Without it nothing is deleted.

retain = { age = "90d", bytes = "8GB", keep_unlocks = "365d", unseen = "3y",
           per = { stranger = "365d", label.car = "7d" } }
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, field

from eventlog.maintenance.retention_rule import KEEP_UNLOCKS_US, Rule, age_us, in_words, size_bytes

# An age: 90d, 12w, 2y.
Age: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{1,5}[dwy]\Z")]
Size: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{1,9}(\.[0-9]{1,3})?(B|kB|MB|GB|TB)\Z")]


class Per(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other ages: for visits with a stranger's face, and for visits with a label."""

    stranger: Age | None = None
    label: dict[str, Age] = field(default_factory=dict)


class Retain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is deleted: pictures by `age` or above `bytes`, persons `unseen` for so long.

    `keep_unlocks` holds back pictures of openings, refused tries and rings.
    """

    age: Age | None = None
    bytes: Size | None = None
    keep_unlocks: Age | None = None
    unseen: Age | None = None
    per: Per = field(default_factory=Per)

    def rule(self) -> Rule | None:
        """The rule for pictures; None if it deletes none."""
        if not (self.age or self.bytes or self.per.stranger or self.per.label):
            return None
        kept, stranger = self.keep_unlocks, self.per.stranger
        return Rule(
            age_us=None if self.age is None else age_us("retain.age", self.age),
            bytes_max=None if self.bytes is None else size_bytes("retain.bytes", self.bytes),
            keep_unlocks_us=KEEP_UNLOCKS_US
            if kept is None
            else age_us("retain.keep_unlocks", kept),
            strangers_us=None if stranger is None else age_us("retain.per.stranger", stranger),
            labels={
                label: age_us(f"retain.per.label.{label}", age)
                for label, age in self.per.label.items()
            },
        )

    def unseen_us(self) -> int | None:
        """After which time without a visit a person is forgotten; None if never."""
        return None if self.unseen is None else age_us("retain.unseen", self.unseen)


def kept(retain: Retain | None) -> list[str]:
    """What a config keeps for how long, in sentences."""
    return in_words(None) if retain is None else in_words(retain.rule(), retain.unseen_us())
