"""What several models reach together: python experiments/distillation/ensemble.py MODEL... --measure real=FILE

The mean of their scores before calibration; thresholds from the validation split.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pactag.calibration import choose_thresholds
from pactag.config import OperatingPoint
from pactag.corpus.rows import labelled_sentences, read_rows
from pactag.evaluation import measured
from pactag.models.teachers import lesson_of
from pactag.schema import load_schema


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus"))
    parser.add_argument("--measure", metavar="NAME=FILE", action="append", default=[])
    arguments = parser.parse_args()
    schema = load_schema(Path("data/schema.yaml"))
    # The validation split comes first: it gives the thresholds.
    files = {name: arguments.corpus / f"{name}.jsonl" for name in ("validation", "test")}
    files |= {name: Path(path) for name, _, path in (item.partition("=") for item in arguments.measure)}
    thresholds = None
    for name, path in files.items():
        rows = tuple(read_rows(path, schema))
        given = labelled_sentences(rows, schema)
        scores = lesson_of(arguments.models, given, labels=schema.names).scores
        thresholds = thresholds or choose_thresholds(scores, given.targets, OperatingPoint(), schema.names)
        figures = measured(rows, scores, given.targets, thresholds, schema.names).figures
        labels = " ".join(f"{figures[f'{label}/f1']:.3f}" for label in schema.names)
        print(f"{name}: macro-F1 {figures['f1_macro']:.3f} ({labels})", flush=True)


if __name__ == "__main__":
    main()
