"""Macro-F1 of a model whose weights and word vectors are rounded to fewer bits, at its own thresholds.

python experiments/narrow/bits.py MODEL FILE
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import torch

from pactag.calibration import calibrated
from pactag.corpus.rows import labelled_sentences, read_rows
from pactag.evaluation import measured
from pactag.model_folder import read_manifest, read_schema
from pactag.models.pooled import PooledClassifier

ROUNDINGS = ((6, 64), (5, 64), (4, 32), (4, 64), (3, 32))
SMALLEST_TABLE = 100_000


def main() -> None:
    folder, file = map(Path, sys.argv[1:])
    manifest, schema = read_manifest(folder), read_schema(folder)
    model, rows = PooledClassifier.load(folder, manifest), read_rows(file, schema)
    sentences = labelled_sentences(rows, schema)
    first = None
    for bits, block in ((32, 0), *ROUNDINGS):
        rounded = copy.deepcopy(model)
        for name, table in rounded.network.named_parameters():
            if block and table.ndim == 2 and table.numel() > SMALLEST_TABLE and "position" not in name:
                table.data = in_bits(table.data, bits, block)
        scores = calibrated(rounded.predict_logits(sentences.inputs), [manifest.calibration[label] for label in manifest.labels])
        found = measured(rows, scores, sentences.targets, manifest.thresholds, manifest.labels)
        first = found.predicted if first is None else first
        print(bits, block, round(found.figures["f1_macro"], 4), "same labels", round(float((found.predicted == first).all(1).mean()), 4))


def in_bits(table: torch.Tensor, bits: int, block: int) -> torch.Tensor:
    """A table rounded to whole numbers of so many bits, with the scale for each block of a row that loses least."""
    top = 2 ** (bits - 1) - 1
    parts = table.reshape(len(table), -1, block)
    largest = (parts.abs().amax(-1, keepdim=True) / top).clamp(min=1e-8)
    best, lost = parts, torch.full_like(largest, torch.inf)
    for share in (1.0, 0.9, 0.8, 0.7) if bits <= 5 else (1.0,):
        found = (parts / (largest * share)).round().clamp(-top - 1, top) * largest * share
        error = ((found - parts) ** 2).sum(-1, keepdim=True)
        best, lost = torch.where(error < lost, found, best), torch.minimum(error, lost)
    return best.reshape(table.shape)


if __name__ == "__main__":
    main()
