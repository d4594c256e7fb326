"""Reactors: what acts on the outside world because of records. None is ever part of a replay."""
