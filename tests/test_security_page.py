"""docs/security.md: every requirement that is promised has its row, and every test named exists."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.test_guarantees import CHECKOUT, named_in

PAGE: Final = CHECKOUT / "docs" / "security.md"
ROW: Final = re.compile(r"^\| (V[\d.]+) \| (.+?) \| (.+) \|$", re.MULTILINE)
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")

# ASVS 5.0.0: level 1 in full, and level 2 of the chapters V7 and V16 and of V2.4.
LEVEL_1: Final = """
V1.2.1 V1.2.2 V1.2.3 V1.2.4 V1.2.5 V1.3.1 V1.3.2 V1.5.1 V2.1.1 V2.2.1 V2.2.2 V2.3.1 V3.2.1 V3.2.2
V3.3.1 V3.4.1 V3.4.2 V3.5.1 V3.5.2 V3.5.3 V4.1.1 V4.4.1 V5.2.1 V5.2.2 V5.3.1 V5.3.2 V6.1.1 V6.2.1
V6.2.2 V6.2.3 V6.2.4 V6.2.5 V6.2.6 V6.2.7 V6.2.8 V6.3.1 V6.3.2 V6.4.1 V6.4.2 V7.2.1 V7.2.2 V7.2.3
V7.2.4 V7.4.1 V7.4.2 V8.1.1 V8.2.1 V8.2.2 V8.3.1 V9.1.1 V9.1.2 V9.1.3 V9.2.1 V10.4.1 V10.4.2
V10.4.3 V10.4.4 V10.4.5 V11.3.1 V11.3.2 V11.4.1 V12.1.1 V12.2.1 V12.2.2 V13.4.1 V14.2.1 V14.3.1
V15.1.1 V15.2.1 V15.3.1
"""
LEVEL_2: Final = """
V2.4.1 V7.1.1 V7.1.2 V7.1.3 V7.3.1 V7.3.2 V7.4.3 V7.4.4 V7.4.5 V7.5.1 V7.5.2 V7.6.1 V7.6.2 V16.1.1
V16.2.1 V16.2.2 V16.2.3 V16.2.4 V16.2.5 V16.3.1 V16.3.2 V16.3.3 V16.3.4 V16.4.1 V16.4.2 V16.4.3
V16.5.1 V16.5.2 V16.5.3
"""
PROMISED: Final = [*LEVEL_1.split(), *LEVEL_2.split()]


def wrong(page: str) -> list[str]:
    """What is wrong with a table of requirements."""
    rows = ROW.findall(page)
    numbers = [number for number, _, _ in rows]
    found = [f"{one} has no row of its own" for one in PROMISED if numbers.count(one) != 1]
    for number, sentence, proof in rows:
        named = TEST.findall(proof)
        if not named and not proof.startswith("Reason: "):
            found.append(f"{number} names neither a test nor a reason")
        if not sentence.endswith("."):
            found.append(f"{number} has no sentence")
        for path, name in named:
            if not (CHECKOUT / path).is_file() or name not in named_in(path):
                found.append(f"{number} names {path}::{name}, which there is not")
    return found


def test_every_requirement_has_a_sentence_and_a_test_or_a_reason() -> None:
    """Level 1 has 70 requirements; of level 2 those of sessions, logging and anti-automation."""
    assert (len(LEVEL_1.split()), len(LEVEL_2.split())) == (70, 29)
    assert wrong(PAGE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("::test_no_get_acts`", "::test_no_get_acts_at_all`"),
        ("| V7.3.1 |", "| V7.3.9 |"),
        ("| Reason: There is no editor. |", "| None. |"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(before: str, after: str) -> None:
    """A test that there is not, a requirement left out, a row without a test or a reason."""
    page = PAGE.read_text(encoding="utf-8")
    assert before in page
    assert wrong(page.replace(before, after)) != []
