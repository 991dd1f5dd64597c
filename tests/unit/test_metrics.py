"""Measures against scikit-learn, and thresholds against trying every one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, f1_score, multilabel_confusion_matrix, precision_recall_fscore_support

from pactag.metrics import (
    LabelScores,
    best_f1_macro,
    best_f1_threshold,
    f1_macro,
    label_scores,
    precision_threshold,
    steady_f1_threshold,
    summary,
)

LABELS = ("offer", "denial", "apology")


@st.composite
def predictions(draw):
    """Targets and predictions of 1 to 25 sentences."""
    shape = (draw(st.integers(1, 25)), len(LABELS))
    return draw(arrays(np.int8, shape, elements=st.integers(0, 1))), draw(arrays(np.int8, shape, elements=st.integers(0, 1)))


@st.composite
def scored(draw, scores):
    """Targets and scores of one label, of 1 to 20 sentences."""
    count = draw(st.integers(1, 20))
    targets = draw(arrays(np.float32, count, elements=st.sampled_from([0.0, 1.0])))
    return targets, draw(arrays(np.float64, count, elements=scores))


WITH_TIES = st.integers(0, 6).map(lambda n: n / 6)
ANY_SCORE = st.floats(0, 1)
NEIGHBOURS = (np.array([1.0, 0.0], dtype=np.float32), np.array([np.nextafter(0.5, 1), 0.5]))


@settings(max_examples=40)
@given(pair=predictions())
def test_rates_per_label_are_those_of_scikit_learn(pair):
    targets, predicted = pair
    ours = label_scores(targets, predicted)
    precision, recall, f1, support = precision_recall_fscore_support(targets, predicted, average=None, zero_division=0)
    np.testing.assert_allclose([s.precision for s in ours], precision)
    np.testing.assert_allclose([s.recall for s in ours], recall)
    np.testing.assert_allclose([s.f1 for s in ours], f1)
    assert [s.support for s in ours] == support.tolist()


@settings(max_examples=40)
@given(pair=predictions())
def test_counts_are_those_of_scikit_learn(pair):
    matrices = [[[s.true_negatives, s.false_positives], [s.false_negatives, s.true_positives]] for s in label_scores(*pair)]
    np.testing.assert_array_equal(matrices, multilabel_confusion_matrix(*pair))


@settings(max_examples=40)
@given(pair=predictions())
def test_means_are_those_of_scikit_learn(pair):
    targets, predicted = pair
    figures = summary(targets, predicted, LABELS)
    precision, recall, f1, _ = precision_recall_fscore_support(targets, predicted, average="macro", zero_division=0)
    assert figures["precision_macro"] == pytest.approx(precision)
    assert figures["recall_macro"] == pytest.approx(recall)
    assert figures["f1_macro"] == pytest.approx(f1)
    assert figures["f1_micro"] == pytest.approx(f1_score(targets, predicted, average="micro", zero_division=0))
    assert figures["exact_match"] == pytest.approx(accuracy_score(targets, predicted))
    assert figures["any_label_f1"] == pytest.approx(f1_score(targets.any(1), predicted.any(1), zero_division=0))


def test_macro_f1_alone_is_that_of_the_summary():
    targets, predicted = np.array([[1, 0, 1], [0, 1, 1]]), np.array([[1, 1, 0], [0, 1, 1]])
    assert f1_macro(targets, predicted) == summary(targets, predicted, LABELS)["f1_macro"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


def test_summary_names_each_label():
    figures = summary(np.array([[1, 0, 0]]), np.array([[1, 0, 1]]), LABELS)
    assert {name: figures[name] for name in figures if name.startswith("apology/")} == {
        "apology/precision": 0.0,
        "apology/recall": 0.0,
        "apology/f1": 0.0,
    }
    assert figures["offer/f1"] == 1.0


def test_no_sentences_give_zeros():
    nothing = np.zeros((0, 3), dtype=np.float32)
    assert set(summary(nothing, nothing, LABELS).values()) == {0.0}


def test_floats_and_booleans_count_like_integers():
    targets = np.array([[1.0, 0.0, 1.0]], dtype=np.float32)
    assert label_scores(targets, np.array([[True, True, False]])) == label_scores(targets.astype(int), np.array([[1, 1, 0]]))


def test_label_that_nobody_has_or_gives_scores_zero():
    scores = LabelScores(0, 0, 0, 9)
    assert (scores.precision, scores.recall, scores.f1, scores.support) == (0.0, 0.0, 0.0, 0)


# Thresholds


def _f1_at(targets: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    return label_scores(targets.reshape(-1, 1), (scores >= threshold).reshape(-1, 1))[0].f1


@settings(max_examples=200)
@given(case=scored(WITH_TIES) | scored(ANY_SCORE))
@example(case=NEIGHBOURS)
def test_best_threshold_beats_every_other(case):
    targets, scores = case
    threshold, f1 = best_f1_threshold(targets, scores)
    assert f1 == pytest.approx(max(_f1_at(targets, scores, each) for each in [*scores, 2.0]))
    assert _f1_at(targets, scores, threshold) == pytest.approx(f1)


def test_best_threshold_lies_half_way_between_two_scores():
    assert best_f1_threshold(np.array([1, 1, 0, 0]), np.array([0.9, 0.6, 0.4, 0.1])) == (0.5, 1.0)


def test_best_threshold_that_takes_all_lies_below_the_lowest_score():
    assert best_f1_threshold(np.array([1, 1]), np.array([0.9, 0.6])) == (0.3, 1.0)


def test_without_positives_nothing_is_predicted():
    scores = np.array([0.2, 0.99999, 1.0])
    threshold, f1 = best_f1_threshold(np.zeros(3), scores)
    assert f1 == 0.0
    assert not (scores >= threshold).any()


def test_order_of_the_sentences_does_not_matter():
    targets, scores = np.array([1, 0, 1, 0, 1]), np.array([0.7, 0.7, 0.2, 0.5, 0.9])
    assert best_f1_threshold(targets[::-1], scores[::-1]) == best_f1_threshold(targets, scores)


@settings(max_examples=50)
@given(case=scored(WITH_TIES))
def test_best_macro_f1_does_not_hang_on_the_scale(case):
    targets, scores = np.stack([case[0], 1 - case[0]], 1), np.stack([case[1], 1 - case[1]], 1)
    assert best_f1_macro(targets, scores) == pytest.approx(best_f1_macro(targets, scores**3 / 2))


def test_best_macro_f1_is_the_mean_over_labels():
    targets, scores = np.array([[1, 1], [0, 1], [0, 0]]), np.array([[0.9, 0.1], [0.5, 0.2], [0.1, 0.9]])
    assert best_f1_macro(targets, scores) == pytest.approx((1 + 4 / 5) / 2)


@settings(max_examples=200)
@given(case=scored(WITH_TIES) | scored(ANY_SCORE), wanted=st.sampled_from([0.3, 0.5, 0.75, 0.9, 1.0]))
@example(case=NEIGHBOURS, wanted=0.9)
def test_precision_threshold_finds_the_most_at_that_precision(case, wanted):
    targets, scores = case
    reaching = [each for each in scores if targets[scores >= each].mean() >= wanted]
    assume(reaching)
    threshold, precision = precision_threshold(targets, scores, wanted)
    np.testing.assert_array_equal(scores >= threshold, scores >= min(reaching))
    assert precision == pytest.approx(targets[scores >= threshold].mean())


def test_precision_out_of_reach_gives_the_highest_one():
    assert precision_threshold(np.array([0, 1, 1, 0]), np.array([0.9, 0.7, 0.5, 0.1]), 0.9) == (pytest.approx(0.3), pytest.approx(2 / 3))


def test_precision_of_a_label_without_positives_predicts_nothing():
    scores = np.array([0.9, 0.5, 0.1])
    threshold, precision = precision_threshold(np.zeros(3), scores, 0.1)
    assert ((scores < threshold).all(), precision) == (True, 0.0)


def test_steady_threshold_lies_between_the_classes():
    assert 0.2 < steady_f1_threshold(np.array([1, 1, 0, 0]), np.array([0.9, 0.8, 0.2, 0.1])) < 0.8


def test_steady_threshold_without_positives_predicts_nothing():
    scores = np.array([0.2, 0.5, 1.0])
    assert (scores < steady_f1_threshold(np.zeros(3), scores)).all()


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_steady_threshold_is_a_probability_or_above_every_score(pairs):
    scores, targets = (np.array(part, dtype=float) for part in zip(*pairs, strict=True))
    threshold = steady_f1_threshold(targets, scores)
    assert 0 < threshold < 1 or (scores < threshold).all()


def test_steady_threshold_hardly_moves_with_one_sentence():
    rng = np.random.default_rng(0)
    targets = (rng.random(400) < 0.2).astype(float)
    scores = 1 / (1 + np.exp(-(rng.normal(0, 1, 400) + 3 * targets - 1.5)))
    whole = steady_f1_threshold(targets, scores)
    without = [steady_f1_threshold(np.delete(targets, i), np.delete(scores, i)) for i in range(0, 400, 20)]
    assert np.ptp([whole, *without]) < 0.06
