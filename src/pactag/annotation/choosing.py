"""Which sentences teach a model most. Pure functions on scores and vectors; `experiments/active-learning` measures them.

Three things make a sentence worth a label: the model is unsure of it, it concerns a rare label, and it is unlike the others chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pactag.errors import MissingExtraError

# Diversity is sought among so many times the budget, the most useful sentences. More would dilute them.
CANDIDATES = 4
# How much a rare label counts: the exponent of its rate. 0 treats all labels alike, 1 weighs them by the inverse of their rate.
RARITY = 0.5
# Below this, the rate of a label says more about the few sentences it was counted on than about the label.
_LOWEST_RATE = 0.01


def entropy(scores: np.ndarray) -> np.ndarray:
    """How unsure each score is, in nats, same shape; largest at 0.5."""
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(-(inside * np.log(inside) + (1 - inside) * np.log(1 - inside)))


def usefulness(scores: np.ndarray, rates: Sequence[float]) -> np.ndarray:
    """The entropies of a sentence's labels, rare labels weighing more, summed; shape `(sentences,)`.

    :param scores: probabilities, shape `(sentences, labels)`.
    :param rates: share of the labelled sentences that have each label.
    """
    weights = np.maximum(np.asarray(rates, dtype=float), _LOWEST_RATE) ** -RARITY
    return np.asarray((entropy(scores) * weights).sum(1))


def spread_out(vectors: np.ndarray, worth: np.ndarray, count: int, *, seed: int) -> list[int]:
    """Places of `count` vectors that lie apart: k-means makes that many groups, and the most worthy of each is taken.

    Source: Zhdanov, Diverse mini-batch active learning, 2019, with the most worthy member instead of the most central one.

    :param vectors: shape `(candidates, dimensions)`; their directions count, not their lengths.
    :param worth: at least 0, shape `(candidates,)`; worthier candidates also draw the centres.
    """
    if count >= len(vectors):
        return list(range(len(vectors)))
    try:
        from sklearn.cluster import MiniBatchKMeans
    except ModuleNotFoundError:
        raise MissingExtraError("Choosing sentences", "train") from None
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    groups = MiniBatchKMeans(count, n_init=1, max_iter=10, batch_size=4096, random_state=seed).fit_predict(directions, sample_weight=worth)
    order = np.argsort(-worth, kind="stable")
    first: dict[int, int] = {}
    for place in order:
        first.setdefault(int(groups[place]), int(place))
    chosen = list(first.values())
    # Groups that ended empty leave room for the next most worthy.
    taken = set(chosen)
    return chosen + [int(place) for place in order if int(place) not in taken][: count - len(chosen)]


def choose(
    scores: np.ndarray, rates: Sequence[float], budget: int, *, vectors: Callable[[Sequence[int]], np.ndarray], seed: int
) -> list[int]:
    """Places of the sentences to label next, the most useful first; at most `budget`.

    :param scores: probabilities by the present model, shape `(sentences, labels)`.
    :param rates: share of the labelled sentences that have each label.
    :param vectors: gives the vectors of the sentences at these places, shape `(places, dimensions)`; asked for candidates only.
    """
    worth = usefulness(scores, rates)
    candidates = np.argsort(-worth, kind="stable")[: CANDIDATES * budget]
    if len(candidates) == 0:
        return []
    places = [int(place) for place in candidates]
    # Where all are taken, nothing has to be told apart.
    picked = range(len(places)) if budget >= len(places) else spread_out(vectors(places), worth[candidates], budget, seed=seed)
    return sorted((places[one] for one in picked), key=lambda place: (-worth[place], place))
