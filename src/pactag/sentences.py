"""Sentences: segmentation with exact offsets, and the context in which a classifier sees each one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from pactag.abbreviations import ends_before_capitals, for_punkt, tokenizer
from pactag.articles import Span

# A blank line always ends a sentence: headings and captions have no full stop.
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
# An item of a list: `- a raise`, `2) an end to layoffs`, `•Talks`. A dash with a word before it on the line is none.
_ITEM = re.compile(r"\s*(?:(?:[-*–—]|\d{1,2}[.)]|\(\d{1,2}\)|\(?[a-z]\))\s+|[•‣▪·●◦■○]\s*)\S")
# `-Talks` is an item where a neighbouring line begins so too. By itself it may be the rest of a wrapped line.
_DASHED = re.compile(r"\s*[-*–—][^\W\d_]")
# No wrapping breaks an address, a key or a rule, so that they say nothing about the width.
_UNBROKEN = re.compile(r"\b(?:\w{1,12}://|www\.)\S+|[!-~]{60,}")
# `2. Immediate rehousing`, `Our demands: 1. Provisional duties` and `09:10. Delegates sign in` go on after the number.
_ENUMERATOR = re.compile(r"(?:^|(?<!\d):)\s*(?:\d{1,2}[.)]|[*•])\s*$|^\W*\d{1,2}:\d\d\.\s*$")
# Characters from the end of a sentence in which one is looked for.
_LONGEST_ENUMERATOR = 64
# `Shortly before 8 p.m. Roe left`: a sentence that has only a time of day has not ended with it.
_ONLY_A_TIME = re.compile(r"\W*(?:At|By|Around|About|Before|After|Just|On|Shortly|Since|Until)\s(?:[\w:.]+\s){1,4}[ap]\.m\.\s*")
# Characters: a line that is longer was wrapped by nobody, so that in its block every line is a paragraph.
_WIDEST_WRAPPED = 132


@dataclass(frozen=True)
class SentenceInput:
    """What a classifier may look at for one sentence: the sentence, those before it (nearest last), and the title."""

    text: str
    before: tuple[str, ...] = ()
    title: str | None = None


@lru_cache(maxsize=1)
def _segmenter():  # type: ignore[no-untyped-def]
    # Made on first use: reading a corpus needs none.
    return tokenizer().tokenize_with_spans


def segment(text: str) -> list[Span]:
    """Split a text into sentences.

    Returns `(start, end)` spans in code points, in order, without overlap and without white space at either edge; between and around
    them stands nothing but white space. Blank lines end a sentence; single line breaks do where they end an item of a list or a line that
    was not full, and otherwise are those of wrapped text.
    """
    spans: list[Span] = []
    for start, end in _blocks(text):
        block = text[start:end]
        ends = {right for _, (_, right) in _segmenter()(for_punkt(block))}
        position = 0
        # Whatever the segmenter left at the end still belongs to the article.
        for right in sorted(ends.union(ends_before_capitals(block), [len(block)])):
            if right < len(block) and _goes_on(block, position, right):
                continue
            _add_trimmed(spans, text, start + position, start + right)
            position = right
    return spans


def _goes_on(block: str, start: int, end: int) -> bool:
    """Whether the segmenter takes for an end what is none: the number of an item, a time alone, or `(D-Del.` before its bracket."""
    if not (block[end - 1].isspace() or block[end].isspace()):
        return True
    piece = block[start:end].rstrip()
    number = piece[-1:] in ("*", "•") or piece[-2:-1].isdigit()
    # Of a piece that goes on and on the end tells: to search all of it each time would take the square of its length.
    tail = piece if len(piece) <= _LONGEST_ENUMERATOR else f"x{piece[-_LONGEST_ENUMERATOR:]}"
    return (number and _ENUMERATOR.search(tail) is not None) or _ONLY_A_TIME.fullmatch(block, start, end) is not None


def _blocks(text: str) -> list[Span]:
    blocks = []
    start = 0
    for gap in _BLANK_LINE.finditer(text):
        blocks.extend(_paragraphs(text, start, gap.start()))
        start = gap.end()
    blocks.extend(_paragraphs(text, start, len(text)))
    return [(a, b) for a, b in blocks if text[a:b].strip()]


def _paragraphs(text: str, start: int, end: int) -> list[Span]:
    """A block between blank lines, cut at the line breaks that no wrapping made."""
    lines = text[start:end].split("\n")
    if len(lines) == 1:
        return [(start, end)]
    width = max(len(_UNBROKEN.sub("", line)) for line in lines)
    items = _items(lines)
    cuts = [start]
    position = start
    for index, (line, following) in enumerate(pairwise(lines)):
        position += len(line) + 1
        if items[index + 1] or _ends_here(line, following, width, item=items[index]):
            cuts.append(position)
    return list(pairwise([*cuts, end]))


def _items(lines: Sequence[str]) -> list[bool]:
    """Of each line whether it begins an item of a list."""
    dashed = [_DASHED.match(line) is not None for line in lines]
    beside = [above or below for above, below in zip([False, *dashed[:-1]], [*dashed[1:], False], strict=True)]
    return [_ITEM.match(line) is not None or all(both) for line, *both in zip(lines, dashed, beside, strict=True)]


def _ends_here(line: str, following: str, width: int, *, item: bool) -> bool:
    words = following.split(maxsplit=1)
    if not words or words[0][0].islower():
        return False
    if max(width, len(line)) > _WIDEST_WRAPPED:
        return True
    if item:
        return not following[0].isspace()
    # Where the first word of the next line would have fitted, nobody wrapped; a quarter is left for ragged lines.
    return len(line) + 1 + len(words[0]) <= 0.75 * width


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
