"""A trained model read in another way: scales and thresholds chosen again on labelled sentences, the network as it was."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pactag.calibration import Calibration, apply_thresholds, with_calibration
from pactag.config import OperatingPoint, load_config
from pactag.corpus.rows import LabelledSentences, Row, labelled_sentences, read_rows
from pactag.corpus.splits import label_sets
from pactag.errors import ConfigError, CorpusError, MissingExtraError
from pactag.evaluation import Evaluation, compared, measured, out_of_reach
from pactag.model_card import model_card
from pactag.model_folder import CARD, CONFIG, Manifest, check_apart, check_output, new_folder
from pactag.tagging import Tagger

FOLDS = 5
# A label that fewer sentences carry, or do without, keeps its scale and threshold.
FEWEST = 10


@dataclass(frozen=True)
class Recalibrated:
    """Where the model is, and what to expect of it.

    :param before: the model as it was, on the same sentences.
    :param out_of_fold: articles in up to five folds, each read as was chosen on the others; None for sentences of one article.
    :param kept: labels that are read as before, for want of sentences.
    :param short: labels that do not reach the precision that was asked for, and have their highest one.
    """

    folder: Path
    before: Evaluation
    out_of_fold: Evaluation | None
    kept: tuple[str, ...]
    short: tuple[str, ...]


def recalibrate(
    model: Path, data: Path, output: Path, *, precision: float | None = None, threshold: float | None = None, replace: bool = False
) -> Recalibrated:
    """Write a model folder with the network of another one, and scales, thresholds and margins chosen on labelled sentences.

    :param data: labelled sentences that the network has not learnt from, one a line: a sample of one's own news, or a validation split.
    :param precision: lowest precision wanted of every label; without it, and without `threshold`, F1 is maximised.
    :param threshold: score from which every label is given.
    :param replace: a model folder that stands at `output` makes way.
    :raises ConfigError: for a precision and a threshold together.
    :raises CorpusError: for the very training split, and when there are too few sentences for any label.
    :raises ModelFolderError: for an `output` that exists, or is not apart from `model`.
    """
    if precision is not None and threshold is not None:
        raise ConfigError("precision", "is given beside a threshold, which settles what is given", "Leave one of them out")
    check_apart(output, model)
    check_output(output, replace=replace)
    tagger = Tagger.load(model)
    manifest, config = tagger.manifest, load_config(model / CONFIG)
    objective: Literal["f1", "precision", "fixed"] = "precision" if precision is not None else "fixed" if threshold is not None else "f1"
    error = config.operating_point.uncertain_error
    point = OperatingPoint(objective=objective, precision=precision, threshold=threshold, uncertain_error=error)
    if data.resolve() == (config.data.corpus / "train.jsonl").resolve():
        raise CorpusError(str(data), "is what the model learnt from, and is surer of than of anything else", "Name other sentences")
    rows = read_rows(data, tagger.schema)
    sentences = labelled_sentences(rows, tagger.schema, preceding=tagger.context.preceding, with_title=tagger.context.title)
    kept = _too_rare(sentences.targets, manifest.labels)
    if set(kept) == set(manifest.labels):
        found = f"has fewer than {FEWEST} sentences with each label, or without"
        raise CorpusError(str(data), found, "Label more sentences, or leave the model as it is")
    by_id = {row.id: row for row in rows}
    ordered = tuple(by_id[name] for name in sentences.ids)
    logits = tagger.logits(sentences.inputs)
    before = measured(ordered, _present(manifest).scores(logits), sentences.targets, manifest.thresholds, manifest.labels)
    chosen = _chosen(logits, sentences.targets, point, manifest)
    there = measured(ordered, chosen.scores(logits), sentences.targets, chosen.thresholds, manifest.labels)
    expected = _out_of_fold(ordered, sentences, logits, point, manifest)
    figures = {f"out_of_fold/{name}": round(value, 6) for name, value in expected.figures.items()} if expected else {}
    changed = with_calibration(manifest, chosen).model_copy(update={"metrics": figures})
    config = config.model_copy(update={"operating_point": point})
    card = model_card(
        config=config,
        schema=tagger.schema,
        manifest=changed,
        validation=there,
        test=None,
        others={f"{data.name}, each fold of its articles read as was chosen on the others": expected} if expected else {},
        chosen_on=f"{len(ordered)} sentences of {data.name}",
        kept=kept,
    )
    with new_folder(output, changed, replace=replace) as place:
        for name in manifest.files:
            if name not in (CONFIG, CARD):
                shutil.copy(model / name, place / name)
        (place / CONFIG).write_text(config.to_yaml(), encoding="utf-8")
        (place / CARD).write_text(card, encoding="utf-8")
    short = tuple(name for name in out_of_reach(point, there) if name not in kept)
    return Recalibrated(output, before, expected, kept, short)


def _too_rare(targets: np.ndarray, labels: Sequence[str]) -> tuple[str, ...]:
    counts = targets.astype(bool).sum(0)
    return tuple(name for name, count in zip(labels, counts, strict=True) if min(count, len(targets) - count) < FEWEST)


def _present(manifest: Manifest) -> Calibration:
    labels = manifest.labels
    margins = {name: manifest.margins.get(name, 0.0) for name in labels}
    return Calibration({name: manifest.calibration[name] for name in labels}, {name: manifest.thresholds[name] for name in labels}, margins)


def _chosen(logits: np.ndarray, targets: np.ndarray, point: OperatingPoint, manifest: Manifest) -> Calibration:
    labels, old = manifest.labels, _present(manifest)
    new, rare = Calibration.on(logits, targets, point, labels), _too_rare(targets, labels)
    scales = {name: old.scales[name] if name in rare else new.scales[name] for name in labels}
    if point.objective == "fixed":
        # A threshold that is given needs no sentences; how often it errs does.
        margins = {name: 0.0 if name in rare else new.margins[name] for name in labels}
        return Calibration(scales, new.thresholds, margins)
    thresholds = {name: old.thresholds[name] if name in rare else new.thresholds[name] for name in labels}
    return Calibration(scales, thresholds, {name: old.margins[name] if name in rare else new.margins[name] for name in labels})


def _out_of_fold(
    rows: tuple[Row, ...], sentences: LabelledSentences, logits: np.ndarray, point: OperatingPoint, manifest: Manifest
) -> Evaluation | None:
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ModuleNotFoundError:
        raise MissingExtraError("Calibrating", "train") from None
    folds = min(FOLDS, len(set(sentences.groups)))
    if folds < 2:
        return None
    targets, labels = sentences.targets, manifest.labels
    scores, predicted = np.zeros(targets.shape), np.zeros(targets.shape, dtype=bool)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=0)
    for others, held in splitter.split(np.zeros(len(targets)), label_sets(targets, at_least=folds), sentences.groups):
        chosen = _chosen(logits[others], targets[others], point, manifest)
        scores[held] = chosen.scores(logits[held])
        predicted[held] = apply_thresholds(scores[held], chosen.thresholds, labels)
    return compared(rows, scores, targets, predicted, labels)
