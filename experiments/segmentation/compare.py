"""Where two segmenters end sentences, against files that have one sentence a row.

    python experiments/segmentation/compare.py data/corpus/*.jsonl

The sentences of an article are joined by a space and cut again: by the model that comes with nupunkt, and by pactag.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import nupunkt

from pactag.sentences import segment


def articles(file: str) -> list[list[str]]:
    """The sentences of each article, in order."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    with Path(file).open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            found[row["article_id"]][row["index"]] = " ".join(row["text"].split())
    return [[text for _, text in sorted(sentences.items())] for sentences in found.values()]


def ends(sentences: list[str]) -> tuple[str, set[int]]:
    """The joined text, and where each sentence but the last ends."""
    text = " ".join(sentences)
    places, position = set(), 0
    for sentence in sentences[:-1]:
        position += len(sentence)
        places.add(position)
        position += 1
    return text, places


def by_nupunkt(text: str) -> set[int]:
    return {left + len(text[left:right].rstrip()) for left, right in nupunkt.sent_spans(text)} - {len(text)}


def by_pactag(text: str) -> set[int]:
    return {end for _, end in segment(text)} - {len(text)}


def main(files: list[str]) -> None:
    print("file | sentences | segmenter | precision | recall | F1 of the ends")
    for file in files:
        joined = [ends(sentences) for sentences in articles(file)]
        for name, cut in {"nupunkt": by_nupunkt, "pactag": by_pactag}.items():
            right = given = true = 0
            for text, places in joined:
                said = cut(text)
                right, given, true = right + len(said & places), given + len(said), true + len(places)
            f1 = 2 * right / (given + true)
            print(f"{file} | {true + len(joined)} | {name} | {right / given:.4f} | {right / true:.4f} | {f1:.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
