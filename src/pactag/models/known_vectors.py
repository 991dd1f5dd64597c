"""Sentence vectors that this process has computed already: runs of a study or a sweep over one fixed encoder read each sentence once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from pactag.sentences import SentenceInput

# 384 numbers a sentence: some 300 MB.
_MOST = 200_000


class KnownVectors:
    """Vectors by sentence, of one encoder at a time."""

    def __init__(self, most: int = _MOST) -> None:
        """:param most: sentences that are kept."""
        self._most = most
        self._encoder: Hashable = None
        self._vectors: dict[SentenceInput, np.ndarray] = {}

    def of(
        self, inputs: Sequence[SentenceInput], *, encoder: Hashable, embed: Callable[[Sequence[SentenceInput]], np.ndarray]
    ) -> np.ndarray:
        """Vectors of sentences, shape `(len(inputs), size)`; those that are not known are computed, all in one call.

        :param encoder: whatever tells encoders and ways of reading apart; for another one everything is forgotten.
        :param embed: computes vectors.
        """
        if encoder != self._encoder:
            self._encoder, self._vectors = encoder, {}
        new = list(dict.fromkeys(one for one in inputs if one not in self._vectors))
        if len(self._vectors) + len(new) > self._most:
            self._vectors, new = {}, list(dict.fromkeys(inputs))
        if not inputs:
            return embed(inputs)
        if new:
            self._vectors.update(zip(new, embed(new), strict=True))
        return np.stack([self._vectors[one] for one in inputs])
