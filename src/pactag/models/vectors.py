"""Vectors of sentences by an encoder as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pactag.config import ContextConfig
from pactag.models.pooled import PooledClassifier, PooledNetwork, tokenizer_for
from pactag.models.pretrained import load_pretrained
from pactag.sentences import SentenceInput


def sentence_vectors(inputs: Sequence[SentenceInput], *, base: str = "minilm", max_tokens: int = 128) -> np.ndarray:
    """Mean-pooled vectors, shape `(len(inputs), hidden)`, float32.

    :param base: as `model.base` of a config.
    :raises ConfigError: when there is no such encoder.
    """
    pretrained = load_pretrained(base, None)
    context = ContextConfig(preceding=max((len(one.before) for one in inputs), default=0), title=any(one.title for one in inputs))
    tokenizer = tokenizer_for(pretrained, max_tokens=min(max_tokens, pretrained.max_positions), context=context, pooling="mean")
    # The output layer is never used: one label will do.
    return PooledClassifier(PooledNetwork(pretrained.encoder, 1), tokenizer, pretrained.info).embed(inputs)
