"""What the first stage would settle: n-grams say which sentences carry no act, a network labels the others.

    python experiments/fast-tier/gate.py MODEL --measure real=FILE

MODEL is a model folder. The stage is the one that `pactag export --first-stage` learns. Prints, for thresholds that settle a given share of
the validation split, which share of each file never reaches the network, and the macro-F1 of the two stages together.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pactag import Tagger
from pactag.corpus.rows import read_rows
from pactag.evaluation import evaluate
from pactag.metrics import f1_macro
from pactag.models.first_stage_fit import learn_first_stage

SHARES = (0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus"))
    parser.add_argument("--measure", metavar="NAME=FILE", action="append", default=[])
    arguments = parser.parse_args()
    tagger = Tagger.load(arguments.model)
    train = read_rows(arguments.corpus / "train.jsonl", tagger.schema)
    stage = learn_first_stage([row.text for row in train], [bool(row.labels) for row in train])
    # The validation split comes first: it gives the thresholds.
    files = {name: arguments.corpus / f"{name}.jsonl" for name in ("validation", "test")}
    files |= {name: Path(path) for name, _, path in (item.partition("=") for item in arguments.measure)}
    thresholds: list[float] = []
    columns = []
    for path in files.values():
        found = evaluate(tagger, read_rows(path, tagger.schema))
        scores = np.array([stage.score(row.text) for row in found.rows])
        thresholds = thresholds or [float(np.quantile(scores, share)) for share in SHARES]
        columns.append(
            [
                f" {np.mean(scores < threshold):.1%} | {f1_macro(found.targets, found.predicted & (scores >= threshold)[:, None]):.4f} |"
                for threshold in thresholds
            ]
        )
    print("| threshold |" + "".join(f" {name}: settled | macro-F1 |" for name in files))
    print("|---|" + "---|---|" * len(files))
    for threshold, *cells in zip(thresholds, *columns, strict=True):
        print(f"| {threshold:.2f} |" + "".join(cells))


if __name__ == "__main__":
    main()
