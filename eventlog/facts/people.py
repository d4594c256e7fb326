"""The facts about known people: their names, identities and faces, and what was erased.

Knows nothing of journals, positions or events.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from eventlog.facts.values import Digest, DoorFact, Instant, Sealable, Text, Word


class FaceEnrolled(DoorFact, frozen=True, kw_only=True, tag="face_enrolled"):
    """A picture of a person's face was added to a model, or removed from it.

    Args:
        person: Whose face it is.
        picture_sha256: The picture's SHA-256, 32 bytes; None if it is not known.
        model: The model.
        removed: True if it was removed; False by default.
    """

    version: Literal[1] = 1
    person: Sealable
    picture_sha256: Digest | None = None
    model: Text
    removed: bool = False


class PersonNamed(DoorFact, frozen=True, kw_only=True, tag="person_named"):
    """A person got a name to show, or lost it.

    Args:
        name: The prefix of the person's file in known_faces/.
        display_name: The name to show; None removes it.
    """

    version: Literal[2] = 2
    name: Sealable
    display_name: Sealable | None = None


class IdentityLinked(DoorFact, frozen=True, kw_only=True, tag="identity_linked"):
    """A person is the one that a source calls `identity`, or the same person as `same_as`.

    Exactly one of the two is given. The latest fact about a pair counts.

    Args:
        person: The person.
        linked: False undoes the link; True by default.
        source: The source of the identity; None if `same_as` is given.
        identity: What the source calls the person; None if `same_as` is given.
        same_as: Another name of the same person; None if `identity` is given.
    """

    version: Literal[1] = 1
    person: Sealable
    linked: bool = True
    source: Word | None = None
    identity: Sealable | None = None
    same_as: Sealable | None = None


class PersonErased(DoorFact, frozen=True, kw_only=True, tag="person_erased"):
    """The texts behind these seals were erased on purpose.

    Args:
        sealed: The seals, 32 bytes each.
        reason: "asked", "consent_withdrawn", "retention" or "mistake".
        requested_at: When it was asked for, an aware datetime.
    """

    version: Literal[1] = 1
    sealed: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=64)]
    reason: Literal["asked", "consent_withdrawn", "retention", "mistake"]
    requested_at: Instant


def contradiction(fact: DoorFact) -> tuple[str, str] | None:
    """The field at fault and the reason, if the fields of a fact contradict each other."""
    if isinstance(fact, IdentityLinked):
        if (fact.source is None) != (fact.identity is None):
            missing = "source" if fact.source is None else "identity"
            return missing, "is missing: an identity needs its source"
        if (fact.identity is None) == (fact.same_as is None):
            return "same_as", "or identity must be given, and not both"
    return None
