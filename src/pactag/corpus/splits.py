"""Article-grouped, stratified splits that never move an article once it has a place."""

from __future__ import annotations

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
    folds = round(1 / validation_share)
    if len(free) < folds:
        return split | dict.fromkeys(free, "train")
    groups = np.concatenate([np.full(len(articles[a]), i) for i, a in enumerate(free)])
    # The label set as one integer: articles with rare combinations are spread like those with frequent ones.
    sets = np.concatenate([articles[a] @ (2 ** np.arange(articles[a].shape[1])) for a in free]).astype(int)
    # A set that stands less often than there are folds cannot be spread over them: all such count as one, or as none.
    values, counts = np.unique(sets, return_counts=True)
    rare = np.isin(sets, values[counts < folds])
    sets[rare] = -1 if rare.sum() >= folds else values[np.argmax(counts)]
    folder = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    _, chosen = next(iter(folder.split(np.zeros(len(groups)), sets, groups)))
    validation = {free[i] for i in np.unique(groups[chosen])}
    return split | {article: "validation" if article in validation else "train" for article in free}
