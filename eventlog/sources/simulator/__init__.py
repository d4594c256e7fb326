"""A simulated day at a front door: visits, faces, unlocks and pictures, from a seed.

For the demo, for tests, and for looking at a log before there is a camera. The same day and seed
give the same facts. `visits.py` makes up a visit, `days.py` says what comes when, and `play.py`
appends it to the store that it is given. They know no database.
"""

from eventlog.sources.simulator.days import sample_day, sample_visit
from eventlog.sources.simulator.play import play, play_live
from eventlog.sources.simulator.visits import HOURS, HOUSEHOLD, SampleVisit, Step

__all__ = [
    "HOURS",
    "HOUSEHOLD",
    "SampleVisit",
    "Step",
    "play",
    "play_live",
    "sample_day",
    "sample_visit",
]
