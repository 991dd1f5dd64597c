"""Thresholds at the peak of F1, or where F1 holds when scores are a little off: which carry over?

    python experiments/thresholds/measure.py ARRAYS.npz LOGITS/*.npz

ARRAYS and LOGITS come from `experiments/recipes`: the targets of the splits, and the logits of one trained network a file. Thresholds are
chosen on the validation split; macro-F1 is measured there, on the test split, and on the real sentences. `width` is that of
`pactag.metrics.steady_f1_threshold`; 0 is the peak. Writes results.csv.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from pactag.metrics import best_f1_threshold, f1_macro, steady_f1_threshold

WIDTHS = (0.0, 0.1, 0.2, 0.3, 0.5)
SPLITS = ("validation", "test", "real")


def main(arrays: str, *logits: str) -> None:
    targets = {split: read(arrays, f"{split}.targets").astype(float) for split in SPLITS}
    rows = []
    for width in WIDTHS:
        found = np.array([measured(targets, Path(path), width) for path in logits])
        means, spreads = found.mean(0).round(4), found.std(0).round(4)
        rows.append({"width": width, "networks": len(logits), **{f"{s}": m for s, m in zip(SPLITS, means, strict=True)}})
        rows[-1] |= {f"{split} spread": spread for split, spread in zip(SPLITS, spreads, strict=True)}
        print(rows[-1], flush=True)
    with (Path(__file__).parent / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read(path: str, name: str) -> np.ndarray:
    with np.load(path) as file:
        return np.asarray(file[name])


def measured(targets: dict[str, np.ndarray], path: Path, width: float) -> list[float]:
    with np.load(path) as file:
        scores = {split: 1 / (1 + np.exp(-file[split].astype(float))) for split in SPLITS}
    labels = range(targets["validation"].shape[1])
    chosen = [threshold(targets["validation"][:, i], scores["validation"][:, i], width) for i in labels]
    return [f1_macro(targets[split], scores[split] >= np.array(chosen)) for split in SPLITS]


def threshold(targets: np.ndarray, scores: np.ndarray, width: float) -> float:
    return steady_f1_threshold(targets, scores, width=width) if width else best_f1_threshold(targets, scores)[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
