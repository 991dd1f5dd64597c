"""Precision and recall of a model where a label is given from a score on: what a user gets who cuts elsewhere.

pactag evaluate built-in --data FILE --predictions scores.csv
python experiments/thresholds/at_scores.py scores.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from pactag.metrics import label_scores

FROM = (0.5, 0.8, 0.9, 0.95)


def main(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [name.removeprefix("score_") for name in rows[0] if name.startswith("score_")]
    targets = np.array([[name in row["gold"].split() for name in labels] for row in rows])
    scores = np.array([[float(row[f"score_{name}"]) for name in labels] for row in rows])
    print("| from a score of | " + " | ".join(labels) + " | mean precision | mean recall |")
    print("|---" * (len(labels) + 3) + "|")
    for least in FROM:
        found = label_scores(targets, scores >= least)
        cells = [f"{label.precision:.2f} / {label.recall:.2f}" for label in found]
        means = (np.mean([label.precision for label in found]), np.mean([label.recall for label in found]))
        print(f"| {least} | " + " | ".join([*cells, *(f"{mean:.2f}" for mean in means)]) + " |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
