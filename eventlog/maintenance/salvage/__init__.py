"""Recovers the undamaged records of a damaged log into a new log.

`pages.py` and `wal_frames.py` read SQLite's file formats. `cells.py` finds what looks like rows of
the journal on a page, `files.py` reads the pages of a database and its WAL, `staging.py` stores the
rows by position, `grading.py` decides which are undamaged, and `writing.py` puts those into a new
log. `salvage.py` drives them.
"""
