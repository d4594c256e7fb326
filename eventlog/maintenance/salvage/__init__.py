"""Recovers the undamaged records of a damaged log into a new log.

From the ground up: `pages.py` and `wal_frames.py` read SQLite's file formats, `cells.py` finds
what looks like rows of the journal on a page, `files.py` has the pages of a database and its
WAL, `staging.py` keeps rows by position, `grading.py` decides which of them are whole,
`writing.py` puts those into a new log, and `salvage.py` is the machine that drives them.
"""
