"""How far a difference between two systems goes beyond chance. Pure functions on arrays; labels in schema order.

The unit is the article, since sentences of one article are not independent. Counts are summed per article first: a resample of articles is
then a weighting of those counts, and all resamples together are one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
# Weights that are held in memory at once, so that a large test split does not need gigabytes.
_WEIGHTS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Interval:
    """Both ends of a confidence interval."""

    low: float
    high: float


def article_counts(targets: np.ndarray, predicted: np.ndarray, articles: Sequence[str]) -> np.ndarray:
    """True positives, false positives and false negatives by article, shape `(articles, labels, 3)`, articles in order of appearance.

    :param targets: 0/1, shape `(sentences, labels)`; `predicted` likewise.
    :param articles: the article of each sentence.
    """
    number = {name: i for i, name in enumerate(dict.fromkeys(articles))}
    t, p = targets.astype(bool), predicted.astype(bool)
    counts = np.zeros((len(number), targets.shape[1], 3))
    np.add.at(counts, [number[name] for name in articles], np.stack([t & p, ~t & p, t & ~p], axis=-1))
    return counts


def f1_scores(counts: np.ndarray) -> np.ndarray:
    """Macro-F1 and then the F1 of each label, shape `(..., 1 + labels)`, from summed counts of shape `(..., labels, 3)`.

    F1 is 2tp / (2tp + fp + fn), and 0 where a label is neither there nor predicted, as in `metrics`.
    """
    whole = counts @ np.array([2.0, 1.0, 1.0])
    f1 = np.divide(2 * counts[..., 0], whole, out=np.zeros_like(whole), where=whole > 0)
    return np.concatenate([f1.mean(-1, keepdims=True), f1], axis=-1)


def f1_intervals(
    systems: Sequence[np.ndarray], *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = 0
) -> list[Interval]:
    """Percentile intervals of the mean `f1_scores` of several systems, such as the seeds of a recipe, or of one; macro-F1 first.

    Articles are drawn with replacement, and all systems are measured on the same draw: this is how the mean would vary with other
    articles of the kind, not with other seeds. A draw without any sentence of a label says nothing of that label: it counts neither in its
    interval nor in that draw's macro-F1.

    :param systems: counts by article as `article_counts` gives them, of the same articles in the same order.
    """
    generator = np.random.default_rng(seed)
    counts = np.stack(systems)
    summed = (_summed(counts, _draws(generator, size, counts.shape[1])) for size in _parts(resamples, counts.shape[1]))
    drawn = [_of_labels_there(f1_scores(part).mean(0), part[0], counts[0].sum(0)) for part in summed]
    return _percentiles(np.concatenate(drawn), confidence)


def bootstrap_intervals(
    first: np.ndarray, second: np.ndarray, *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = 0
) -> list[Interval]:
    """Percentile intervals of `f1_scores(second) - f1_scores(first)` from a paired bootstrap over articles, macro-F1 first.

    Articles are drawn with replacement and both systems are measured on the same draw; draws without a label count as in `f1_intervals`.
    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13.

    :param first: counts by article as `article_counts` gives them; `second` likewise, for the same articles in the same order.
    """
    generator = np.random.default_rng(seed)
    both = np.stack([first, second])
    summed = (_summed(both, _draws(generator, size, len(first))) for size in _parts(resamples, len(first)))
    drawn = [_of_labels_there(_gap(part), part[0], first.sum(0)) for part in summed]
    return _percentiles(np.concatenate(drawn), confidence)


def permutation_p_values(first: np.ndarray, second: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0) -> list[float]:
    """Two-sided p-values of `f1_scores(second) - f1_scores(first)`, macro-F1 first, when the systems are swapped article by article.

    When the two were the same, each article's two predictions could as well stand the other way round. Every arrangement is tried where
    there are no more than `resamples`; otherwise that many are drawn, and the one that was observed counts among them. Source: Phipson and
    Smyth, Permutation p-values should never be zero, 2010. The p-values are not corrected for looking at several labels.
    """
    total, swing = np.stack([first.sum(0), second.sum(0)]), second - first
    observed = np.abs(_gap(total))
    # Sums of the same numbers in another order may differ in the last bits.
    reached = observed - 1e-12
    articles = len(first)
    if 2**articles <= resamples:
        swapped = (np.arange(2**articles)[:, None] >> np.arange(articles)) & 1
        return [float(p) for p in (np.abs(_swapped(total, swing, swapped)) >= reached).mean(0)]
    generator = np.random.default_rng(seed)
    as_far = np.zeros_like(observed)
    for size in _parts(resamples, articles):
        swapped = generator.integers(0, 2, size=(size, articles))
        as_far += (np.abs(_swapped(total, swing, swapped)) >= reached).sum(0)
    return [float(p) for p in (as_far + 1) / (resamples + 1)]


def _percentiles(values: np.ndarray, confidence: float) -> list[Interval]:
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail], axis=0)
    return [Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def _of_labels_there(values: np.ndarray, drawn: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Values by draw, shape `(draws, 1 + labels)`, macro first: NaN for a label that a draw has no sentence of, and the macro without it.

    :param drawn: counts by draw, shape `(draws, labels, 3)`; sentences of a label are its true positives and false negatives.
    :param whole: the same of all articles, shape `(labels, 3)`. A label that is nowhere keeps the value that it has without a draw.
    """
    there = whole[:, 0] + whole[:, 2] > 0
    missing = (drawn[..., 0] + drawn[..., 2] == 0) & there
    if not missing.any():
        return values
    labels = np.where(missing, np.nan, values[:, 1:])
    # The labels that a draw has stand for those that it lacks; one that is nowhere has in every draw the weight that it has without one.
    # A draw that has none of the labels says nothing at all.
    macro = np.full(len(labels), np.nan)
    some = ~missing[:, there].all(-1)
    macro[some] = (np.nanmean(labels[some][:, there], axis=-1) * there.sum() + labels[some][:, ~there].sum(-1)) / len(there)
    return np.column_stack([macro, labels])


def _summed(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Counts of each system when article i counts `weights[r, i]` times in resample r, shape `(systems, resamples, labels, 3)`."""
    systems, articles, labels, kinds = counts.shape
    summed = weights @ counts.transpose(1, 0, 2, 3).reshape(articles, -1)
    return np.moveaxis(summed.reshape(-1, systems, labels, kinds), 1, 0)


def _swapped(total: np.ndarray, swing: np.ndarray, swapped: np.ndarray) -> np.ndarray:
    moved = (swapped.astype(float) @ swing.reshape(len(swing), -1)).reshape(-1, *swing.shape[1:])
    return _gap(np.stack([total[0] + moved, total[1] - moved]))


def _gap(summed: np.ndarray) -> np.ndarray:
    scores = f1_scores(summed)
    return np.asarray(scores[1] - scores[0])


def _draws(generator: np.random.Generator, resamples: int, articles: int) -> np.ndarray:
    """How often each article is drawn in each resample."""
    drawn = generator.integers(0, articles, size=(resamples, articles)) + articles * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * articles).reshape(resamples, articles).astype(float)


def _parts(resamples: int, articles: int) -> Iterator[int]:
    at_once = max(1, _WEIGHTS_AT_ONCE // articles)
    for start in range(0, resamples, at_once):
        yield min(at_once, resamples - start)
