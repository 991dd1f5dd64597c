"""How a first stage is learnt, and how its threshold is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pactag.errors import CorpusError
from pactag.metrics import f1_macro
from pactag.models.first_stage import FirstStage, ngrams

# The threshold may cost so much macro-F1 on the validation split.
LARGEST_LOSS = 0.002
# Rarer n-grams add size and nothing else.
_FEWEST_SENTENCES = 5
_INVERSE_REGULARISATION = 4.0
# Shares of the sentences that a threshold may settle.
_SHARES = np.linspace(0, 0.6, 61)


def learn_first_stage(texts: Sequence[str], labelled: Sequence[bool]) -> FirstStage:
    """A first stage that tells sentences with a label from those without, and settles none yet: its threshold is below every score.

    :param texts: of the training split; `labelled` says which of them carry a label.
    :raises CorpusError: when the sentences are too few, or of one sort only.
    """
    if len(set(labelled)) < 2:
        found = f"has {len(texts)} sentences, {'all' if any(labelled) else 'none'} of them with a label"
        raise CorpusError("--first-stage", found, "It learns from both sorts: name the training split")
    if max(Counter(term for text in texts for term in set(ngrams(text))).values(), default=0) < _FEWEST_SENTENCES:
        found = f"has {len(texts)} sentences, too few for any word to stand in {_FEWEST_SENTENCES} of them"
        raise CorpusError("--first-stage", found, "Name the training split")
    vectoriser = TfidfVectorizer(analyzer=ngrams, sublinear_tf=True, min_df=_FEWEST_SENTENCES)
    regression = LogisticRegression(C=_INVERSE_REGULARISATION, class_weight="balanced", max_iter=300)
    regression.fit(vectoriser.fit_transform(texts), labelled)
    names = vectoriser.get_feature_names_out()
    terms = {
        str(name): (_short(idf), _short(weight)) for name, idf, weight in zip(names, vectoriser.idf_, regression.coef_[0], strict=True)
    }
    return FirstStage(terms, float(regression.intercept_[0]), -np.inf)


def with_threshold(stage: FirstStage, validation: Sequence[str], *, targets: np.ndarray, predicted: np.ndarray) -> FirstStage:
    """The stage that settles as many sentences as the validation split allows.

    :param validation: texts of the validation split, with its `targets` and the labels `predicted` by the network that comes after, 0/1,
        shape `(sentences, labels)`.
    """
    scores = np.array([stage.score(text) for text in validation])
    least = f1_macro(targets, predicted) - LARGEST_LOSS
    # The lowest of them settles nothing, so that there always is one.
    thresholds = [float(np.quantile(scores, share)) for share in _SHARES]
    fine = [value for value in thresholds if f1_macro(targets, predicted.astype(bool) & (scores >= value)[:, None]) >= least]
    return replace(stage, threshold=max(fine))


def _short(value: float) -> float:
    # The file is a third smaller with five digits, and the threshold is chosen with what is written.
    return float(f"{value:.5g}")
