"""What `verify` asks of a log, one question a file. The files do not know each other."""
