"""A corpus folder with texts that nobody labelled: python experiments/self-training/prepare.py TEXTS.jsonl FOLDER [--teachers MODEL ...]

TEXTS is a JSONL file of sentences as `data/corpus` has them; their labels, if any, are not looked at. Each gets the labels that the mean
score of the teachers gives it, at the mean of their thresholds, and is added to the training split of `experiments/eighth`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np

from pactag import Tagger
from pactag.corpus.rows import labelled_sentences, read_rows

THREE_SEEDS = [Path("experiments/distillation/teachers") / name for name in ("1", "2", "3")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--teachers", type=Path, nargs="+", default=THREE_SEEDS)
    parser.add_argument("--corpus", type=Path, default=Path("experiments/eighth"))
    arguments = parser.parse_args()
    taggers = [Tagger.load(folder) for folder in arguments.teachers]
    schema = taggers[0].schema
    rows = read_rows(arguments.texts, schema)
    # The tagger's own scores: its thresholds are meant for these.
    inputs = labelled_sentences(rows, schema).inputs
    scores = np.mean([tagger.scores(inputs) for tagger in taggers], axis=0)
    thresholds = np.mean([[tagger.manifest.thresholds[name] for name in schema.names] for tagger in taggers], axis=0)
    given = scores >= thresholds
    arguments.folder.mkdir(parents=True)
    for name in ("validation", "test"):
        shutil.copy(arguments.corpus / f"{name}.jsonl", arguments.folder)
    lines = (arguments.corpus / "train.jsonl").read_text(encoding="utf-8")
    for row, labels in zip(rows, given, strict=True):
        content = {
            "article_id": f"texts-{row.article_id}",
            "index": row.index,
            "title": row.title,
            "text": row.text,
            "labels": [name for name, there in zip(schema.names, labels, strict=True) if there],
        }
        lines += json.dumps(content, ensure_ascii=False) + "\n"
    (arguments.folder / "train.jsonl").write_text(lines, encoding="utf-8")
    shares = ", ".join(f"{name} {share:.1%}" for name, share in zip(schema.names, given.mean(axis=0), strict=True))
    print(f"{len(rows)} sentences added: {shares}")


if __name__ == "__main__":
    main()
