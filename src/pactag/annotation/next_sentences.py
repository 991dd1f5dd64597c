"""From articles that nobody has labelled to the sentences worth labelling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pactag.annotation.choosing import choose
from pactag.annotation.tasks import Task, tasks_of
from pactag.articles import Article
from pactag.corpus.near_duplicates import SentenceIndex
from pactag.corpus.rows import Row
from pactag.errors import MissingExtraError
from pactag.schema import Schema
from pactag.sentences import SentenceInput
from pactag.tagging import Tagger


@dataclass(frozen=True)
class Chosen:
    """Sentences to label in the order of their articles; how many there were, and how many were passed over and why.

    `expected` is how many of the chosen have each label, going by the model's scores.
    """

    tasks: tuple[Task, ...]
    sentences: int
    known: int
    repeated: int
    expected: dict[str, float]


def next_sentences(
    articles: Iterable[Article], rows: Sequence[Row], schema: Schema, *, tagger: Tagger, budget: int, base: str = "minilm", seed: int = 1
) -> Chosen:
    """Choose among the sentences of articles those that a person should label next.

    Passed over are sentences that are nearly the same as one in the corpus or as an earlier one of these articles.

    :param rows: the corpus: what is labelled already.
    :param tagger: the present model; its scores say what it is unsure of.
    :param base: encoder of the vectors that keep the chosen apart, as `model.base` of a config.
    :raises PactagError: for articles without a sentence, and for a tagger with other labels.
    """
    tasks = tasks_of(articles, schema, tagger=tagger)
    corpus, pool = SentenceIndex(), SentenceIndex()
    for row in rows:
        corpus.add(row.text)
    fresh: list[Task] = []
    known = repeated = 0
    for task in tasks:
        if task.text in corpus:
            known += 1
        elif task.text in pool:
            repeated += 1
        else:
            pool.add(task.text)
            fresh.append(task)
    scores = np.array([[(task.scores or {})[name] for name in schema.names] for task in fresh]).reshape(len(fresh), len(schema.names))
    rates = schema.encode_many([row.labels for row in rows]).mean(0)
    places = choose(scores, list(rates), budget, vectors=lambda at: _vectors([fresh[place].text for place in at], base), seed=seed)
    # In the order of the articles: whoever reads sentence after sentence keeps the thread.
    chosen = tuple(fresh[place].model_copy(update={"suggested": None, "scores": None}) for place in sorted(places))
    expected = dict(zip(schema.names, map(float, scores[places].sum(0)), strict=True))
    return Chosen(chosen, len(tasks), known, repeated, expected)


def _vectors(texts: Sequence[str], base: str) -> np.ndarray:
    try:
        from pactag.models.vectors import sentence_vectors
    except ModuleNotFoundError:
        raise MissingExtraError("Choosing sentences", "train") from None
    return sentence_vectors([SentenceInput(text) for text in texts], base=base)
