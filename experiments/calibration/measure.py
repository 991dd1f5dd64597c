"""How far scores are probabilities, before and after scaling; and how often what is marked uncertain is wrong.

    python experiments/calibration/measure.py NAME=LOGITS.npz...

LOGITS come from `logits.py`, with the sets `validation`, `test` and any further ones. Scales, thresholds and margins are chosen on the
validation split; on it itself, every fifth of the articles is read as was chosen on the others. Several files of one NAME are seeds: their
mean and standard deviation. Writes results.csv, and prints it as Markdown.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from pactag.calibration import calibrated, choose_margins, choose_thresholds, expected_calibration_error, fit_scales, near_threshold
from pactag.config import OperatingPoint
from pactag.model_folder import LabelScale
from pactag.schema import DEFAULT_SCHEMA, load_schema

LABELS = load_schema(DEFAULT_SCHEMA).names
Scale = Callable[[np.ndarray], np.ndarray]
Array = np.ndarray


def none(logits: Array, targets: Array) -> Scale:
    return lambda given: calibrated(given, [LabelScale()] * len(LABELS))


def temperature(logits: Array, targets: Array) -> Scale:
    """One factor for all labels."""
    slope = _slope(logits.ravel(), targets.ravel())
    return lambda given: calibrated(given, [LabelScale(slope=slope)] * len(LABELS))


def temperature_per_label(logits: Array, targets: Array) -> Scale:
    scales = [LabelScale(slope=_slope(logits[:, i], targets[:, i])) for i in range(len(LABELS))]
    return lambda given: calibrated(given, scales)


def platt_per_label(logits: Array, targets: Array) -> Scale:
    """As pactag has it."""
    scales = fit_scales(logits, targets)
    return lambda given: calibrated(given, scales)


def isotonic_per_label(logits: Array, targets: Array) -> Scale:
    steps = [IsotonicRegression(out_of_bounds="clip").fit(logits[:, i], targets[:, i]) for i in range(len(LABELS))]
    return lambda given: np.stack([step.predict(given[:, i]) for i, step in enumerate(steps)], axis=1)


METHODS = (none, temperature, temperature_per_label, platt_per_label, isotonic_per_label)


def _slope(logits: Array, targets: Array) -> float:
    model = LogisticRegression(C=1e6, fit_intercept=False).fit(logits.astype(float).reshape(-1, 1), targets.astype(int))
    return float(model.coef_[0, 0])


def main(*named: str) -> None:
    rows = []
    for number, item in enumerate(named):
        name, path = item.split("=", 1)
        with np.load(path) as file:
            arrays = {key: file[key] for key in file.files}
        sets = [key.removesuffix(".logits") for key in arrays if key.endswith(".logits")]
        scores, given = calibrated(arrays["validation.logits"], [LabelScale()] * len(LABELS)), arrays["validation.targets"] == 1
        median = np.median(scores[~given])
        print(f"{path}: without scaling, a label that is not given has a median score of {median:.2f} on validation")
        for method in METHODS:
            rows += [{"network": name, "file": number, "scaling": method.__name__, **row} for row in _measured(arrays, sets, method)]
    with (Path(__file__).parent / "results.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    _print(rows)


def _measured(arrays: dict[str, Array], sets: list[str], method: Callable[[Array, Array], Scale]) -> list[dict[str, object]]:
    logits, targets = arrays["validation.logits"], arrays["validation.targets"]
    scores, margins, thresholds = _scored(logits, targets, logits, method)
    found = []
    for name in sets:
        if name == "validation":
            parts = [
                _fold(arrays, learnt, held, method) for learnt, held in GroupKFold(5).split(logits, groups=arrays["validation.article"])
            ]
            order = np.concatenate([held for held, *_ in parts])
            scores, unsure, given = (np.concatenate([part[i] for part in parts])[np.argsort(order)] for i in (1, 2, 3))
        else:
            scores = method(logits, targets)(arrays[f"{name}.logits"])
            unsure = near_threshold(scores, thresholds, margins, LABELS)
            given = scores >= np.array([thresholds[label] for label in LABELS])
        wrong = given != arrays[f"{name}.targets"].astype(bool)
        for i, label in enumerate(LABELS):
            found.append(
                {
                    "set": name,
                    "label": label,
                    "ece": round(expected_calibration_error(scores[:, i], arrays[f"{name}.targets"][:, i]), 4),
                    "uncertain": int(unsure[:, i].sum()),
                    "uncertain_wrong": int((wrong & unsure)[:, i].sum()),
                    "certain": int((~unsure)[:, i].sum()),
                    "certain_wrong": int((wrong & ~unsure)[:, i].sum()),
                }
            )
    return found


def _scored(
    logits: Array, targets: Array, given: Array, method: Callable[[Array, Array], Scale]
) -> tuple[Array, dict[str, float], dict[str, float]]:
    """Scores of given logits, and margins and thresholds, chosen on others."""
    scale, point = method(logits, targets), OperatingPoint()
    own = scale(logits)
    thresholds = choose_thresholds(own, targets, point, LABELS)
    return scale(given), choose_margins(own, targets, thresholds, LABELS, error=point.uncertain_error), thresholds


def _fold(arrays: dict[str, Array], learnt: Array, held: Array, method: Callable[[Array, Array], Scale]) -> tuple[Array, ...]:
    logits, targets = arrays["validation.logits"], arrays["validation.targets"]
    scores, margins, thresholds = _scored(logits[learnt], targets[learnt], logits[held], method)
    given = scores >= np.array([thresholds[label] for label in LABELS])
    return held, scores, near_threshold(scores, thresholds, margins, LABELS), given


def _print(rows: list[dict[str, object]]) -> None:
    sets = list(dict.fromkeys(row["set"] for row in rows))
    for network in dict.fromkeys(row["network"] for row in rows):
        print(f"\n{network}\n\n| scaling | {' | '.join(f'{name} mean | largest' for name in sets)} |")
        print(f"|---|{'---|---|' * len(sets)}")
        for method in METHODS:
            cells = [cell for name in sets for cell in _errors(rows, network, method.__name__, name)]
            print(f"| {method.__name__.replace('_', ' ')} | {' | '.join(cells)} |")
        print("\n| set | marked | of these wrong | of the others wrong | of all errors marked |\n|---|---|---|---|---|")
        for name in sets:
            own = [row for row in rows if (row["network"], row["scaling"], row["set"]) == (network, "platt_per_label", name)]
            marked, wrong, others, others_wrong = (
                sum(int(str(row[key])) for row in own) for key in ("uncertain", "uncertain_wrong", "certain", "certain_wrong")
            )
            shares = (marked / (marked + others), wrong / max(marked, 1), others_wrong / others, wrong / max(wrong + others_wrong, 1))
            print(f"| {name} | {' | '.join(f'{share:.1%}' for share in shares)} |")


def _errors(rows: list[dict[str, object]], network: object, scaling: str, name: object) -> list[str]:
    """The calibration error over the labels, mean and largest, each over the seeds."""
    own = [row for row in rows if (row["network"], row["scaling"], row["set"]) == (network, scaling, name)]
    by_file = [[float(str(row["ece"])) for row in own if row["file"] == file] for file in dict.fromkeys(row["file"] for row in own)]
    cells = []
    for of in (np.mean, np.max):
        values = np.array([of(errors) for errors in by_file])
        cells.append(f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else ""))
    return cells


if __name__ == "__main__":
    main(*sys.argv[1:])
