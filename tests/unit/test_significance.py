"""Intervals and p-values: the same as SciPy's, and true to what they promise."""

from __future__ import annotations

import time

import numpy as np
import pytest

from pactag.metrics import f1_macro, label_scores
from pactag.significance import article_counts, bootstrap_intervals, f1_intervals, f1_scores, permutation_p_values


def systems(articles: int, *, seed: int = 0, right: tuple[float, float] = (0.75, 0.85), labels: int = 3, sentences: int = 8):
    """Counts of two systems that are right with given rates, some articles being harder than others for both."""
    rng = np.random.default_rng(seed)
    targets = rng.random((articles, sentences, labels)) < 0.25
    ease = rng.normal(0, 0.1, (articles, 1, 1))
    counts = []
    for rate in right:
        keep = rng.random(targets.shape) < rate + ease
        predicted = np.where(keep, targets, ~targets)
        counts.append(np.stack([(targets & predicted).sum(1), (~targets & predicted).sum(1), (targets & ~predicted).sum(1)], axis=-1) * 1.0)
    return counts


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return f1_scores(second.sum(0)) - f1_scores(first.sum(0))


def test_counts_are_summed_by_article():
    targets = np.array([[1, 0], [1, 1], [0, 0]])
    predicted = np.array([[1, 1], [0, 1], [0, 1]])
    counts = article_counts(targets, predicted, ["b", "b", "a"])
    assert counts.tolist() == [[[1, 0, 1], [1, 1, 0]], [[0, 0, 0], [0, 1, 0]]]


def test_f1_is_that_of_the_metrics():
    rng = np.random.default_rng(0)
    targets, predicted = rng.random((2, 90, 4)) < 0.3
    targets[:, 3] = predicted[:, 3] = False
    counts = article_counts(targets, predicted, [f"a{i // 6}" for i in range(90)])
    expected = [f1_macro(targets, predicted), *(scores.f1 for scores in label_scores(targets, predicted))]
    assert f1_scores(counts.sum(0)) == pytest.approx(expected)


def test_intervals_agree_with_scipy():
    from scipy.stats import bootstrap

    first, second = systems(40)

    def statistic(articles: np.ndarray, axis: int) -> np.ndarray:
        gap = f1_scores(second[articles].sum(-3)) - f1_scores(first[articles].sum(-3))
        return np.moveaxis(gap, -1, 0)

    theirs = bootstrap((np.arange(40),), statistic, method="percentile", n_resamples=10_000, rng=np.random.default_rng(1), vectorized=True)
    ours = bootstrap_intervals(first, second, seed=2)
    assert [interval.low for interval in ours] == pytest.approx(list(theirs.confidence_interval.low), abs=0.004)
    assert [interval.high for interval in ours] == pytest.approx(list(theirs.confidence_interval.high), abs=0.004)


def test_intervals_of_a_mean_agree_with_scipy():
    from scipy.stats import bootstrap

    both = systems(40)

    def statistic(articles: np.ndarray, axis: int) -> np.ndarray:
        return np.moveaxis(np.mean([f1_scores(counts[articles].sum(-3)) for counts in both], axis=0), -1, 0)

    theirs = bootstrap((np.arange(40),), statistic, method="percentile", n_resamples=10_000, rng=np.random.default_rng(1), vectorized=True)
    ours = f1_intervals(both, seed=2)
    assert [interval.low for interval in ours] == pytest.approx(list(theirs.confidence_interval.low), abs=0.004)
    assert [interval.high for interval in ours] == pytest.approx(list(theirs.confidence_interval.high), abs=0.004)


