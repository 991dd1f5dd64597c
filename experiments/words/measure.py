"""Do n-grams beside a fine-tuned encoder help?

    python experiments/words/measure.py ARRAYS.npz real.jsonl LOGITS/*.npz

ARRAYS and LOGITS come from `experiments/recipes` (which sentences were learnt from, and the logits of one trained network a file). A linear
model on words and characters learns from the same sentences; its logits, times a weight, are added to those of the network. Thresholds come
from the validation split. Writes results.csv: macro-F1, means over the networks.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion

from pactag.metrics import best_f1_threshold, f1_macro, label_scores

WEIGHTS = (0.0, 0.15, 0.3, 0.5, 0.7)
SPLITS = ("validation", "test", "real")


def main(arrays: str, real: str, *logits: str) -> None:
    rows = {}
    for split in ("train", "validation", "test"):
        for line in Path(f"data/corpus/{split}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows[f"{row['article_id']}:{row['index']}"] = row["text"]
    with np.load(arrays) as file:
        texts = {split: [rows[name] for name in file[f"{split}.id"]] for split in ("train", "validation", "test")}
        targets = {split: file[f"{split}.targets"].astype(float) for split in ("train", *SPLITS)}
    texts["real"] = [json.loads(line)["text"] for line in Path(real).read_text(encoding="utf-8").splitlines()]
    words = of_words(texts, targets["train"])
    results = []
    for weight in WEIGHTS:
        found = []
        for path in logits:
            with np.load(path) as file:
                both = {split: file[split].astype(float) + weight * words[split] for split in SPLITS}
            cut = np.array([best_f1_threshold(targets["validation"][:, i], both["validation"][:, i])[0] for i in range(4)])
            by_label = [scores.f1 for scores in label_scores(targets["real"], both["real"] >= cut)]
            found.append([*(f1_macro(targets[split], both[split] >= cut) for split in SPLITS), *by_label])
        names = (*SPLITS, "real proposal", "real accusation", "real threat", "real condition")
        results.append({"weight": weight, "networks": len(logits), **dict(zip(names, np.mean(found, 0).round(4), strict=True))})
        print(results[-1], flush=True)
    with (Path(__file__).parent / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(results[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(results)


def of_words(texts: dict[str, list[str]], targets: np.ndarray) -> dict[str, np.ndarray]:
    """Logits of the linear model, shape `(sentences, labels)` for each split."""
    features = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 3), min_df=2, sublinear_tf=True)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True)),
        ]
    )
    learnt = features.fit_transform(texts["train"])
    models = [LogisticRegression(C=10, max_iter=300, solver="liblinear").fit(learnt, targets[:, i]) for i in range(targets.shape[1])]
    return {split: np.stack([model.decision_function(features.transform(texts[split])) for model in models], axis=1) for split in SPLITS}


if __name__ == "__main__":
    main(*sys.argv[1:])
