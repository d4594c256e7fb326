"""The dashboard and the HTTP API. Needs the extra `web`.

Reads the read tables; the story of one event shows its facts. `commands.py` has what the command
line calls, `app.py` puts the rooms together.
"""
