"""The logits of a trained model on labelled sentences, in one file, for what can be chosen without the network.

    python experiments/calibration/logits.py MODEL OUT.npz NAME=FILE...

MODEL is whatever `pactag tag --model` takes. For each NAME the file holds `NAME.logits` and `NAME.targets`, of shape (sentences, labels),
and `NAME.article` and `NAME.id`, the article and the id of each sentence.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pactag.corpus.rows import labelled_sentences, read_rows
from pactag.tagging import Tagger


def main(model: str, out: str, *files: str) -> None:
    tagger = Tagger.load(model)
    arrays = {}
    for name, path in (item.split("=", 1) for item in files):
        rows = read_rows(Path(path), tagger.schema)
        sentences = labelled_sentences(rows, tagger.schema, preceding=tagger.context.preceding, with_title=tagger.context.title)
        arrays |= {f"{name}.logits": tagger.logits(sentences.inputs), f"{name}.targets": sentences.targets}
        arrays[f"{name}.article"] = np.array(sentences.groups, dtype=str)
        arrays[f"{name}.id"] = np.array(sentences.ids, dtype=str)
        print(f"{name}: {len(sentences)} sentences", flush=True)
    np.savez_compressed(out, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
