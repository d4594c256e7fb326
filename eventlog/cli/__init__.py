"""The command line: one small file for each family of commands.

Knows no configuration: `eventlog/__main__.py` hands it in.
"""
