"""A made-up day at a front door: visits, faces, unlocks and pictures, from a seed.

For the demo, for tests and for whoever wants to look at a log before the camera hangs. The same
day and seed give the same facts. `visits.py` makes a visit up, `days.py` says what comes when, and
`playing.py` appends it to whatever store it is given; none knows a database.
"""

from eventlog.sources.simulator.days import sample_day, sample_visit
from eventlog.sources.simulator.play import Pictures, Store, play, play_live
from eventlog.sources.simulator.visits import HOURS, HOUSEHOLD, SampleVisit, Step

__all__ = [
    "HOURS",
    "HOUSEHOLD",
    "Pictures",
    "SampleVisit",
    "Step",
    "Store",
    "play",
    "play_live",
    "sample_day",
    "sample_visit",
]
