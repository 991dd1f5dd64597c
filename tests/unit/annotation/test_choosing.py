"""Which sentences are worth a label: what the model is unsure of, rare labels first, unlike each other and unlike the corpus."""

from __future__ import annotations

import numpy as np
import pytest

from pactag.annotation.choosing import choose, entropy, spread_out, usefulness
from pactag.annotation.next_sentences import next_sentences
from pactag.articles import Article
from pactag.config import ContextConfig
from pactag.corpus.rows import Row
from pactag.errors import PactagError

RATES = [0.2, 0.1, 0.05, 0.1]


def test_entropy_is_largest_in_the_middle():
    assert entropy(np.array([0.5])) == pytest.approx(np.log(2))
    assert entropy(np.array([0.0, 1.0])) == pytest.approx([0, 0], abs=1e-4)


def test_rare_label_weighs_more():
    unsure = np.full((2, 4), 0.01)
    unsure[0, 0] = unsure[1, 2] = 0.5
    common, rare = usefulness(unsure, RATES)
    assert rare > common


def test_label_that_nobody_has_yet_weighs_no_more_than_one_in_a_hundred():
    scores = np.full((1, 1), 0.5)
    assert usefulness(scores, [0.0]) == pytest.approx(usefulness(scores, [0.01]))


def test_one_of_each_group_is_taken_the_most_worthy():
    corners = np.eye(3)
    vectors = np.concatenate([corner + 0.001 * np.random.default_rng(0).normal(size=(20, 3)) for corner in corners])
    worth = np.ones(60)
    worth[[5, 25, 45]] = 2.0
    assert sorted(spread_out(vectors, worth, 3, seed=1)) == [5, 25, 45]


def test_all_are_taken_when_there_are_no_more_than_wanted():
    assert spread_out(np.eye(3), np.ones(3), 5, seed=1) == [0, 1, 2]


def test_groups_left_empty_are_made_up_for():
    assert len(set(spread_out(np.ones((10, 3)), np.ones(10), 4, seed=1))) == 4


def test_vectors_are_asked_for_candidates_only():
    asked: list[int] = []

    def vectors(places):
        asked.extend(places)
        return np.random.default_rng(0).normal(size=(len(places), 8))

    scores = np.random.default_rng(1).uniform(size=(1000, 4))
    chosen = choose(scores, RATES, 10, vectors=vectors, seed=1)
    assert len(set(chosen)) == 10
    assert len(asked) == 40
    assert set(asked) == set(np.argsort(-usefulness(scores, RATES))[:40])


def test_choice_is_the_same_for_the_same_seed():
    scores = np.random.default_rng(1).uniform(size=(300, 4))
    vectors = np.random.default_rng(2).normal(size=(300, 8))
    first, again = (choose(scores, RATES, 20, vectors=lambda places: vectors[places], seed=3) for _ in range(2))
    assert first == again


def test_empty_pool_gives_nothing():
    assert choose(np.zeros((0, 4)), RATES, 5, vectors=lambda places: np.zeros((0, 8)), seed=1) == []


class UnsureOf:
    """A tagger that is unsure of every sentence with a certain word, and sure that the others carry nothing."""

    def __init__(self, schema, word: str) -> None:
        self.schema, self.word, self.context = schema, word, ContextConfig()

    def tag_many(self, articles):
        from pactag.tagging import TaggedArticle, TaggedSentence

        for article in articles:
            sentences = []
            for start, end in article.spans:
                text = article.text[start:end]
                scores = dict.fromkeys(self.schema.names, 0.5 if self.word in text else 0.001)
                sentences.append(TaggedSentence(start, end, text, (), scores))
            yield TaggedArticle(article.id, article.text, article.title, tuple(sentences))


@pytest.fixture
def chosen(schema, tiny_base):
    rows = [Row("old", 0, "The harbour board may yet close the northern quay to every ship.", ("threat",))]

    def run(*texts: str, budget: int = 2, word: str = "may"):
        articles = [Article(f"a{number}", text) for number, text in enumerate(texts)]
        return next_sentences(articles, rows, schema, tagger=UnsureOf(schema, word), budget=budget, base=str(tiny_base))

    return run


def test_sentences_that_the_model_is_unsure_of_are_chosen(chosen):
    found = chosen("It rained. They may strike. It snowed.", "He may sue. She left.")
    assert [task.id for task in found.tasks] == ["a0:1", "a1:0"]
    assert found.expected["threat"] == pytest.approx(1.0)


def test_chosen_sentences_show_their_context_and_no_suggestion(chosen):
    (task,) = chosen("It rained. They may strike.", budget=1).tasks
    assert (task.before, task.suggested, task.said) == (("It rained.",), None, None)


def test_what_nearly_stands_in_the_corpus_is_passed_over(chosen):
    found = chosen("The harbour board may yet close the northern quay to every ship, it said. They may strike.")
    assert (found.known, [task.id for task in found.tasks]) == (1, ["a0:1"])


def test_what_repeats_itself_is_chosen_once(chosen):
    found = chosen("They may strike.", "They may strike. It rained.")
    assert (found.repeated, [task.id for task in found.tasks]) == (1, ["a0:0", "a1:1"])


def test_article_without_a_sentence_is_told(chosen):
    with pytest.raises(PactagError, match="article 'a0': holds no sentence"):
        chosen("  ")
