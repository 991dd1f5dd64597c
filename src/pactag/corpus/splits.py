"""Article-grouped, stratified splits that never move an article once it has a place."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from pactag.errors import MissingExtraError


def assign_splits(
    articles: Mapping[str, np.ndarray],
    *,
    existing: Mapping[str, str],
    held_out: Sequence[str],
    validation_share: float,
    seed: int,
) -> dict[str, str]:
    """A split for every article.

    `articles` maps an article id to its label matrix, shape `(sentences, labels)`. Articles in `existing` keep their split. Of the
    others, those in `held_out` go to `test`; the rest is divided into `train` and `validation` so that validation has close to
    `validation_share` of the sentences and the label rates of the two are alike.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ModuleNotFoundError:
        raise MissingExtraError("Splitting a corpus", "train") from None
    split = {article: existing[article] for article in articles if article in existing}
    new = [article for article in articles if article not in split]
    split |= {article: "test" for article in new if article in set(held_out)}
    free = sorted(article for article in new if article not in split)
    folds, taken = _folds(validation_share)
    if len(free) < folds:
        return split | dict.fromkeys(free, "train")
    groups = np.concatenate([np.full(len(articles[a]), i) for i, a in enumerate(free)])
    sets = label_sets(np.concatenate([articles[a] for a in free]), at_least=folds)
    folder = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    chosen = np.concatenate([held for _, held in itertools.islice(folder.split(np.zeros(len(groups)), sets, groups), taken)])
    validation = {free[i] for i in np.unique(groups[chosen])}
    return split | {article: "validation" if article in validation else "train" for article in free}


def _folds(share: float) -> tuple[int, int]:
    """The fewest folds some of which make up a share, within a tenth of it or two points, and how many of them do."""
    near = min(share / 10, 0.02)
    pairs = ((folds, max(1, round(share * folds))) for folds in itertools.count(2))
    return next(pair for pair in pairs if abs(pair[1] / pair[0] - share) <= near)


def label_sets(targets: np.ndarray, *, at_least: int) -> np.ndarray:
    """The label set of each sentence as one integer, shape `(sentences,)`, from 0/1 targets of shape `(sentences, labels)`.

    Articles with rare combinations can so be spread like those with frequent ones. A set that stands less often than `at_least` times
    cannot be spread over so many folds: all such count as one set, or as the most frequent one where even together they are too few.
    """
    sets = (targets @ (2 ** np.arange(targets.shape[1]))).astype(int)
    values, counts = np.unique(sets, return_counts=True)
    rare = np.isin(sets, values[counts < at_least])
    sets[rare] = -1 if rare.sum() >= at_least else values[np.argmax(counts)]
    return sets
