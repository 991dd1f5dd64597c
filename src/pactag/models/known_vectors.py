"""Sentence vectors that this process has computed already: runs of a study or a sweep on the same sentences read them once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from pactag.sentences import SentenceInput

# 384 numbers a sentence: some 300 MB.
_MOST = 200_000


class KnownVectors:
    """Vectors of lists of sentences, of one encoder at a time.

    By whole lists: which sentences share a batch decides the last bits of their vectors, and a run is to give the same figures whatever ran
    before it in the process.
    """

    def __init__(self, most: int = _MOST) -> None:
        """:param most: sentences that are kept."""
        self._most = most
        self._encoder: Hashable = None
        self._vectors: dict[tuple[SentenceInput, ...], np.ndarray] = {}

    def of(
        self, inputs: Sequence[SentenceInput], *, encoder: Hashable, embed: Callable[[Sequence[SentenceInput]], np.ndarray]
    ) -> np.ndarray:
        """Vectors of sentences, shape `(len(inputs), size)`; those of a list that is not known are computed in one call, each once.

        :param encoder: whatever tells encoders and ways of reading apart; for another one everything is forgotten.
        :param embed: computes vectors.
        """
        if encoder != self._encoder:
            self._encoder, self._vectors = encoder, {}
        wanted = tuple(inputs)
        if wanted not in self._vectors:
            place = {one: number for number, one in enumerate(dict.fromkeys(wanted))}
            vectors = embed(list(place))[[place[one] for one in wanted]]
            if sum(map(len, self._vectors)) + len(wanted) > self._most:
                self._vectors = {}
            self._vectors[wanted] = vectors
        return self._vectors[wanted].copy()
