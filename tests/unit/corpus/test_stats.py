"""Counts of a corpus, against a corpus small enough to count by hand."""

from __future__ import annotations

import json

import pytest

from pactag.corpus.rows import Corpus, Row
from pactag.corpus.stats import corpus_stats


@pytest.fixture
def stats(schema):
    rows = {
        "train": (
            Row("a", 0, "One two three.", ("threat", "condition"), extra={"topic": "strikes", "writer": "w1"}),
            Row("a", 1, "Four.", (), extra={"topic": "strikes", "writer": "w1"}),
            Row("b", 0, "Five six seven.", ("proposal", "threat", "condition"), extra={"topic": "floods", "writer": "w1"}),
        ),
        "validation": (Row("c", 0, "Seven eight.", ("threat",), extra={"topic": "strikes", "writer": "w2"}),),
        "test": (),
    }
    return corpus_stats(Corpus(rows), schema)


def test_articles_and_sentences_are_counted_by_split(stats):
    assert [(part["articles"], part["sentences"]) for part in (*stats["splits"].values(), stats["all"])] == [(2, 3), (1, 1), (0, 0), (3, 4)]


def test_labels_are_counted(stats):
    assert stats["all"]["labels"] == {"proposal": 1, "accusation": 0, "threat": 3, "condition": 2}


def test_pairs_of_labels_are_counted_in_schema_order(stats):
    pairs = stats["all"]["pairs"]
    assert len(pairs) == 6
    assert {pair: count for pair, count in pairs.items() if count} == {"proposal+threat": 1, "proposal+condition": 1, "threat+condition": 2}


def test_sentences_with_three_labels_are_counted(stats):
    assert stats["all"]["three_or_more"] == 1


def test_sentences_without_a_label_are_counted(stats):
    assert (stats["splits"]["train"]["no_label"], stats["splits"]["train"]["no_label_share"]) == (1, 0.333)


def test_words_are_counted(stats):
    assert stats["splits"]["train"]["words_per_sentence"] == 2.3


def test_split_without_rows_has_zeros(stats):
    assert (stats["splits"]["test"]["words_per_sentence"], stats["splits"]["test"]["no_label_share"]) == (0, 0)


def test_articles_are_counted_once_by_topic_and_writer(stats):
    assert stats["articles_by_topic"] == {"floods": 1, "strikes": 2}
    assert stats["articles_by_writer"] == {"w1": 2, "w2": 1}


def test_field_that_no_row_has_is_left_out(stats):
    assert "articles_by_register" not in stats


def test_figures_are_plain_data(stats):
    assert json.loads(json.dumps(stats)) == stats


def test_digest_is_that_of_the_corpus(schema):
    corpus = Corpus({"train": (Row("a", 0, "One.", ()),)})
    assert corpus_stats(corpus, schema)["digest"] == corpus.digest


@pytest.mark.parametrize("topic", [None, ["strikes", "ports"], 7])
def test_topics_of_any_kind_are_counted(schema, topic):
    rows = (Row("a", 0, "One.", (), extra={"topic": topic}), Row("b", 0, "Two.", (), extra={"topic": "strikes"}))
    counted = corpus_stats(Corpus({"train": rows}), schema)["articles_by_topic"]
    assert counted == ({"strikes": 1} if topic is None else {"strikes": 1, str(topic): 1})
