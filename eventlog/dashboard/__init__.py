"""The dashboard: who was at the door, live, in a browser. Needs the extra `eventlog[web]`.

Reads the read tables; the story of one event shows its facts. `commands.py` has what the command
line calls, `app.py` puts the rooms together.
"""
