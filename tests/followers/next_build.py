"""Programs of the next version and of the last one, for tests of how versions meet.

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
    name="parcels", version=1, schema=SCHEMA,
    handles=frozenset({ParcelLeft}), apply=apply,
)
'''

# File → what stands there → what the next version has in its place.
EDITS: Final[dict[str, dict[str, str]]] = {
    "facts.py": {
        "\nFact: TypeAlias = (": NEW_KIND,
        "    | HeadSeen\n)": "    | HeadSeen\n    | ParcelLeft\n)",
        "    version: Literal[2] = 2\n    channel: Word | None = None": (
            "    version: Literal[3] = 3\n    channels: tuple[Word, ...] = ()\n"
            "    channel: Word | None = None"
        ),
    },
    "upcasters.py": {
        "UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {": (
            "def _channels(body: Body) -> Body:\n"
            "    channel = body.get('channel')\n"
            "    return {**body, 'channels': [] if channel is None else [channel]}\n\n\n"
            "UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {\n"
            "    ('alert_sent', 2): _channels,"
        )
    },
    "projections/__init__.py": {
        "from eventlog.projections.persons": (
            "from eventlog.projections.parcels import PARCELS\nfrom eventlog.projections.persons"
        ),
        "    ERASURES,\n)": "    ERASURES,\n    PARCELS,\n)",
    },
}


# The last version: it knows the first nine kinds, each in its first version.
LAST_EDITS: Final[dict[str, dict[str, str]]] = {
    "codecs.py": {
        "_VERSIONS: Final[dict[str, int]] = {": (
            "_FIRST = frozenset({'motion', 'ding', 'detection', 'face_result', 'unlock_action',\n"
            "    'thumbnail_saved', 'alert_sent', 'person_named', 'unclean_stop'})\n"
            "_VERSIONS = {kind: 1 for kind in _FIRST}\n"
            "_TODAYS: Final[dict[str, int]] = {"
        ),
    }
}


class OtherBuild:
    """Another version, in a folder. Raises AssertionError if an edit finds no place."""

    def __init__(self, folder: Path, changes: dict[str, dict[str, str]]) -> None:
        self._folder = folder
        package = folder / "eventlog"
        shutil.copytree(
            CHECKOUT / "eventlog", package, ignore=shutil.ignore_patterns("__pycache__")
        )
        for name, edits in changes.items():
            text = (package / name).read_text(encoding="utf-8")
            for old, new in edits.items():
                assert text.count(old) == 1, f"{name} has {text.count(old)} of {old!r}"
                text = text.replace(old, new)
            (package / name).write_text(text, encoding="utf-8")

    def run(self, program: str, *arguments: object) -> Any:
        """What a program of that version prints as JSON."""
        command = [sys.executable, "-c", program, *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(self._folder)}
        done = subprocess.run(
            command, cwd=self._folder, env=environment, check=True, stdout=subprocess.PIPE
        )
        return json.loads(done.stdout)


class NextBuild(OtherBuild):
    """The next version, with a view of its new kind."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, EDITS)
        view = folder / "eventlog" / "projections" / "parcels.py"
        view.write_text(NEW_VIEW, encoding="utf-8")


class LastBuild(OtherBuild):
    """The last version, which does not know the kinds and versions of this one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, LAST_EDITS)
