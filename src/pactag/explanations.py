"""Which words of a sentence carried each label: what its scores lose when a word is left out. Works with any kind of model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pactag.sentences import SentenceInput
from pactag.tagging import Tagger

# A sentence with more words is explained in runs of words, so that no sentence costs more than so many scores.
MOST_PARTS = 120

_WORD = re.compile(r"\w+(?:['’-]\w+)*")


@dataclass(frozen=True)
class Part:
    """A word, or a run of words: `sentence[start:end]`, and how much each label's score falls without it (negative: rises)."""

    start: int
    end: int
    carries: Mapping[str, float]


def carrying_words(tagger: Tagger, sentence: SentenceInput) -> list[Part]:
    """The words of a sentence in order, with what each contributes; none for a sentence without words.

    A word counts together with all others (occlusion: Zeiler and Fergus, Visualizing and understanding convolutional networks, 2014), so
    two words that say the same both seem to carry little.
    """
    words = [match.span() for match in _WORD.finditer(sentence.text)]
    if not words:
        return []
    step = -(-len(words) // MOST_PARTS)
    runs = [(words[at][0], words[min(at + step, len(words)) - 1][1]) for at in range(0, len(words), step)]
    without = [replace(sentence, text=sentence.text[:start] + sentence.text[end:]) for start, end in runs]
    scores = tagger.scores([sentence, *without])
    names = tagger.schema.names
    return [
        Part(start, end, dict(zip(names, map(float, scores[0] - own), strict=True)))
        for (start, end), own in zip(runs, scores[1:], strict=True)
    ]
