"""A trained model read in another way: scales and thresholds chosen again on labelled sentences, the network as it was."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from pactag.calibration import Calibration, apply_thresholds, out_of_reach, with_calibration
from pactag.config import OperatingPoint, RunConfig, load_config
from pactag.corpus.rows import LabelledSentences, Row, digest_of, labelled_sentences, read_corpus, read_rows
from pactag.corpus.splits import label_sets
from pactag.errors import ConfigError, CorpusError, MissingExtraError, PactagError
from pactag.evaluation import Evaluation, compared, measured
from pactag.model_card import model_card
from pactag.model_folder import CARD, CONFIG, CalibratedOn, Manifest, check_apart, check_output, new_folder
from pactag.models.first_stage import SETTLED
from pactag.schema import Schema
from pactag.tagging import Tagger, resolve_model

FOLDS = 5
# A label that fewer sentences carry, or do without, keeps its scale and threshold.
FEWEST = 10


@dataclass(frozen=True)
class Recalibrated:
    """Where the model is, and what to expect of it.

    :param before: the model as it was, on the same sentences.
    :param out_of_fold: articles in up to five folds, each read as was chosen on the others; None for sentences of one article.
    :param kept: labels whose scale, and threshold unless one was given, are as before, for want of sentences.
    :param short: labels that do not reach the precision that was asked for, and have their highest one.
    :param below: labels that do not keep it out of fold.
    """

    folder: Path
    before: Evaluation
    out_of_fold: Evaluation | None
    kept: tuple[str, ...]
    short: tuple[str, ...]
    below: tuple[str, ...]


def recalibrate(
    model: Path | str,
    data: Path,
    output: Path,
    *,
    precision: float | None = None,
    threshold: float | None = None,
    replace: bool = False,
    tracking_uri: str | None = None,
) -> Recalibrated:
    """Write a model folder with the network of another one, and scales, thresholds and margins chosen on labelled sentences.

    :param model: any name of a model that `Tagger.load` takes.
    :param data: labelled sentences that the network has not learnt from, one a line: a sample of one's own news, or a validation split.
        The training split is refused where the config of the model says it lies; a copy of it is not noticed.
    :param precision: lowest precision wanted of every label; without it, and without `threshold`, F1 is maximised.
    :param threshold: score from which every label is given.
    :param replace: a model folder that stands at `output` makes way.
    :raises ConfigError: for a precision and a threshold together, and for one that is not between 0 and 1.
    :raises CorpusError: for the training split, and when there are too few sentences for any label.
    :raises ModelFolderError: for an `output` that exists, or is not apart from `model`.
    :raises MissingExtraError: without scikit-learn.
    """
    if find_spec("sklearn") is None:
        raise MissingExtraError("Calibrating", "train")
    objective = _objective(precision, threshold)
    model = resolve_model(model, tracking_uri=tracking_uri)
    check_apart(output, model)
    check_output(output, replace=replace)
    tagger = Tagger.load(model)
    manifest, config, labels = tagger.manifest, load_config(model / CONFIG), tagger.manifest.labels
    point = objective.model_copy(update={"uncertain_error": config.operating_point.uncertain_error})
    _refuse_training_split(data, config, manifest, tagger.schema)
    rows = read_rows(data, tagger.schema)
    sentences = labelled_sentences(rows, tagger.schema, preceding=tagger.context.preceding, with_title=tagger.context.title)
    logits, targets = tagger.logits(sentences.inputs), sentences.targets
    kept = _too_rare(logits, targets, labels, fewest=FEWEST)
    if len(kept) == len(labels) and threshold is None:
        found = f"has fewer than {FEWEST} sentences with each label, or without"
        raise CorpusError(str(data), found, "Label more sentences, or leave the model as it is")
    by_id = {row.id: row for row in rows}
    ordered = tuple(by_id[name] for name in sentences.ids)
    present = Calibration({name: manifest.calibration[name] for name in labels}, manifest.thresholds, manifest.margins)
    chosen = _chosen(logits, targets, point, present, kept)
    before, there = (measured(ordered, item.scores(logits), targets, item.thresholds, labels) for item in (present, chosen))
    expected = _out_of_fold(ordered, sentences, logits, point, present, kept)
    source = CalibratedOn(file=data.name, sentences=len(ordered), sha256=digest_of({"sentences": rows}), kept=kept)
    figures = {f"out_of_fold/{name}": round(value, 6) for name, value in expected.figures.items()} if expected else {}
    # How exported networks compare with torch was measured at other thresholds.
    changes = {"metrics": figures, "exports": {}, "calibrated_on": source}
    changed = with_calibration(manifest, chosen).model_copy(update=changes)
    config = config.model_copy(update={"operating_point": point})
    card = model_card(config=config, schema=tagger.schema, manifest=changed, validation=there, test=None, others={}, out_of_fold=expected)
    with new_folder(output, changed, replace=replace) as place:
        for name in manifest.files:
            if name not in (CONFIG, CARD):
                shutil.copy(model / name, place / name)
        (place / CONFIG).write_text(config.to_yaml(), encoding="utf-8")
        (place / CARD).write_text(card, encoding="utf-8")
    short = tuple(name for name in out_of_reach(point, targets, there.predicted, labels) if name not in kept)
    below = out_of_reach(point, targets, expected.predicted, labels) if expected else ()
    return Recalibrated(output, before, expected, kept, short, below)


def _objective(precision: float | None, threshold: float | None) -> OperatingPoint:
    if precision is not None and threshold is not None:
        raise ConfigError("precision", "is given beside a threshold, which settles what is given", "Leave one of them out")
    for name, value in (("precision", precision), ("threshold", threshold)):
        if value is not None and not 0 < value < 1:
            raise ConfigError(name, f"is {value}", "Give a number between 0 and 1")
    objective: Literal["f1", "precision", "fixed"] = "precision" if precision is not None else "fixed" if threshold is not None else "f1"
    return OperatingPoint(objective=objective, precision=precision, threshold=threshold)


def _refuse_training_split(data: Path, config: RunConfig, manifest: Manifest, schema: Schema) -> None:
    """A model is surer of what it learnt from than of anything else."""
    if data.resolve() != (config.data.corpus / "train.jsonl").resolve():
        return
    try:
        same = read_corpus(config.data.corpus, schema).digest == manifest.corpus_digest
    except PactagError:
        # A file of that name in the folder one stands in, and no corpus.
        same = False
    if same:
        raise CorpusError(str(data), "is what the model learnt from, and is surer of than of anything else", "Name other sentences")


def _too_rare(logits: np.ndarray, targets: np.ndarray, labels: Sequence[str], *, fewest: int) -> tuple[str, ...]:
    """Labels that too few of the sentences which the network sees carry, or do without."""
    seen = targets[_seen(logits)].astype(bool)
    return tuple(name for name, count in zip(labels, seen.sum(0), strict=True) if min(count, len(seen) - count) < fewest)


def _seen(logits: np.ndarray) -> np.ndarray:
    """Sentences that no first stage settled: those all have one and the same logit, which says nothing of the others."""
    return np.asarray(logits[:, 0] != SETTLED)


def _chosen(logits: np.ndarray, targets: np.ndarray, point: OperatingPoint, present: Calibration, kept: Collection[str]) -> Calibration:
    """What is chosen on some sentences.

    :param kept: labels that are read as at present.
    """
    labels = tuple(present.scales)
    new = Calibration.on(logits, targets, point, labels, scaled_on=_seen(logits))
    margins = dict(present.margins) or dict.fromkeys(labels, 0.0)
    if point.objective == "fixed":
        # A threshold that is given needs no sentences; how often it errs does.
        margins, thresholds = dict.fromkeys(labels, 0.0), dict(new.thresholds)
    else:
        thresholds = {name: (present if name in kept else new).thresholds[name] for name in labels}
    return Calibration(
        scales={name: (present if name in kept else new).scales[name] for name in labels},
        thresholds=thresholds,
        margins={name: margins[name] if name in kept else new.margins[name] for name in labels},
    )


def _out_of_fold(
    rows: tuple[Row, ...],
    sentences: LabelledSentences,
    logits: np.ndarray,
    point: OperatingPoint,
    present: Calibration,
    kept: Collection[str],
) -> Evaluation | None:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(FOLDS, len(set(sentences.groups)))
    if folds < 2:
        return None
    targets, labels = sentences.targets, tuple(present.scales)
    scores, predicted = np.zeros(targets.shape), np.zeros(targets.shape, dtype=bool)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=0)
    for others, held in splitter.split(np.zeros(len(targets)), label_sets(targets, at_least=folds), sentences.groups):
        # From sentences all with a label, or all without it, nothing can be chosen.
        missing = _too_rare(logits[others], targets[others], labels, fewest=1)
        chosen = _chosen(logits[others], targets[others], point, present, {*kept, *missing})
        scores[held] = chosen.scores(logits[held])
        predicted[held] = apply_thresholds(scores[held], chosen.thresholds, labels)
    return compared(rows, scores, targets, predicted, labels)
