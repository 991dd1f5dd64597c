"""Sentences: segmentation with exact offsets, and the context in which a classifier sees each one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pactag.articles import Span

# A blank line always ends a sentence: headings and captions have no full stop.
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")


@dataclass(frozen=True)
class SentenceInput:
    """What a classifier may look at for one sentence: the sentence, those before it (nearest last), and the title."""

    text: str
    before: tuple[str, ...] = ()
    title: str | None = None


@lru_cache(maxsize=1)
def _segmenter():  # type: ignore[no-untyped-def]
    # Imported on first use: it loads its model, and reading a corpus needs none.
    import nupunkt

    return nupunkt.sent_spans


def segment(text: str) -> list[Span]:
    """Split a text into sentences.

    Returns `(start, end)` spans in code points, in order, without overlap and without white space at either edge; between and around
    them stands nothing but white space. Line breaks inside a paragraph do not end a sentence, blank lines do.
    """
    spans: list[Span] = []
    for start, end in _blocks(text):
        block = text[start:end]
        found = _segmenter()(block)
        position = 0
        for _, right in found:
            _add_trimmed(spans, text, start + position, start + right)
            position = max(position, right)
        # Whatever the segmenter left at the end still belongs to the article.
        _add_trimmed(spans, text, start + position, end)
    return spans


def _blocks(text: str) -> list[Span]:
    blocks = []
    start = 0
    for gap in _BLANK_LINE.finditer(text):
        blocks.append((start, gap.start()))
        start = gap.end()
    blocks.append((start, len(text)))
    return [(a, b) for a, b in blocks if text[a:b].strip()]


def _add_trimmed(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        left = start + len(piece) - len(piece.lstrip())
        spans.append((left, left + len(stripped)))


def in_context(sentences: Sequence[str], *, title: str | None, preceding: int, with_title: bool) -> list[SentenceInput]:
    """The sentences of one article, in order, each with its context: at most `preceding` sentences before it, and the title."""
    return [
        SentenceInput(text, tuple(sentences[max(0, index - preceding) : index]), title if with_title else None)
        for index, text in enumerate(sentences)
    ]
