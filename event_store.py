"""The import path of old: a pipeline that imports from here gets today's `EventStore`.

Knows nothing else: it is the same class as `eventlog.EventStore`.
"""

from __future__ import annotations

from eventlog import EventStore

__all__ = ["EventStore"]
