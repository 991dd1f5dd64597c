"""Token arrays of a corpus for `sweep.py`, which runs where pactag is not installed.

python experiments/recipes/prepare.py data/corpus real-news.jsonl arrays.npz [--swapped-copies 1]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from names import name_swapper

from pactag.config import ContextConfig
from pactag.corpus.rows import labelled_sentences, read_rows
from pactag.models.pooled import tokenizer_for
from pactag.models.pretrained import BUNDLED, load_pretrained
from pactag.schema import DEFAULT_SCHEMA, load_schema

CONTEXTS = {"none": (0, False), "before 1": (1, False), "before 2": (2, False), "title": (0, True), "title, before 1": (1, True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--swapped-copies", type=int, default=0)
    arguments = parser.parse_args()
    schema = load_schema(DEFAULT_SCHEMA)
    files = {split: arguments.corpus / f"{split}.jsonl" for split in ("train", "validation", "test")} | {"real": arguments.real}
    arrays: dict[str, np.ndarray] = {}
    for split, path in files.items():
        rows = read_rows(path, schema)
        copies = arguments.swapped_copies if split == "train" else 0
        for name, (preceding, title) in CONTEXTS.items():
            given = labelled_sentences(rows, schema, preceding=preceding, with_title=title)
            inputs = list(given.inputs)
            swap = name_swapper([item.text for item in inputs], seed=0) if copies else str
            inputs += [replace(item, text=swap(item.text)) for _ in range(copies) for item in given.inputs]
            context = ContextConfig(preceding=preceding, title=title)
            tokenizer = tokenizer_for(
                load_pretrained(BUNDLED, None), max_tokens=128 if name == "none" else 160, context=context, pooling="mean"
            )
            encoded = tokenizer.encode(inputs)
            arrays[f"{split}.{name}.ids"] = np.concatenate([np.array(item.ids, dtype=np.uint16) for item in encoded])
            for field, values in {
                "length": [len(item.ids) for item in encoded],
                "start": [item.start for item in encoded],
                "end": [item.end for item in encoded],
            }.items():
                arrays[f"{split}.{name}.{field}"] = np.array(values, dtype=np.int16)
            arrays[f"{split}.targets"] = np.concatenate([given.targets] * (copies + 1)).astype(np.uint8)
            arrays[f"{split}.id"] = np.array(list(given.ids) * (copies + 1))
            arrays[f"{split}.article"] = np.array(list(given.groups) * (copies + 1))
    np.savez_compressed(arguments.output, **arrays)


if __name__ == "__main__":
    main()
