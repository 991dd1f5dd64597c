"""How far independent readers agree, per label: Cohen's kappa, Krippendorff's alpha, F1 of one against the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pactag.corpus.passes import Passes
from pactag.corpus.written import WrittenArticle
from pactag.errors import CorpusError, MissingExtraError
from pactag.metrics import label_scores
from pactag.schema import Schema


@dataclass(frozen=True)
class Agreement:
    """Two readers on the sentences that both judged; one value per label, in schema order."""

    readers: tuple[str, str]
    sentences: int
    differing: int
    kappa: tuple[float, ...]
    alpha: tuple[float, ...]
    f1: tuple[float, ...]


def agreement(articles: Mapping[str, WrittenArticle], passes: Passes, schema: Schema) -> list[Agreement]:
    """Agreement of every two independent readers who share sentences.

    :raises CorpusError: when no two readers share any.
    """
    found = []
    for first, second in combinations(sorted(passes.independent), 2):
        pairs = []
        for name, record in passes.independent[first].items():
            other = passes.independent[second].get(name)
            if other is None:
                continue
            for index in range(len(articles[name].sentences)):
                views = record.of(index), other.of(index)
                if views[0] is not None and views[1] is not None:
                    pairs.append((schema.encode(views[0]), schema.encode(views[1])))
        if pairs:
            ours, theirs = (np.array(side) for side in zip(*pairs, strict=True))
            found.append(_of(first, second, ours, theirs))
    if not found:
        raise CorpusError("annotations", "no two readers judged the same sentence", "Have some articles read twice")
    return found


def _of(first: str, second: str, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    try:
        import krippendorff
        from sklearn.metrics import cohen_kappa_score
    except ModuleNotFoundError:
        raise MissingExtraError("Agreement figures", "train,label") from None
    labels = range(ours.shape[1])
    return Agreement(
        (first, second),
        len(ours),
        int((ours != theirs).any(1).sum()),
        tuple(float(cohen_kappa_score(ours[:, i], theirs[:, i], labels=[0, 1])) for i in labels),
        tuple(
            float(krippendorff.alpha(reliability_data=np.array([ours[:, i], theirs[:, i]]), level_of_measurement="nominal")) for i in labels
        ),
        tuple(scores.f1 for scores in label_scores(ours, theirs)),
    )
