"""Other names in the same sentences, so that no country or office can carry a label."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable

_NAME = re.compile(r"[A-Z][\w'’-]+(?:\s+(?:of the|of|de|al|el)?\s*[A-Z][\w'’-]+)*")
_MONTHS = "January February March April May June July August September October November December"
_CALENDAR = {*"Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(), *_MONTHS.split()}  # noqa: SIM905


def name_swapper(texts: list[str], seed: int) -> Callable[[str], str]:
    """A function that puts other names of as many words into a sentence; a name is what is capitalised and never stands in lower case."""
    lower = Counter(word for text in texts for word in re.findall(r"\b[a-z][\w'’-]+", text))
    by_words: dict[int, list[str]] = defaultdict(list)
    for text in texts:
        for match in _NAME.finditer(text):
            words = match.group().split()
            if match.start() > 1 and not any(lower[word.lower()] for word in words) and not _CALENDAR & set(words):
                by_words[len(words)].append(match.group())
    names = {name for group in by_words.values() for name in group}
    rng = random.Random(seed)

    def swap(text: str) -> str:
        chosen: dict[str, str] = {}

        def other(match: re.Match[str]) -> str:
            name = match.group()
            return chosen.setdefault(name, rng.choice(by_words[len(name.split())])) if name in names else name

        return _NAME.sub(other, text)

    return swap
