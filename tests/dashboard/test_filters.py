"""Query parameters become values, or are refused by name."""

from __future__ import annotations

import pytest

from eventlog.dashboard import filters


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("17", 17), (str(2**63 - 1), 2**63 - 1)),
        *((text, None) for text in ("", "-1", "+1", "1.0", " 1", "1_0", "\u0663", str(2**63))),
        *((zeros * "0" + "9" * 30, None) for zeros in (0, 20, 5000)),
    ],
)
def test_a_number_is_plain_digits_that_a_position_can_have(text: str, number: int | None) -> None:
    """However many zeros are in front of it."""
    assert filters.whole_number(text) == number
