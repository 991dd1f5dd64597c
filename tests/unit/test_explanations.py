"""Which words carried a label."""

from __future__ import annotations

import numpy as np
import pytest

from pactag.explanations import MOST_PARTS, carrying_words
from pactag.sentences import SentenceInput


class WordCounter:
    """A tagger whose first label is sure of sentences with `strike`, and whose second looks at the sentence before."""

    class schema:  # noqa: N801 - stands in for an attribute
        names = ("threat", "context")

    def scores(self, inputs):
        return np.array([[0.9 if "strike" in one.text else 0.1, 0.5 + 0.4 * bool(one.before)] for one in inputs])


def _carried(text: str, **context):
    return {text[part.start : part.end]: part.carries for part in carrying_words(WordCounter(), SentenceInput(text, **context))}


def test_word_without_which_the_score_falls_carries_it():
    carried = _carried("They will strike on Friday.")
    assert carried["strike"]["threat"] == pytest.approx(0.8)
    assert carried["Friday"]["threat"] == pytest.approx(0.0)


def test_words_cover_the_sentence_in_order():
    text = "The board's co-owner won't strike."
    assert [text[part.start : part.end] for part in carrying_words(WordCounter(), SentenceInput(text))] == [
        "The", "board's", "co-owner", "won't", "strike",
    ]  # fmt: skip


def test_context_stays():
    assert _carried("They left.", before=("He said no.",))["left"]["context"] == pytest.approx(0.0)


@pytest.mark.parametrize("text", ["...", "—", "!?"])
def test_sentence_without_words_has_none(text: str):
    assert carrying_words(WordCounter(), SentenceInput(text)) == []


def test_very_long_sentence_is_explained_in_runs():
    text = "strike " + "word " * 1000
    parts = carrying_words(WordCounter(), SentenceInput(text))
    assert len(parts) <= MOST_PARTS
    assert parts[0].carries["threat"] == pytest.approx(0.8)
    assert text[parts[-1].start : parts[-1].end].endswith("word")
