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
    """Two readers on the sentences that both judged; one value per label, in schema order, None where neither gave the label."""

    readers: tuple[str, str]
    sentences: int
    differing: int
    kappa: tuple[float | None, ...]
    alpha: tuple[float | None, ...]
    f1: tuple[float | None, ...]


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
    kappa, alpha, f1 = zip(*(_figures(ours[:, [i]], theirs[:, [i]]) for i in range(ours.shape[1])), strict=True)
    return Agreement((first, second), len(ours), int((ours != theirs).any(1).sum()), kappa, alpha, f1)


def _figures(ours: np.ndarray, theirs: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """Kappa, alpha and F1 of one label, each reader's values of shape `(sentences, 1)`."""
    try:
        import krippendorff
        from sklearn.metrics import cohen_kappa_score
    except ModuleNotFoundError:
        raise MissingExtraError("Agreement figures", "train,label") from None
    # What nobody saw anywhere tells nothing of how two people judge it.
    if not (ours.any() or theirs.any()):
        return None, None, None
    (scores,) = label_scores(ours, theirs)
    # Where two readers say the same of every sentence, both figures are 1, even if chance is undefined.
    if (ours == theirs).all():
        return 1.0, 1.0, scores.f1
    alpha = krippendorff.alpha(reliability_data=np.hstack([ours, theirs]).T, level_of_measurement="nominal")
    return float(cohen_kappa_score(ours[:, 0], theirs[:, 0])), float(alpha), scores.f1
