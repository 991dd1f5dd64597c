"""Calibration keeps the ranking and makes scores read as probabilities; thresholds follow the operating point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from pactag.calibration import (
    apply_thresholds,
    calibrated,
    choose_margins,
    choose_thresholds,
    expected_calibration_error,
    fit_platt,
    fit_scales,
    near_threshold,
    out_of_reach,
)
from pactag.config import OperatingPoint
from pactag.metrics import steady_f1_threshold
from pactag.model_folder import LabelScale

LABELS = ("offer", "denial")
LOGITS = st.floats(-1e6, 1e6, width=32)
SCALES = st.builds(LabelScale, slope=st.floats(0.01, 100), intercept=st.floats(-50, 50))


@given(logits=st.lists(LOGITS, min_size=1, max_size=20), scale=SCALES)
def test_calibration_keeps_the_ranking(logits, scale):
    scores = calibrated(np.array(sorted(logits)).reshape(-1, 1), [scale])[:, 0]
    # The last digit of exp may differ either way.
    assert (np.diff(scores) >= -1e-15).all()


@given(low=st.floats(-10, 10), step=st.floats(1e-3, 5), scale=st.builds(LabelScale, slope=st.floats(0.5, 2), intercept=st.floats(-2, 2)))
def test_logits_that_differ_get_scores_that_differ(low, step, scale):
    lower, higher = calibrated(np.array([[low], [low + step]]), [scale])[:, 0]
    assert lower < higher


@given(logits=arrays(np.float32, (5, 2), elements=LOGITS), scales=st.tuples(SCALES, SCALES))
def test_scores_are_the_logistic_function_of_the_scaled_logits(logits, scales):
    with np.errstate(over="raise", invalid="raise"):
        scores = calibrated(logits, scales)
    expected = expit(logits.astype(np.float64) * [s.slope for s in scales] + [s.intercept for s in scales])
    np.testing.assert_allclose(scores, expected, atol=1e-15)
    assert scores.dtype == np.float64
    assert ((scores >= 0) & (scores <= 1)).all()


def test_no_sentences_give_no_scores():
    assert calibrated(np.zeros((0, 2), dtype=np.float32), [LabelScale(), LabelScale()]).shape == (0, 2)


# Platt scaling


def _drawn(slope: float, intercept: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, count)
    return logits.astype(np.float32), (rng.random(count) < expit(slope * logits + intercept)).astype(np.float32)


def test_scaling_finds_what_the_labels_were_drawn_with():
    scale = fit_platt(*_drawn(0.5, -1.0))
    assert scale.slope == pytest.approx(0.5, abs=0.07)
    assert scale.intercept == pytest.approx(-1.0, abs=0.1)


def test_mean_score_becomes_the_rate_of_the_label():
    logits, targets = _drawn(3.0, -2.0)
    scores = calibrated(logits.reshape(-1, 1), [fit_platt(logits, targets)])
    assert scores.mean() == pytest.approx(targets.mean(), abs=1e-3)


def test_scaling_lowers_the_calibration_error_of_overconfident_logits():
    logits, targets = _drawn(0.3, 0.0)
    raw, scaled = (calibrated(logits.reshape(-1, 1), [scale])[:, 0] for scale in (LabelScale(), fit_platt(logits, targets)))
    assert expected_calibration_error(scaled, targets) < expected_calibration_error(raw, targets) / 3


@settings(max_examples=25)
@given(
    logits=arrays(np.float32, 12, elements=st.floats(-20, 20, width=32)), targets=arrays(np.float32, 12, elements=st.sampled_from([0, 1]))
)
def test_scaling_never_turns_a_ranking(logits, targets):
    assert fit_platt(logits, targets).slope > 0


@pytest.mark.parametrize("value", [0, 1])
def test_label_of_one_kind_stays_as_it_is(value: int):
    assert fit_platt(np.array([-1.0, 2.0]), np.full(2, value)) == LabelScale(slope=1.0, intercept=0.0)


def test_logits_that_rank_the_wrong_way_stay_as_they_are():
    assert fit_platt(np.array([3.0, 2.0, -2.0, -3.0]), np.array([0, 0, 1, 1])) == LabelScale(slope=1.0, intercept=0.0)


def test_few_sentences_that_are_told_apart_make_nothing_certain():
    # Three with the label count as 4/5 of it.
    scores = calibrated(np.array([[-1.0], [1.0]]), [fit_platt(np.array([-1.0, -1, -1, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1]))])
    assert scores[:, 0] == pytest.approx([1 / 5, 4 / 5], abs=1e-3)


def test_each_label_is_scaled_by_itself():
    first, second = _drawn(0.5, -1.0), _drawn(2.0, 1.0)
    logits, targets = (np.stack(pair, 1) for pair in zip(first, second, strict=True))
    assert fit_scales(logits, targets) == [fit_platt(*first), fit_platt(*second)]


# Thresholds

SCORES = np.array([[0.9, 0.9], [0.7, 0.6], [0.4, 0.5], [0.1, 0.2]])
TARGETS = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])


def test_fixed_threshold_is_the_same_for_all_labels():
    point = OperatingPoint(objective="fixed", threshold=0.35)
    assert choose_thresholds(SCORES, TARGETS, point, LABELS) == {"offer": 0.35, "denial": 0.35}


def test_objective_f1_takes_the_best_threshold_of_each_label():
    chosen = choose_thresholds(SCORES, TARGETS, OperatingPoint(), LABELS)
    assert chosen == {name: steady_f1_threshold(TARGETS[:, i], SCORES[:, i]) for i, name in enumerate(LABELS)}


def test_objective_precision_reaches_it_for_each_label():
    chosen = choose_thresholds(SCORES, TARGETS, OperatingPoint(objective="precision", precision=0.9), LABELS)
    assert chosen == pytest.approx({"offer": 0.55, "denial": 0.75})


def test_precision_out_of_reach_leaves_the_other_labels_as_they_are():
    targets = np.array([[1, 0], [1, 1], [0, 0], [0, 0]])
    chosen = choose_thresholds(SCORES, targets, OperatingPoint(objective="precision", precision=0.9), LABELS)
    assert chosen == pytest.approx({"offer": 0.55, "denial": 0.55})


def test_label_that_is_nowhere_given_is_not_below_a_precision():
    predicted = np.array([[1, 0], [1, 0], [0, 0], [0, 0]])
    targets = np.array([[1, 0], [0, 0], [0, 0], [0, 0]])
    assert out_of_reach(OperatingPoint(objective="precision", precision=0.9), targets, predicted, LABELS) == ("offer",)


def test_score_at_the_threshold_gives_the_label():
    np.testing.assert_array_equal(apply_thresholds(np.array([[0.5, 0.49]]), {"offer": 0.5, "denial": 0.5}, LABELS), [[True, False]])


def test_thresholds_are_taken_by_name():
    np.testing.assert_array_equal(apply_thresholds(np.array([0.5, 0.5]), {"denial": 0.9, "offer": 0.1}, LABELS), [True, False])


# Margins: what is uncertain


def _one_label(scores, targets, *, threshold: float = 0.5, error: float | None = 0.3) -> float:
    columns = np.array(scores).reshape(-1, 1), np.array(targets).reshape(-1, 1)
    return choose_margins(*columns, {"offer": threshold}, ["offer"], error=error)["offer"]


def test_margin_is_the_widest_band_with_that_share_of_errors():
    # Ten scores at .1 from the threshold, four of them wrong; ten at .3, all right: the share falls to a fifth when they join.
    near, far = [0.4, 0.6] * 5, [0.2, 0.8] * 5
    targets = [0, 0, 1, 1, 0, 1, 1, 1, 0, 0] + [0, 1] * 5
    wrong = sum((score >= 0.5) != bool(target) for score, target in zip(near, targets, strict=False))
    assert wrong == 4
    assert _one_label(near + far, targets) == pytest.approx(0.1)
    assert _one_label(near + far, targets, error=0.2) == pytest.approx(0.3)


def test_few_errors_give_no_margin():
    assert _one_label([0.4, 0.6] * 10, [0, 1] * 10) == 0.0


def test_fewer_than_ten_sentences_give_no_margin():
    assert _one_label([0.45] * 9, [1] * 9) == 0.0


def test_no_share_gives_no_margin():
    assert _one_label([0.45] * 20, [1] * 20, error=None) == 0.0


@given(
    scores=arrays(np.float64, 30, elements=st.floats(0, 1)),
    targets=arrays(np.int8, 30, elements=st.integers(0, 1)),
    threshold=st.floats(0.01, 0.99),
)
def test_within_the_margin_the_share_of_errors_is_reached(scores, targets, threshold):
    margin = _one_label(scores, targets, threshold=threshold)
    inside = near_threshold(scores.reshape(-1, 1), {"offer": threshold}, {"offer": margin}, ["offer"])[:, 0]
    if margin:
        assert ((scores[inside] >= threshold) != targets[inside].astype(bool)).mean() >= 0.3
        assert inside.sum() >= 10
    else:
        assert not inside.any()


def test_uncertain_labels_are_those_within_the_margin_on_either_side():
    scores = np.array([[0.45, 0.9], [0.55, 0.5], [0.7, 0.5]])
    marks = near_threshold(scores, {"offer": 0.5, "denial": 0.5}, {"offer": 0.1, "denial": 0.0}, LABELS)
    np.testing.assert_array_equal(marks, [[True, False], [True, False], [False, False]])


# Calibration error


def test_calibration_error_of_a_worked_example():
    scores, targets = np.array([0.15, 0.17, 0.95, 0.91]), np.array([0, 1, 1, 1])
    assert expected_calibration_error(scores, targets) == pytest.approx(0.5 * abs(0.16 - 0.5) + 0.5 * abs(0.93 - 1))


def test_scores_that_are_right_have_no_calibration_error():
    assert expected_calibration_error(np.array([0.25] * 4 + [1.0, 0.0]), np.array([1, 0, 0, 0, 1, 0])) == 0.0


def test_score_of_one_falls_into_the_last_bin():
    together = expected_calibration_error(np.array([0.95, 1.0]), np.array([1, 0]))
    assert together == pytest.approx(abs(0.975 - 0.5))


def test_no_scores_have_no_calibration_error():
    assert expected_calibration_error(np.array([]), np.array([])) == 0.0


@given(
    scores=arrays(np.float64, 15, elements=st.floats(0, 1)),
    targets=arrays(np.int8, 15, elements=st.integers(0, 1)),
    bins=st.integers(1, 12),
)
def test_calibration_error_is_that_of_going_bin_by_bin(scores, targets, bins):
    places = [min(int(score * bins), bins - 1) for score in scores]
    expected = 0.0
    for place in set(places):
        inside = [i for i, other in enumerate(places) if other == place]
        expected += len(inside) / 15 * abs(sum(scores[i] for i in inside) / len(inside) - sum(targets[i] for i in inside) / len(inside))
    assert expected_calibration_error(scores, targets, bins=bins) == pytest.approx(expected, abs=1e-12)
