"""Combines the facts of one event in a batch into the event, one fact after the other.

Faces are kept, for which is shown is decided among all of an event's; unlock actions are counted as
they come. What other records settle is marked, and left to `settling.py`. Knows no table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from eventlog.facts import (
    AlertSent,
    Ding,
    FaceResult,
    Motion,
    Observation,
    Opener,
    ThumbnailSaved,
    UnlockAction,
    VisitEnded,
)
from eventlog.projections import faces, outcomes
from eventlog.projections.names import Token, token
from eventlog.projections.outcomes import Outcome
from eventlog.record import Record


class OpenEvent(Struct):
    """What the facts of one event in this batch come to. Each `see_` takes one fact more."""

    opener: Record | None = None
    faces: list[faces.Face] = []
    # The person of the latest granted action that names somebody.
    admitted: Token | None = None
    granted: bool = False
    lock_action: str | None = None
    outcome: Outcome = "none"
    opened: bool = False
    refused: bool = False
    # Whether an action is among them that other records settle.
    announced: bool = False
    acted: bool = False
    thumbnail_path: str | None = None
    pictured: bool = False
    alert_sent: bool = False
    ended: VisitEnded | None = None
    changed: bool = False  # by what is merged into a row

    @property
    def is_late(self) -> bool:
        """Whether its row exists already and must be changed."""
        return self.opener is None and self.changed

    @property
    def is_unsettled(self) -> bool:
        """Whether the batch does not decide its face and outcome: other records do as well."""
        late = self.opener is None and (self.acted or bool(self.faces))
        return late or self.announced

    def see_opener(self, record: Record, _: Opener) -> None:
        """Keep what the row begins with."""
        self.opener = record

    def see_face(self, record: Record, fact: FaceResult) -> None:
        """Keep every face: which is shown is decided among all."""
        self.faces.append(faces.face(record, fact))

    def see_unlock(self, record: Record, fact: UnlockAction) -> None:
        """A granted action outweighs all others; among equals the last one counts."""
        self.acted = True
        self.announced |= outcomes.announces(fact) or outcomes.reports(fact) is not None
        became, effect = outcomes.outcome(fact), outcomes.effect(fact, None)
        self.opened |= effect in outcomes.OPENINGS
        self.refused |= became == "refused"
        if outcomes.RANK[became] <= outcomes.RANK[self.outcome]:
            self.outcome = became
        if became == "granted":
            self.granted = True
            self.lock_action = effect
            self.admitted = self.admitted if fact.person is None else token(record, "person")
        elif not self.granted and became != "trial":
            self.lock_action = effect

    def see_thumbnail(self, _: Record, fact: ThumbnailSaved) -> None:
        """The last picture is the event's."""
        self.thumbnail_path, self.pictured, self.changed = fact.path, True, True

    def see_removal(self, path: str) -> None:
        """A picture that was removed is no longer the event's; the one before stays out too."""
        if self.thumbnail_path == path:
            self.thumbnail_path = None

    def see_alert(self, _: Record, fact: AlertSent) -> None:
        """An alert that was sent stays sent; one that was refused or given up does not count."""
        self.alert_sent |= fact.outcome in (None, "sent")
        self.changed = True

    def see_end(self, _: Record, fact: VisitEnded) -> None:
        """The last end counts."""
        self.ended, self.changed = fact, True


SEE: Final[dict[type, Callable[[OpenEvent, Record, Any], None]]] = {
    Motion: OpenEvent.see_opener,
    Ding: OpenEvent.see_opener,
    Observation: OpenEvent.see_opener,
    FaceResult: OpenEvent.see_face,
    UnlockAction: OpenEvent.see_unlock,
    ThumbnailSaved: OpenEvent.see_thumbnail,
    AlertSent: OpenEvent.see_alert,
    VisitEnded: OpenEvent.see_end,
}
