"""A config, a secret or a token that never ends is refused, and does not fill the memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.errors import BadArgument
from eventlog.run import config_file, ring, values

ENDLESS = "/dev/zero"


def test_a_config_or_secret_without_an_end_is_refused() -> None:
    """Each is read up to a megabyte, and the error names it."""
    with pytest.raises(BadArgument, match="/dev/zero can't be read: it has more than"):
        config_file.load(Path(ENDLESS))
    with pytest.raises(BadArgument, match="token_file: /dev/zero can't be read: it has more"):
        values.secret("token", None, ENDLESS)
    with pytest.raises(BadArgument, match="/dev/zero can't be read: it has more than"):
        ring.read(Path(ENDLESS))
