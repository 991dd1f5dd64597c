"""`frozen`: a fixed encoder and one logistic regression per label. Learns in the time it takes to read the corpus once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar, Self, cast

import numpy as np
import torch

from pactag.config import FrozenModel, RunConfig
from pactag.corpus.rows import LabelledSentences
from pactag.models.base import FitContext
from pactag.models.known_vectors import KnownVectors
from pactag.models.pooled import PooledClassifier, PooledNetwork, tokenizer_for
from pactag.models.pretrained import load_pretrained
from pactag.sentences import SentenceInput

_known = KnownVectors()


class FrozenClassifier(PooledClassifier):
    """See the module."""

    kind: ClassVar[str] = "frozen"
    # Tells encoders and ways of reading apart. None: a model that was loaded may read articles without end, and keeps nothing of them.
    _identity: Hashable | None = None

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
        model._identity = (pretrained.info.sha256, pretrained.tokenizer.to_str(), tokenizer.settings)
        model.fit_head(train, c=settings.c, class_weight=settings.class_weight, seed=config.seed)
        return model

    def embed(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """See `PooledClassifier.embed`. While a model is trained and measured, vectors that were computed before are used again."""
        if self._identity is None:
            return super().embed(inputs)
        return _known.of(inputs, encoder=self._identity, embed=super().embed)

    def predict_logits(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """See `SentenceClassifier.predict_logits`."""
        if self._identity is None:
            return super().predict_logits(inputs)
        with torch.inference_mode():
            logits: np.ndarray = self.network.head(torch.from_numpy(self.embed(inputs))).numpy()
        return logits
