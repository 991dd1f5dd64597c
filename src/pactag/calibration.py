"""From logits to scores that read as probabilities, and the thresholds that turn scores into labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pactag.metrics import label_scores, precision_threshold, steady_f1_threshold
from pactag.model_folder import LabelScale, Manifest

if TYPE_CHECKING:
    from pactag.config import OperatingPoint

_SMALLEST_BAND = 10


@dataclass(frozen=True)
class Calibration:
    """How the logits of a network become scores, and scores become labels: for each label a scale, a threshold, and the margin around it
    within which a score is uncertain. Keys in the order of the labels.
    """

    scales: Mapping[str, LabelScale]
    thresholds: Mapping[str, float]
    margins: Mapping[str, float]

    @classmethod
    def on(
        cls, logits: np.ndarray, targets: np.ndarray, point: OperatingPoint, labels: Sequence[str], *, scaled_on: np.ndarray | None = None
    ) -> Calibration:
        """Chosen on logits and 0/1 targets, both of shape `(sentences, labels)`, that nothing was learnt from.

        :param scaled_on: the sentences that scales are fitted on, where not on all: bool, shape `(sentences,)`.
        """
        scales = fit_scales(logits, targets) if scaled_on is None else fit_scales(logits[scaled_on], targets[scaled_on])
        scores = calibrated(logits, scales)
        thresholds = choose_thresholds(scores, targets, point, labels)
        margins = choose_margins(scores, targets, thresholds, labels, error=point.uncertain_error)
        return cls(dict(zip(labels, scales, strict=True)), thresholds, margins)

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """See `calibrated`."""
        return calibrated(logits, list(self.scales.values()))


def with_calibration(manifest: Manifest, chosen: Calibration) -> Manifest:
    """The manifest of the same network, read in another way."""
    changes = {"calibration": dict(chosen.scales), "thresholds": dict(chosen.thresholds), "margins": dict(chosen.margins)}
    return manifest.model_copy(update=changes)


def calibrated(logits: np.ndarray, scales: Sequence[LabelScale]) -> np.ndarray:
    """Scores in (0, 1), same shape `(sentences, labels)` as the logits, float64."""
    slopes = np.array([scale.slope for scale in scales])
    intercepts = np.array([scale.intercept for scale in scales])
    z = logits.astype(np.float64) * slopes + intercepts
    # exp of a large positive number overflows; of a negative one it does not.
    small = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1, small) / (1 + small))


def fit_platt(logits: np.ndarray, targets: np.ndarray) -> LabelScale:
    """Platt scaling of one label: a logistic regression of the targets on its logits, both of shape `(sentences,)`.

    Source: J. Platt, Probabilistic outputs for support vector machines, 1999. As there, of n sentences with the label each counts as a
    sentence with it by (n + 1) / (n + 2), and likewise those without: a few sentences that logits happen to separate make nothing certain.
    A label without positives or without negatives, and logits that rank the wrong way round, are left as they are: a scaling must not
    turn a ranking.
    """
    from sklearn.linear_model import LogisticRegression

    if not len(targets) or targets.min() == targets.max():
        return LabelScale()
    hits = targets.astype(bool)
    believed = np.where(hits, (hits.sum() + 1) / (hits.sum() + 2), 1 / ((~hits).sum() + 2))
    values = np.tile(logits.astype(np.float64), 2).reshape(-1, 1)
    model = LogisticRegression(C=1e6).fit(values, np.repeat([1, 0], len(hits)), np.concatenate([believed, 1 - believed]))
    slope = float(model.coef_[0, 0])
    return LabelScale(slope=slope, intercept=float(model.intercept_[0])) if slope > 0 else LabelScale()


def fit_scales(logits: np.ndarray, targets: np.ndarray) -> list[LabelScale]:
    """Platt scaling per label."""
    return [fit_platt(logits[:, i], targets[:, i]) for i in range(targets.shape[1])]


def choose_thresholds(scores: np.ndarray, targets: np.ndarray, point: OperatingPoint, labels: Sequence[str]) -> dict[str, float]:
    """The threshold of each label under an operating point, from validation scores and targets.

    A label that cannot reach the precision that is asked for gets the threshold of its highest one (`out_of_reach` tells which): the model,
    which took hours, is good for the others.
    """
    if point.objective == "fixed":
        return dict.fromkeys(labels, float(point.threshold or 0.5))
    if point.objective == "f1":
        return {name: steady_f1_threshold(targets[:, i], scores[:, i]) for i, name in enumerate(labels)}
    return {name: precision_threshold(targets[:, i], scores[:, i], point.precision or 0.0)[0] for i, name in enumerate(labels)}


def out_of_reach(point: OperatingPoint, targets: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> tuple[str, ...]:
    """Labels whose precision stays below the one that an operating point asks for, on the sentences that thresholds were chosen on.

    One that no sentence is given has no precision.
    """
    if point.precision is None:
        return ()
    found = zip(labels, label_scores(targets, predicted), strict=True)
    return tuple(name for name, scores in found if scores.true_positives + scores.false_positives and scores.precision < point.precision)


def choose_margins(
    scores: np.ndarray, targets: np.ndarray, thresholds: Mapping[str, float], labels: Sequence[str], *, error: float | None
) -> dict[str, float]:
    """How far from its threshold a score of each label still counts as uncertain, from validation scores and targets.

    The widest band around the threshold in which the decision is wrong for at least the share `error` of the validation sentences. A band
    of fewer than ten sentences says nothing, and its margin is 0, as is every margin when `error` is None.
    """
    if error is None:
        return dict.fromkeys(labels, 0.0)
    return {name: _margin(scores[:, i], targets[:, i], thresholds[name], error) for i, name in enumerate(labels)}


def _margin(scores: np.ndarray, targets: np.ndarray, threshold: float, error: float) -> float:
    distance = np.abs(scores - threshold)
    order = np.argsort(distance, kind="stable")
    wrong = (scores >= threshold) != targets.astype(bool)
    rates = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    # Sentences that are equally far away are inside together or not at all.
    ends = np.append(np.diff(distance[order]) > 0, True)[: len(order)]
    wide_enough = np.arange(1, len(order) + 1) >= _SMALLEST_BAND
    places = np.flatnonzero((rates >= error) & ends & wide_enough)
    return float(distance[order][places[-1]]) if len(places) else 0.0


def expected_calibration_error(scores: np.ndarray, targets: np.ndarray, *, bins: int = 10) -> float:
    """Mean distance between score and observed rate of one label, over equally wide bins, weighted by their sentences.

    Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, 2017, equation 3.
    """
    if not len(scores):
        return 0.0
    place = np.minimum((scores * bins).astype(int), bins - 1)
    error = 0.0
    for b in np.unique(place):
        inside = place == b
        error += inside.mean() * abs(scores[inside].mean() - targets[inside].mean())
    return float(error)


def apply_thresholds(scores: np.ndarray, thresholds: Mapping[str, float], labels: Sequence[str]) -> np.ndarray:
    """Predicted labels, shape `(sentences, labels)`, bool: a score at or above its threshold."""
    return scores >= np.array([thresholds[name] for name in labels])


def near_threshold(scores: np.ndarray, thresholds: Mapping[str, float], margins: Mapping[str, float], labels: Sequence[str]) -> np.ndarray:
    """Uncertain labels, shape `(sentences, labels)`, bool: a score within the margin of its threshold. A margin of 0 marks none."""
    margin = np.array([margins.get(name, 0.0) for name in labels])
    distance = np.abs(scores - np.array([thresholds[name] for name in labels]))
    return np.asarray((distance <= margin) & (margin > 0))
