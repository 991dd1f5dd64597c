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


# Reader -> sentence id -> the labels given; a sentence that a reader did not judge is absent.
Views = Mapping[str, Mapping[str, frozenset[str]]]


def agreement(articles: Mapping[str, WrittenArticle], passes: Passes, schema: Schema) -> list[Agreement]:
    """Agreement of every two independent readers of the written articles who share sentences.

    :raises CorpusError: when no two readers share any.
    """
    views = {
        reader: {
            f"{name}:{index}": labels
            for name, record in records.items()
            for index in range(len(articles[name].sentences))
            if (labels := record.of(index)) is not None
        }
        for reader, records in passes.independent.items()
    }
    return agreement_of(views, schema)


def agreement_of(views: Views, schema: Schema) -> list[Agreement]:
    """Agreement of every two readers who share sentences.

    :raises CorpusError: when no two readers share any.
    """
    found = []
    for first, second in combinations(sorted(views), 2):
        shared = [sentence for sentence in views[first] if sentence in views[second]]
        if shared:
            ours, theirs = (schema.encode_many([views[reader][sentence] for sentence in shared]) for reader in (first, second))
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
    columns = [(ours[:, i], theirs[:, i]) for i in range(ours.shape[1])]
    # Where two readers say the same of every sentence, both figures are 1, even if the label is so rare that chance is undefined.
    same = [bool((one == other).all()) for one, other in columns]
    kappa = [1.0 if equal else float(cohen_kappa_score(*pair)) for equal, pair in zip(same, columns, strict=True)]
    alpha = [
        1.0 if equal else float(krippendorff.alpha(reliability_data=np.array(pair), level_of_measurement="nominal"))
        for equal, pair in zip(same, columns, strict=True)
    ]
    differing = int((ours != theirs).any(1).sum())
    f1 = tuple(scores.f1 for scores in label_scores(ours, theirs))
    return Agreement((first, second), len(ours), differing, tuple(kappa), tuple(alpha), f1)
