"""Sentences that are nearly the same."""

from __future__ import annotations

import pytest

from pactag.corpus.near_duplicates import SentenceIndex

LONG = "The harbour board may yet close the northern quay to every ship."


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (LONG, True),
        (LONG.upper().replace(" ", "  "), True),
        ("The harbour board may yet close the northern quay to every ship, he said.", True),
        ("The harbour board may yet close the southern gate to every ship.", False),
        ("He said no!", True),
        ("He said no to it.", False),
        ("…", True),
        ("—", False),
    ],
)
def test_likeness(text: str, same: bool):
    index = SentenceIndex()
    for one in (LONG, "He said no.", "…"):
        index.add(one)
    assert (text in index) is same
