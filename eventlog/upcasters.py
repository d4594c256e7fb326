"""Each old shape of a fact, lifted to the next one.

An upcaster takes the decoded body of one version and answers the body of the version after it;
`lift` applies them step by step until today's version is reached. Knows plain dicts only: no
types of today, no bytes. An upcaster is never edited once its target version has been written.

What the new version only adds is not known of an old fact. A value that the old version could
not hold is refused before it is lifted: old bytes do not get a meaning that they never had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Body: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Body], Body]
Check: TypeAlias = Callable[[Body], None]


def _adding(fields: Body, *, texts: tuple[str, ...] = (), check: Check | None = None) -> Upcaster:
    """The step to a version that has these further fields, each with its value for "not known".

    `texts` are fields that a map may stand in from the next version on, `check` raises where
    anything else has a value that is new in it.
    """

    def step(body: Body) -> Body:
        if not fields.keys().isdisjoint(body):
            raise TypeError("a field of the next version")
        if any(isinstance(body.get(name), dict) for name in texts):
            raise TypeError("a map where text was")
        if check is not None:
            check(body)
        return {**body, **fields}

    return step


def _check_box(body: Body) -> None:
    box = body.get("box")
    if isinstance(box, dict) and not _FRAME.isdisjoint(box):
        raise TypeError("a field of the next version")


def _check_detection(body: Body) -> None:
    _check_box(body)
    if body["confidence"] is None:
        raise TypeError("a confidence that is not known")


def _check_door_action(body: Body) -> None:
    if body.get("door_action") == "unlatched":
        raise TypeError("an action of the next version")


_FRAME: Final = frozenset({"frame_width", "frame_height"})

# (kind, version it reads) → what makes the next version of it.
UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {
    ("detection", 1): _adding(
        {"sub_label": None, "plate": None, "zones": (), "track": None}, check=_check_detection
    ),
    ("face_result", 1): _adding(
        {"track": None, "nearest": None, "threshold": None, "given_by": None},
        texts=("name",),
        check=_check_box,
    ),
    ("unlock_action", 1): _adding(
        {
            **dict.fromkeys(("user_ref", "credential_kind", "credential_slot")),
            **dict.fromkeys(("reason", "frames", "intent")),
            "dry_run": False,
        },
        texts=("person",),
        check=_check_door_action,
    ),
    ("person_named", 1): _adding({}, texts=("name", "display_name")),
    ("alert_sent", 1): _adding(
        {
            **dict.fromkeys(("rule", "revision", "outcome")),
            **dict.fromkeys(("tries", "message_id", "intended")),
        }
    ),
}


class MissingStep(KeyError):
    """No upcaster reads this version of the kind: its arguments are both."""


def lift(
    kind: str,
    version: int,
    body: Body,
    *,
    to: int,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> Body:
    """The body of `version` as a body of version `to`.

    Raises MissingStep where no step leads on, and what an upcaster raises on a body that is none.
    """
    for step in range(version, to):
        if (kind, step) not in upcasters:
            raise MissingStep(kind, step)
    for step in range(version, to):
        body = {**upcasters[kind, step](body), "kind": kind, "version": step + 1}
    return body
