"""A program of the next version, for tests of what today's does with its records.

The package is copied and edited: it has a kind more, a second version of another with its
upcaster, and a view of the new kind. It runs in a process of its own, as a later program would.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent

NEW_KIND: Final = '''
class ParcelLeft(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="parcel_left",
):
    """Somebody left a parcel."""

    version: Literal[1] = 1
    carrier: Word


Fact: TypeAlias = ('''

NEW_VIEW: Final = '''"""The view `parcels`."""
from eventlog.facts import ParcelLeft
from eventlog.projections.projection import Projection, Statement, insert_into, statements

SCHEMA = """
CREATE TABLE {p}parcels (
    id       INTEGER PRIMARY KEY,
    event_id INTEGER NOT NULL REFERENCES {p}events(id) ON DELETE CASCADE,
    carrier  TEXT    NOT NULL
) STRICT
"""
INSERT = insert_into("parcels", ("id", "event_id", "carrier"))


def apply(records):
    rows = [(r.position, r.event_id, r.fact.carrier) for r in records]
    return statements(Statement(INSERT, rows, changes_each=False))


PARCELS = Projection(
    name="parcels", version=1, schema=SCHEMA, tables=("parcels",), indexes=(),
    handles=frozenset({ParcelLeft}), parents=("events",), apply=apply,
)
'''

# File → what stands there → what the next version has in its place.
EDITS: Final[dict[str, dict[str, str]]] = {
    "facts.py": {
        "\nFact: TypeAlias = (": NEW_KIND,
        "    | HeadSeen\n)": "    | HeadSeen\n    | ParcelLeft\n)",
        "    version: Literal[2] = 2\n    channel: Word | None = None": (
            "    version: Literal[3] = 3\n    channels: tuple[Word, ...] = ()"
        ),
    },
    "upcasters.py": {
        "UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {": (
            "def _channels(body: Body) -> Body:\n"
            "    channel = body.pop('channel', None)\n"
            "    return {**body, 'channels': [] if channel is None else [channel]}\n\n\n"
            "UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {\n"
            "    ('alert_sent', 2): _channels,"
        )
    },
    "projections/__init__.py": {
        "from eventlog.projections.persons": (
            "from eventlog.projections.parcels import PARCELS\nfrom eventlog.projections.persons"
        ),
        "    UNCLEAN_STOPS,\n)": "    UNCLEAN_STOPS,\n    PARCELS,\n)",
    },
}


class NextBuild:
    """The next version, in a folder. Raises AssertionError where an edit finds no place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        package = folder / "eventlog"
        shutil.copytree(
            CHECKOUT / "eventlog", package, ignore=shutil.ignore_patterns("__pycache__")
        )
        for name, edits in EDITS.items():
            text = (package / name).read_text(encoding="utf-8")
            for old, new in edits.items():
                assert text.count(old) == 1, f"{name} has {text.count(old)} of {old!r}"
                text = text.replace(old, new)
            (package / name).write_text(text, encoding="utf-8")
        (package / "projections" / "parcels.py").write_text(NEW_VIEW, encoding="utf-8")

    def run(self, program: str, *arguments: object) -> Any:
        """What a program of the next version prints as JSON."""
        command = [sys.executable, "-c", program, *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(self._folder)}
        done = subprocess.run(
            command, cwd=self._folder, env=environment, check=True, stdout=subprocess.PIPE
        )
        return json.loads(done.stdout)
