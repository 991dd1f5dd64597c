"""What a cheap first stage would settle: n-grams say which sentences carry no act, a network labels the others.

    python experiments/fast-tier/gate.py MODEL --measure real=FILE

MODEL is a model folder. Prints, for each threshold on the n-grams' score, which share of the sentences never reaches the network, and the
macro-F1 of the two stages together. The threshold to use would be chosen on the validation split.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pactag import Tagger
from pactag.corpus.rows import read_rows
from pactag.evaluation import evaluate
from pactag.metrics import f1_macro

THRESHOLDS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
# Quotation marks and question marks count as words.
WORDS = r"(?u)\b\w+\b|[\"?!]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus"))
    parser.add_argument("--measure", metavar="NAME=FILE", action="append", default=[])
    arguments = parser.parse_args()
    tagger = Tagger.load(arguments.model)
    train = read_rows(arguments.corpus / "train.jsonl", tagger.schema)
    ngrams = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=3, token_pattern=WORDS)
    gate = LogisticRegression(C=4, class_weight="balanced", max_iter=300)
    gate.fit(ngrams.fit_transform([row.text for row in train]), [bool(row.labels) for row in train])
    files = {name: arguments.corpus / f"{name}.jsonl" for name in ("validation", "test")}
    files |= {name: Path(path) for name, _, path in (item.partition("=") for item in arguments.measure)}
    settled, f1 = {}, {}
    for name, path in files.items():
        found = evaluate(tagger, read_rows(path, tagger.schema))
        scores = gate.predict_proba(ngrams.transform([row.text for row in found.rows]))[:, 1]
        settled[name] = [float((scores < threshold).mean()) for threshold in THRESHOLDS]
        f1[name] = [f1_macro(found.targets, found.predicted & (scores >= threshold)[:, None]) for threshold in THRESHOLDS]
    print("| threshold |" + "".join(f" {name}: settled | macro-F1 |" for name in files))
    print("|---|" + "---|---|" * len(files))
    for i, threshold in enumerate(THRESHOLDS):
        print(f"| {threshold} |" + "".join(f" {settled[name][i]:.1%} | {f1[name][i]:.4f} |" for name in files))
    print(f"\n{np.sum([len(part) for part in ngrams.vocabulary_]) / 1e6:.1f} MB of n-grams, {len(ngrams.vocabulary_)} of them")


if __name__ == "__main__":
    main()
