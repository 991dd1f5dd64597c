"""`frozen`: a fixed encoder and one logistic regression per label. Learns in the time it takes to read the corpus once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self, cast

import torch

from pactag.config import FrozenModel, RunConfig
from pactag.corpus.rows import LabelledSentences
from pactag.models.base import FitContext
from pactag.models.pooled import PooledClassifier, PooledNetwork, tokenizer_for
from pactag.models.pretrained import load_pretrained


class FrozenClassifier(PooledClassifier):
    """See the module."""

    kind: ClassVar[str] = "frozen"

    @classmethod
    def fit(
        cls, train: LabelledSentences, validation: LabelledSentences, *, config: RunConfig, labels: Sequence[str], context: FitContext
    ) -> Self:
        """See `SentenceClassifier.fit`."""
        settings = cast(FrozenModel, config.model)
        torch.manual_seed(config.seed)
        pretrained = load_pretrained(settings.base, settings.revision)
        tokenizer = tokenizer_for(pretrained, max_tokens=settings.max_tokens, context=settings.context, pooling="mean")
        model = cls(PooledNetwork(pretrained.encoder, len(labels)), tokenizer, pretrained.info)
        model.fit_head(train, c=settings.c, class_weight=settings.class_weight, seed=config.seed)
        return model
