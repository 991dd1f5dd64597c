"""How much a corpus repeats itself. Text made from templates shows here: natural news seldom shares eight words in a row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pactag.corpus.rows import Row

SEQUENCE_WORDS = 8
SEQUENCE_MAX_SHARE = 0.003
OPENING_WORDS = 4
OPENING_MANY = 5
OPENING_MAX_SHARE = 0.05
DUPLICATE_SHINGLE = 3
DUPLICATE_MIN_WORDS = 8
DUPLICATE_SIMILARITY = 0.7

_WORD = re.compile(r"[\w']+")


@dataclass(frozen=True)
class Repetition:
    """Figures of a corpus, and the places behind those that are too high."""

    articles: int
    sentences: int
    sequences: dict[str, tuple[str, ...]]
    opening_share: float
    openings: dict[str, int]
    duplicates: tuple[tuple[str, str], ...]

    @property
    def longest_spread(self) -> float:
        """Largest share of the articles that have one sequence of eight words in common; 0 when no two share any."""
        return max((len(found) for found in self.sequences.values()), default=0) / max(1, self.articles)

    @property
    def too_frequent(self) -> dict[str, tuple[str, ...]]:
        """Sequences of eight words in more articles than allowed."""
        return {text: found for text, found in self.sequences.items() if len(found) > SEQUENCE_MAX_SHARE * self.articles}

    @property
    def passes(self) -> bool:
        return not self.too_frequent and self.opening_share < OPENING_MAX_SHARE and not self.duplicates


def repetition(rows: Sequence[Row]) -> Repetition:
    """Measure sequences and openings shared between articles, and near-duplicate sentences of different articles.

    A repetition inside one article counts once: people quote their own earlier sentences. Near-duplicates are pairs of sentences of at
    least eight words whose sets of three-word shingles have a Jaccard similarity of 0.7 or more.
    """
    words = {row.id: _WORD.findall(row.text.lower()) for row in rows}
    article = {row.id: row.article_id for row in rows}
    sequences: dict[str, set[str]] = defaultdict(set)
    openings: dict[str, set[str]] = defaultdict(set)
    for sentence, tokens in words.items():
        for sequence in _runs(tokens, SEQUENCE_WORDS):
            sequences[sequence].add(article[sentence])
        if len(tokens) >= OPENING_WORDS:
            openings[" ".join(tokens[:OPENING_WORDS])].add(article[sentence])
    frequent = {text: len(found) for text, found in openings.items() if len(found) > OPENING_MANY}
    with_frequent = sum(" ".join(tokens[:OPENING_WORDS]) in frequent for tokens in words.values())
    return Repetition(
        articles=len({row.article_id for row in rows}),
        sentences=len(rows),
        sequences={text: tuple(sorted(found)) for text, found in sequences.items() if len(found) > 1},
        opening_share=with_frequent / max(1, len(rows)),
        openings=dict(sorted(frequent.items(), key=lambda item: -item[1])),
        duplicates=tuple(_near_duplicates(words, article)),
    )


def _runs(tokens: Sequence[str], length: int) -> Iterable[str]:
    return (" ".join(tokens[i : i + length]) for i in range(len(tokens) - length + 1))


def _near_duplicates(words: dict[str, list[str]], article: dict[str, str]) -> Iterable[tuple[str, str]]:
    shingles = {s: set(_runs(tokens, DUPLICATE_SHINGLE)) for s, tokens in words.items() if len(tokens) >= DUPLICATE_MIN_WORDS}
    holders: dict[str, list[str]] = defaultdict(list)
    for sentence, own in shingles.items():
        for shingle in own:
            holders[shingle].append(sentence)
    for sentence, own in shingles.items():
        shared: dict[str, int] = defaultdict(int)
        for shingle in own:
            for other in holders[shingle]:
                if other > sentence and article[other] != article[sentence]:
                    shared[other] += 1
        for other, count in shared.items():
            if count / (len(own) + len(shingles[other]) - count) >= DUPLICATE_SIMILARITY:
                yield sentence, other
