"""Each old shape of a fact, lifted to the next one.

An upcaster takes the decoded body of one version and answers the body of the version after it;
`lift` applies them step by step until today's version is reached. Knows plain dicts only: no
types of today, no bytes. An upcaster is never edited once its target version has been written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Body: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Body], Body]

# (kind, version it reads) → what makes the next version of it.
UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {}


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
