"""Segmentation: whatever the text, spans are true, ordered and whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pactag.articles import normalise
from pactag.sentences import SentenceInput, in_context, segment

PIECES = (
    "The council met. ",
    "Mr. Smith left",
    ".",
    "?",
    "!",
    "\n",
    "\n\n",
    " ",
    "\t",
    "\u2028",
    "\x85",
    "\x1c",
    "\u00a0",
    '"',
    "”",
    "U.S. ",
    "...",
    "3.5",
)
ANY_TEXT = st.text(st.characters())
LIKE_NEWS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map("".join)


def _check(text: str) -> None:
    spans = segment(text)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    for start, end in spans:
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert not "".join(text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)).strip()


@settings(max_examples=200)
@given(text=ANY_TEXT)
@example("")
@example("\n \n\n")
@example("\ud800. \udc00")
@example("\ufeff")
def test_any_text_is_covered_by_true_spans(text):
    _check(text)


@settings(max_examples=300)
@given(text=LIKE_NEWS)
def test_text_like_news_is_covered_by_true_spans(text):
    _check(text)


@settings(max_examples=100)
@given(text=ANY_TEXT | LIKE_NEWS)
def test_normalised_text_is_covered_by_true_spans(text):
    _check(normalise(text))


@settings(max_examples=100)
@given(text=LIKE_NEWS)
def test_no_sentence_runs_over_a_blank_line(text):
    text = normalise(text)
    assert not any("\n\n" in text[start:end] for start, end in segment(text))


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in segment(text)]


def test_sentences_of_a_paragraph_are_apart():
    assert _sentences("The council met. It voted at noon.") == ["The council met.", "It voted at noon."]


def test_line_break_inside_a_paragraph_ends_no_sentence():
    assert _sentences("The council\nmet on\nMonday. It left.") == ["The council\nmet on\nMonday.", "It left."]


@pytest.mark.parametrize("gap", ["\n\n", "\n \t\n", "\n\n\n\n", "\n\n   "])
def test_blank_line_ends_a_sentence(gap: str):
    assert _sentences(f"Port talks fail{gap}The pilots met.") == ["Port talks fail", "The pilots met."]


def test_abbreviation_ends_no_sentence():
    assert _sentences("Mr. Smith met Dr. Jones. They left.") == ["Mr. Smith met Dr. Jones.", "They left."]


def test_text_without_a_full_stop_is_one_sentence():
    assert _sentences("  a caption without an end ") == ["a caption without an end"]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t\u00a0\u2028\n \n"])
def test_text_of_white_space_has_no_sentence(text: str):
    assert segment(text) == []


def test_long_text_without_a_full_stop_is_covered():
    text = "word " * 20_000
    assert segment(text) == [(0, len(text) - 1)]


# Context


def test_sentence_sees_those_before_it_nearest_last():
    inputs = in_context(["a", "b", "c", "d"], title="T", preceding=2, with_title=False)
    assert [item.before for item in inputs] == [(), ("a",), ("a", "b"), ("b", "c")]


def test_without_context_a_sentence_stands_alone():
    assert in_context(["a", "b"], title="T", preceding=0, with_title=False) == [SentenceInput("a"), SentenceInput("b")]


def test_every_sentence_sees_the_title_when_asked():
    assert [item.title for item in in_context(["a", "b"], title="T", preceding=0, with_title=True)] == ["T", "T"]


def test_article_without_a_title_gives_none():
    assert in_context(["a"], title=None, preceding=1, with_title=True) == [SentenceInput("a")]


def test_no_sentences_give_no_inputs():
    assert in_context([], title="T", preceding=2, with_title=True) == []
