"""The views: pure functions from records to SQL statements, and the queries over their tables."""

from __future__ import annotations

from typing import Final

from eventlog.projections.acts import ACTS
from eventlog.projections.alerts import ALERTS
from eventlog.projections.credentials import CREDENTIALS
from eventlog.projections.detections import DETECTIONS
from eventlog.projections.devices import DEVICES
from eventlog.projections.doors import DOORS
from eventlog.projections.erasures import ERASURES
from eventlog.projections.events import EVENTS
from eventlog.projections.face_results import FACE_RESULTS
from eventlog.projections.locks import LOCKS
from eventlog.projections.parts import PARTS
from eventlog.projections.persons import PERSONS
from eventlog.projections.projection import Projection
from eventlog.projections.silences import SILENCES
from eventlog.projections.unclean_stops import UNCLEAN_STOPS
from eventlog.projections.unlock_actions import UNLOCK_ACTIONS

VIEWS: Final[tuple[Projection, ...]] = (
    EVENTS,
    DETECTIONS,
    PERSONS,
    FACE_RESULTS,
    UNLOCK_ACTIONS,
    ACTS,
    CREDENTIALS,
    ALERTS,
    DOORS,
    LOCKS,
    DEVICES,
    SILENCES,
    PARTS,
    UNCLEAN_STOPS,
    ERASURES,
)

by_name: Final[dict[str, Projection]] = {view.name: view for view in VIEWS}
