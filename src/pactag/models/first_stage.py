"""A first stage: n-grams that settle which sentences clearly carry no act, so that the network sees the others only.

Nothing slow to import here: an exported model reads it. How it is learnt stands in `first_stage_fit`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

from pactag.errors import ModelFolderError

# A logit so low that every label's calibrated score is next to 0.
SETTLED = -15.0
# Quotation marks and question marks say a lot about a sentence.
_WORD = re.compile(r"\w+|[\"“”?!]")


def ngrams(text: str) -> list[str]:
    """The words of a text and their pairs, in lower case."""
    words = _WORD.findall(text.lower())
    return words + [f"{first} {second}" for first, second in pairwise(words)]


@dataclass(frozen=True)
class FirstStage:
    """A logistic regression on TF-IDF (sublinear counts, vectors of length 1).

    `terms` holds the inverse document frequency and the weight of each n-gram; a sentence whose score is below `threshold` is settled.
    """

    terms: dict[str, tuple[float, float]]
    bias: float
    threshold: float

    def score(self, text: str) -> float:
        """Log-odds that the sentence carries any label; the classes were weighed alike, so that they are no frequencies."""
        product = length = 0.0
        for term, count in Counter(ngrams(text)).items():
            found = self.terms.get(term)
            if found is not None:
                value = (1 + math.log(count)) * found[0]
                product += value * found[1]
                length += value * value
        return (product / math.sqrt(length) if length else 0.0) + self.bias

    def settles(self, text: str) -> bool:
        """Whether the sentence carries no label as far as n-grams can tell."""
        return self.score(text) < self.threshold

    def save(self, path: Path) -> None:
        """Write JSON."""
        content = {"threshold": self.threshold, "bias": self.bias, "terms": self.terms}
        path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        :raises ModelFolderError: for anything else.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            terms = {term: (float(idf), float(weight)) for term, (idf, weight) in content["terms"].items()}
            return cls(terms, float(content["bias"]), float(content["threshold"]))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ModelFolderError(str(path), "is no first stage that pactag wrote", "Restore the whole folder") from None
