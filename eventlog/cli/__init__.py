"""The command line: one small file for each family of commands.

`command_list.py` lists the commands, `app.py` runs one, `context.py` is handed to each. A
command is a function that answers an exit code: 0 fine, 1 a finding, 2 wrong use or an unusable
file, 70 a defect. Nothing here reads the configuration: `eventlog/__main__.py` hands it in.
"""
