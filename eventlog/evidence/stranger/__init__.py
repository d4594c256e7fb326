"""The program with which a stranger checks proofs: a file that runs alone, never imported here."""

from __future__ import annotations

from importlib.resources import files


def source() -> bytes:
    """The program, as it is handed out."""
    return (files(__name__) / "evidence_verify.py").read_bytes()