@pytest.mark.parametrize(("articles", "tolerance"), [(9, 1e-12), (30, 0.015)], ids=["every arrangement", "drawn arrangements"])
def test_p_values_agree_with_scipy(articles: int, tolerance: float):
    from scipy.stats import permutation_test

    first, second = systems(articles, seed=3, right=(0.8, 0.83))
    everything = np.concatenate([first, second])

    def statistic(which: int):
        return lambda x, y, axis: (f1_scores(everything[y].sum(-3)) - f1_scores(everything[x].sum(-3)))[..., which]

    data = (np.arange(articles), np.arange(articles) + articles)
    options = {"permutation_type": "samples", "n_resamples": 10_000, "rng": np.random.default_rng(4), "vectorized": True, "axis": 0}
    # SciPy moves the articles to the last axis, whichever it was.
    theirs = [permutation_test(data, statistic(i), **options).pvalue for i in range(4)]
    assert permutation_p_values(first, second, seed=5) == pytest.approx(theirs, abs=tolerance)


def test_interval_covers_the_true_difference_as_often_as_it_says():
    truth = difference(*systems(60_000, seed=100))[0]
    trials = 300
    covered = 0
    for trial in range(trials):
        macro = bootstrap_intervals(*systems(60, seed=trial), resamples=400, seed=trial)[0]
        covered += macro.low <= truth <= macro.high
    # 95 in 100, give or take three standard errors of 300 trials.
    assert 0.91 <= covered / trials <= 0.99


def test_p_values_of_equal_systems_are_spread_evenly():
    trials = 300
    small = sum(
        permutation_p_values(*systems(40, seed=1000 + trial, right=(0.8, 0.8)), resamples=400, seed=trial)[0] <= 0.1
        for trial in range(trials)
    )
    assert 0.05 <= small / trials <= 0.15


def test_the_same_predictions_give_no_difference():
    first, _ = systems(30)
    assert {(interval.low, interval.high) for interval in bootstrap_intervals(first, first)} == {(0.0, 0.0)}
    assert set(permutation_p_values(first, first)) == {1.0}


def test_swapping_the_systems_turns_the_interval_round():
    first, second = systems(30)
    there, back = bootstrap_intervals(first, second)[0], bootstrap_intervals(second, first)[0]
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_memory_bound_parts_cover_every_resample(monkeypatch):
    import pactag.significance as significance

    first, second = systems(30)
    whole = bootstrap_intervals(first, second, resamples=1000)
    monkeypatch.setattr(significance, "_WEIGHTS_AT_ONCE", 30 * 64)
    for one, other in zip(whole, bootstrap_intervals(first, second, resamples=1000), strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_ten_thousand_resamples_take_less_than_a_second():
    first, second = systems(150, labels=4, sentences=15)
    started = time.process_time()
    bootstrap_intervals(first, second)
    permutation_p_values(first, second)
    assert time.process_time() - started < 1.0


def test_draw_without_a_label_says_nothing_of_it():
    counts = np.zeros((12, 2, 3))
    counts[:, 0, 0] = 1
    counts[0, 1, 0] = 1
    assert {(interval.low, interval.high) for interval in f1_intervals([counts])} == {(1.0, 1.0)}
    worse = counts.copy()
    worse[0, 1] = [0, 0, 1]
    assert {(interval.low, interval.high) for interval in bootstrap_intervals(counts, worse)[2:]} == {(-1.0, -1.0)}


def test_label_that_is_nowhere_counts_as_it_does_without_a_draw():
    counts = np.zeros((12, 2, 3))
    counts[:, 0, 0] = 1
    assert [(interval.low, interval.high) for interval in f1_intervals([counts])] == [(0.5, 0.5), (1.0, 1.0), (0.0, 0.0)]


def test_label_that_is_nowhere_weighs_the_same_in_draws_without_a_rare_one():
    counts = np.zeros((30, 4, 3))
    counts[:, 0, 0] = 1
    counts[:2, 1, 0] = 1
    macro = f1_intervals([counts])[0]
    assert (macro.low, macro.high) == (0.5, 0.5)


def test_draw_without_any_label_says_nothing_beside_labels_that_are_nowhere():
    counts = np.zeros((5, 4, 3))
    counts[:2, 0, 0] = 1
    macro = f1_intervals([counts])[0]
    assert (macro.low, macro.high) == (0.25, 0.25)
