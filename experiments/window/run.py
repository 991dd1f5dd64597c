"""Runs the study with sentences that are encoded in a window of their article and pooled over their own tokens.

    python experiments/window/run.py --measure real=real-news.jsonl

The window lives here and not in pactag: see the finding.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pactag.corpus.rows
from pactag.models.tokens import Encoded, SentenceTokenizer
from pactag.sentences import SentenceInput
from pactag.studies import run_study

# A window is filled up to so many tokens with the nearest whole sentences, on either side in turn; a longer sentence stands alone.
WINDOW = 64
NEIGHBOURS = 3


@dataclass(frozen=True)
class WindowInput(SentenceInput):
    """A sentence between those before it (nearest last) and those after it (nearest first)."""

    after: tuple[str, ...] = ()


def in_window(sentences: Sequence[str], *, title: str | None, preceding: int, with_title: bool) -> list[SentenceInput]:
    """In place of `pactag.sentences.in_context`."""
    return [
        WindowInput(text, tuple(sentences[max(0, i - NEIGHBOURS) : i]), None, tuple(sentences[i + 1 : i + 1 + NEIGHBOURS]))
        for i, text in enumerate(sentences)
    ]


class WindowTokenizer(SentenceTokenizer):  # never made: its methods take the place of those of its base
    """`[CLS] sentences before, the sentence, sentences after [SEP]`, of which the sentence is pooled."""

    def encode(self, inputs: Sequence[SentenceInput]) -> list[Encoded]:
        texts = sorted({text for item in inputs for text in (item.text, *item.before, *getattr(item, "after", ()))})
        ids = dict(zip(texts, (found.ids for found in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)), strict=True))
        return [self._in_window(item, ids) for item in inputs]

    def _in_window(self, item: SentenceInput, ids: dict[str, list[int]]) -> Encoded:
        sentence = ids[item.text][: self.settings.max_tokens - 2]
        left: list[int] = []
        right: list[int] = []
        sides = {"left": list(item.before[::-1]), "right": list(getattr(item, "after", ()))}
        while any(sides.values()):
            for side in list(sides):
                piece = ids[sides[side].pop(0)] if sides[side] else []
                if len(left) + len(sentence) + len(right) + len(piece) + 2 > WINDOW:
                    # What lies behind a sentence that does not fit would stand there without its neighbour.
                    sides[side] = []
                elif side == "left":
                    left = [*piece, *left]
                else:
                    right = [*right, *piece]
        whole = [self.settings.cls_id, *left, *sentence, *right, self.settings.sep_id]
        return Encoded(whole, 1 + len(left), 1 + len(left) + len(sentence))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="append", default=[], metavar="NAME=FILE")
    measured = {name: Path(path) for name, path in (text.split("=", 1) for text in parser.parse_args().measure)}
    pactag.corpus.rows.in_context = in_window
    SentenceTokenizer.encode = WindowTokenizer.encode
    SentenceTokenizer._in_window = WindowTokenizer._in_window
    run_study(Path(__file__).with_name("study.yaml"), also_measure=measured, progress=lambda name, *_: print(name, *_, flush=True))


if __name__ == "__main__":
    main()
