"""Converts the body of an old version of a fact to the next version.

An upcaster takes the decoded body of one version and returns the body of the next. `lift` applies
them one after the other, up to the current version. Knows plain dicts only: no fact types, no
bytes. An upcaster is never edited once its target version has been written.

A field that the next version adds is "not known" in an old fact. A value that the old version could
not hold is refused: old bytes must not get a meaning that they never had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Body: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Body], Body]
Check: TypeAlias = Callable[[Body], None]


def _adding(fields: Body, *, texts: tuple[str, ...] = (), check: Check | None = None) -> Upcaster:
    """The step to a version that adds these fields, each with its value for "not known".

    `texts` are fields that may hold a map from the next version on. `check` raises if another
    field has a value that only the next version allows.
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

# (kind, version) → the upcaster from that version to the next.
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
    """There is no upcaster for a version of a kind; its arguments are the kind and the version."""


def lift(
    kind: str,
    version: int,
    body: Body,
    *,
    to: int,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> Body:
    """Convert a body of `version` to version `to`.

    Raises MissingStep if a step is missing, and what an upcaster raises for a malformed body.
    """
    for step in range(version, to):
        if (kind, step) not in upcasters:
            raise MissingStep(kind, step)
    for step in range(version, to):
        body = {**upcasters[kind, step](body), "kind": kind, "version": step + 1}
    return body
