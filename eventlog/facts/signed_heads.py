"""The facts about signed heads: the keys that sign them, eras, and what witnesses saw.

Knows nothing of journals, positions or events.
"""

from __future__ import annotations

from typing import Literal

from eventlog.facts.values import Count, Digest, DoorFact, Instant, KeyId, LongText, Text


class SigningKey(DoorFact, frozen=True, kw_only=True, tag="signing_key"):
    """A key that signs heads came into use, or out of use.

    Args:
        vkey: The verifier key, as text.
        retired: True if the key is no longer used; False by default.
    """

    version: Literal[1] = 1
    vkey: LongText
    retired: bool = False


class EraBegun(DoorFact, frozen=True, kw_only=True, tag="era_begun"):
    """The log lost records or its key, as its owner knows, and goes on under a new era.

    Args:
        era: The new era's number.
        reason: "restored", "lost" or "key_lost".
        previous_size: How many records the last era's last head covers; None if it is not known.
        previous_root: That head's Merkle root, 32 bytes; None if it is not known.
    """

    version: Literal[1] = 1
    era: Count
    reason: Literal["restored", "lost", "key_lost"]
    previous_size: Count | None = None
    previous_root: Digest | None = None


class HeadWitnessed(DoorFact, frozen=True, kw_only=True, tag="head_witnessed"):
    """A witness cosigned a head of this log.

    Args:
        size: How many records the head covers.
        root: The head's Merkle root, 32 bytes.
        witness: The witness's name.
        time: When, an aware datetime.
    """

    version: Literal[1] = 1
    size: Count
    root: Digest
    witness: Text
    time: Instant


class HeadSeen(DoorFact, frozen=True, kw_only=True, tag="head_seen"):
    """A head of another log was seen by this one, as its witness.

    Args:
        name: The other log's name.
        size: How many records the head covers.
        root: The head's Merkle root, 32 bytes.
        key_id: The id of the key that signed it, 4 bytes.
    """

    version: Literal[1] = 1
    name: Text
    size: Count
    root: Digest
    key_id: KeyId
