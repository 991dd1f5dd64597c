"""Scores of labelled sentences by models that have not learnt from their article."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pactag.calibration import calibrated, fit_scales
from pactag.config import RunConfig
from pactag.corpus.rows import LabelledSentences, Row, labelled_sentences
from pactag.corpus.splits import label_sets
from pactag.errors import ConfigError, CorpusError, MissingExtraError
from pactag.models import classifier
from pactag.models.base import FitContext
from pactag.schema import Schema


def out_of_fold(
    rows: Sequence[Row],
    schema: Schema,
    config: RunConfig,
    *,
    folds: int = 5,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> tuple[LabelledSentences, np.ndarray]:
    """The sentences in the order of their articles, and calibrated scores for them, shape `(sentences, labels)`.

    Articles are divided into folds with like label sets; the model of a fold learns from all others. A fine-tuned encoder also stops
    early on the fold after its own, from which it then does not learn. Platt scaling is fitted once on all scores together: its two
    numbers a label cannot tell single sentences apart.

    :raises CorpusError: for fewer articles than folds, and for fewer than three folds of an encoder that is fine-tuned.
    :raises ConfigError: for a soup, which learns nothing of its own.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ModuleNotFoundError:
        raise MissingExtraError("Scores out of fold", "train") from None
    if config.model.kind == "soup":
        raise ConfigError(
            "model.kind", "is 'soup', whose parts have learnt already", "Name a config that learns: each fold needs a model of its own"
        )
    if config.training is not None and folds < 3:
        raise CorpusError("--folds", f"{folds} leave nothing to learn from: one is scored, another tells when to stop", "Give 3 or more")
    data = labelled_sentences(rows, schema, preceding=config.context.preceding, with_title=config.context.title)
    articles = len(set(data.groups))
    if articles < folds:
        raise CorpusError("--folds", f"{folds} for {articles} articles", "Give fewer folds, or more labelled articles")
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=config.seed)
    parts = [held for _, held in splitter.split(np.zeros(len(data)), label_sets(data.targets, at_least=folds), data.groups)]
    logits = np.zeros((len(data), len(schema.names)), dtype=np.float32)
    for number, held in enumerate(parts):
        progress(number, folds, f"fold {number + 1}")
        stopping = parts[(number + 1) % folds]
        apart = {*held, *stopping} if config.training is not None else set(held)
        learnt = [place for place in range(len(data)) if place not in apart]
        model = classifier(config.model.kind).fit(
            _subset(data, learnt), _subset(data, stopping), config=config, labels=schema.names, context=FitContext()
        )
        logits[held] = model.predict_logits([data.inputs[place] for place in held])
    progress(folds, folds, "")
    return data, calibrated(logits, fit_scales(logits, data.targets))


def _subset(data: LabelledSentences, places: Sequence[int] | np.ndarray) -> LabelledSentences:
    return LabelledSentences(
        tuple(data.inputs[place] for place in places),
        data.targets[list(places)],
        tuple(data.groups[place] for place in places),
        tuple(data.ids[place] for place in places),
    )
