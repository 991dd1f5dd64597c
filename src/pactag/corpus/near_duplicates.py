"""Sentences that are nearly the same, found by the three-word sequences that they share."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from pactag.corpus.repetition import DUPLICATE_MIN_WORDS, DUPLICATE_SHINGLE, DUPLICATE_SIMILARITY

_WORD = re.compile(r"[\w']+")


class SentenceIndex:
    """Sentences by what they share with others.

    Two sentences are nearly the same when their sets of three-word sequences have a Jaccard similarity of 0.7 or more; those of fewer
    than eight words when all their words are the same, in order.
    """

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._holders: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, text: str) -> None:
        """Take a sentence in."""
        shingles = _shingles(text)
        for shingle in shingles:
            self._holders[shingle].append(len(self._sizes))
        self._sizes.append(len(shingles))

    def __contains__(self, text: str) -> bool:
        """Whether a sentence that was taken in is nearly the same as this one."""
        shingles = _shingles(text)
        shared = Counter(other for shingle in shingles for other in self._holders.get(shingle, ()))
        return any(count / (len(shingles) + self._sizes[other] - count) >= DUPLICATE_SIMILARITY for other, count in shared.items())


def _shingles(text: str) -> set[str]:
    words = _WORD.findall(text.lower())
    if len(words) < DUPLICATE_MIN_WORDS:
        return {" ".join(words) or text}
    return {" ".join(words[i : i + DUPLICATE_SHINGLE]) for i in range(len(words) - DUPLICATE_SHINGLE + 1)}
