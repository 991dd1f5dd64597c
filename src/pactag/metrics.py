"""Measures of multi-label classification. Pure functions on arrays of shape `(sentences, labels)`; labels in schema order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Log-odds that are tried as thresholds: probabilities from .01 to .99.
_CANDIDATES = np.linspace(-4.6, 4.6, 231)


@dataclass(frozen=True)
class LabelScores:
    """Counts and rates of one label. A rate whose denominator is 0 is 0."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float:
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def support(self) -> int:
        return self.true_positives + self.false_negatives


def label_scores(targets: np.ndarray, predicted: np.ndarray) -> list[LabelScores]:
    """Counts per label of 0/1 targets against 0/1 predictions."""
    t, p = targets.astype(bool), predicted.astype(bool)
    counts = zip((t & p).sum(0), (~t & p).sum(0), (t & ~p).sum(0), (~t & ~p).sum(0), strict=True)
    return [LabelScores(*map(int, four)) for four in counts]


def f1_macro(targets: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of the labels' F1, each label weighing the same."""
    return float(np.mean([scores.f1 for scores in label_scores(targets, predicted)]))


def summary(targets: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> dict[str, float]:
    """The named figures of an evaluation: per label precision, recall and F1; macro and micro means; exact match; any label at all."""
    per_label = label_scores(targets, predicted)
    figures: dict[str, float] = {}
    for name, scores in zip(labels, per_label, strict=True):
        figures |= {f"{name}/precision": scores.precision, f"{name}/recall": scores.recall, f"{name}/f1": scores.f1}
    figures["f1_macro"] = float(np.mean([scores.f1 for scores in per_label]))
    figures["precision_macro"] = float(np.mean([scores.precision for scores in per_label]))
    figures["recall_macro"] = float(np.mean([scores.recall for scores in per_label]))
    total = label_scores(targets.reshape(-1, 1), predicted.reshape(-1, 1))[0]
    figures["f1_micro"] = total.f1
    figures["exact_match"] = float((targets.astype(bool) == predicted.astype(bool)).all(1).mean()) if len(targets) else 0.0
    figures["any_label_f1"] = label_scores(targets.max(1, keepdims=True), predicted.max(1, keepdims=True))[0].f1
    return figures


def best_f1_threshold(targets: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """The threshold on one label's scores, shape `(sentences,)`, with the highest F1, and that F1.

    Scores at or above the threshold count as predicted. The threshold lies half-way between two neighbouring scores, so that it does
    not hang on the last digit of one sentence. Without positives it is just above every score.
    """
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hits = scores[order], targets[order].astype(bool)
    if not hits.any():
        return float(np.nextafter(scores.max(initial=0.5), 2.0)), 0.0
    found = np.cumsum(hits)
    f1 = 2 * found / (np.arange(1, len(hits) + 1) + hits.sum())
    # A cut between two equal scores cannot be made.
    cut_possible = np.append(sorted_scores[1:] < sorted_scores[:-1], True)
    best = int(np.argmax(np.where(cut_possible, f1, -1.0)))
    return _cut_below(sorted_scores, best), float(f1[best])


def steady_f1_threshold(targets: np.ndarray, scores: np.ndarray, *, width: float = 0.3) -> float:
    """The threshold on one label's calibrated scores, shape `(sentences,)`, whose F1 is highest when every score may be a little off.

    A decision counts by the probability that the score, blurred by logistic noise of scale `width` on its log-odds, reaches the
    threshold. The highest F1 of the plain scores lies on a peak that one sentence can make: thresholds from it carry over less well to
    other sentences, and to the same network in fewer bits. Without positives it is just above every score.
    """
    hits = targets.astype(bool)
    if not hits.any():
        return float(np.nextafter(scores.max(initial=0.5), 2.0))
    odds = _log_odds(scores)
    reached = _logistic((odds[:, None] - _CANDIDATES) / width)
    f1 = 2 * reached[hits].sum(0) / (reached.sum(0) + hits.sum())
    return float(_logistic(_CANDIDATES[int(np.argmax(f1))]))


def best_f1_macro(targets: np.ndarray, scores: np.ndarray) -> float:
    """Macro-F1 when every label has its best threshold: how good a ranking is, whatever its scale."""
    return float(np.mean([best_f1_threshold(targets[:, i], scores[:, i])[1] for i in range(targets.shape[1])]))


def precision_threshold(targets: np.ndarray, scores: np.ndarray, precision: float) -> tuple[float, float]:
    """The lowest threshold at which one label's precision is at least `precision`, and the precision there.

    Where no threshold reaches it, the one with the highest precision, of several the lowest. Without positives it is just above every
    score, and the precision is 0.
    """
    if not targets.any():
        return float(np.nextafter(scores.max(initial=0.5), 2.0)), 0.0
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hits = scores[order], targets[order].astype(bool)
    reached = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    cut_possible = np.append(sorted_scores[1:] < sorted_scores[:-1], True)
    place = int(np.flatnonzero(cut_possible & (reached >= min(precision, reached[cut_possible].max())))[-1])
    return _cut_below(sorted_scores, place), float(reached[place])


def _cut_below(sorted_scores: np.ndarray, place: int) -> float:
    """A threshold between the score at a place of a falling order and the next one (0 after the last)."""
    above = float(sorted_scores[place])
    below = float(sorted_scores[place + 1]) if place + 1 < len(sorted_scores) else 0.0
    middle = (above + below) / 2
    # Between two neighbouring floats there is no number: the upper one then is the threshold.
    return middle if middle > below else above


def _log_odds(scores: np.ndarray) -> np.ndarray:
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


def _logistic(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
