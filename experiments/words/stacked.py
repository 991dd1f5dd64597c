"""Do n-grams beside a fine-tuned encoder help where both have learnt from the whole corpus?

    python experiments/words/stacked.py ENCODER.npz WORDS.npz

The files hold the logits of two models on the same sentences, of the sets `validation`, `test` and any further ones, as
`experiments/calibration/logits.py` writes them. The logits of the words, times a weight, are added to those of the encoder; in the last row
a logistic regression per label takes both, as it learnt on the validation split. Thresholds come from the validation split.
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

from pactag.metrics import f1_macro, label_scores, steady_f1_threshold

WEIGHTS = (0.0, 0.15, 0.3, 0.5, 0.7)


def main(encoder: str, words: str) -> None:
    with np.load(encoder) as own, np.load(words) as other:
        sets = [name.removesuffix(".logits") for name in own.files if name.endswith(".logits")]
        for name in sets:
            assert np.array_equal(own[f"{name}.id"], other[f"{name}.id"]), f"{name}: not the same sentences"
        pairs = {name: (own[f"{name}.logits"].astype(float), other[f"{name}.logits"].astype(float)) for name in sets}
        targets = {name: own[f"{name}.targets"] for name in sets}
    print(f"| weight of the words | {' | '.join(f'{name} | by label' for name in sets)} |\n|---|{'---|---|' * len(sets)}")
    for weight in WEIGHTS:
        _row(str(weight), {name: one + weight * other for name, (one, other) in pairs.items()}, targets)
    _row("a regression on both", _stacked(pairs, targets["validation"]), targets)


def _stacked(pairs: dict[str, tuple[np.ndarray, np.ndarray]], targets: np.ndarray) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {name: [] for name in pairs}
    for i in range(targets.shape[1]):
        both = {name: np.stack([one[:, i], other[:, i]], axis=1) for name, (one, other) in pairs.items()}
        model = LogisticRegression(C=1e6).fit(both["validation"], targets[:, i])
        for name, columns in both.items():
            found[name].append(model.decision_function(columns))
    return {name: np.stack(columns, axis=1) for name, columns in found.items()}


def _row(name: str, logits: dict[str, np.ndarray], targets: dict[str, np.ndarray]) -> None:
    scores = {part: 1 / (1 + np.exp(-found)) for part, found in logits.items()}
    chosen = np.array([steady_f1_threshold(targets["validation"][:, i], scores["validation"][:, i]) for i in range(4)])
    cells = []
    for part, found in scores.items():
        by_label = " ".join(f"{label.f1:.3f}" for label in label_scores(targets[part], found >= chosen)).replace("0.", ".")
        cells += [f"{f1_macro(targets[part], found >= chosen):.3f}".replace("0.", "."), by_label]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
