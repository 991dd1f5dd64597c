"""How good a model is on labelled sentences: figures, per-sentence predictions, and the two as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pactag.calibration import apply_thresholds, expected_calibration_error
from pactag.corpus.rows import Row, labelled_sentences
from pactag.errors import PactagError
from pactag.metrics import label_scores, summary
from pactag.significance import Interval, article_counts, f1_intervals
from pactag.tagging import Tagger


@dataclass(frozen=True)
class Evaluation:
    """Scores, predictions and targets of the same sentences, arrays of shape `(sentences, labels)`, and the figures drawn from them."""

    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    targets: np.ndarray
    scores: np.ndarray
    predicted: np.ndarray
    figures: Mapping[str, float]


def evaluate(tagger: Tagger, rows: Sequence[Row]) -> Evaluation:
    """Score labelled rows with a tagger at its own thresholds; each sentence is seen in the context that the model was trained with.

    :raises SchemaError: when a row has a label that the tagger does not know.
    """
    context = tagger.context
    sentences = labelled_sentences(rows, tagger.schema, preceding=context.preceding, with_title=context.title)
    scores = tagger.scores(sentences.inputs)
    by_id = {row.id: row for row in rows}
    return measured(
        tuple(by_id[name] for name in sentences.ids), scores, sentences.targets, tagger.manifest.thresholds, tagger.schema.names
    )


def measured(
    rows: tuple[Row, ...], scores: np.ndarray, targets: np.ndarray, thresholds: Mapping[str, float], labels: tuple[str, ...]
) -> Evaluation:
    """The evaluation of given scores."""
    return compared(rows, scores, targets, apply_thresholds(scores, thresholds, labels), labels)


def compared(rows: tuple[Row, ...], scores: np.ndarray, targets: np.ndarray, predicted: np.ndarray, labels: tuple[str, ...]) -> Evaluation:
    """The evaluation of given scores and predictions, which need not come from the same thresholds throughout."""
    figures = summary(targets, predicted, labels)
    for i, name in enumerate(labels):
        figures[f"{name}/ece"] = expected_calibration_error(scores[:, i], targets[:, i])
    return Evaluation(rows, labels, targets, scores, predicted, figures)


def grouped(evaluation: Evaluation, field: str) -> dict[str, Evaluation]:
    """The evaluation apart for each value of a field of the rows: `article_id`, `title`, or a further one such as `source` or `topic`.

    :raises PactagError: for a field that no row has.
    """
    given = [{**row.extra, "article_id": row.article_id, "title": row.title or ""} for row in evaluation.rows]
    fields = list(dict.fromkeys(name for row in given for name in row))
    if given and field not in fields:
        raise PactagError(f"field {field!r}", "is in no row", f"Fields of these rows: {', '.join(fields)}")
    values = np.array(["" if row.get(field) is None else str(row[field]) for row in given])
    parts = {}
    for value in sorted(set(values)):
        chosen = np.flatnonzero(values == value)
        targets, predicted, scores = evaluation.targets[chosen], evaluation.predicted[chosen], evaluation.scores[chosen]
        rows = tuple(evaluation.rows[i] for i in chosen)
        parts[value] = Evaluation(rows, evaluation.labels, targets, scores, predicted, summary(targets, predicted, evaluation.labels))
    return parts


def f1_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The keys of F1 in `Evaluation.figures`: `f1_macro`, and `<label>/f1` for each label."""
    return ("f1_macro", *(f"{name}/f1" for name in labels))


def absent_labels(evaluation: Evaluation) -> tuple[str, ...]:
    """Labels that no sentence carries: their F1 is 0 whatever a model does, and so counts in macro-F1."""
    return tuple(name for name, count in zip(evaluation.labels, evaluation.targets.sum(0), strict=True) if not count)


def intervals(evaluations: Sequence[Evaluation]) -> dict[str, Interval]:
    """95% intervals of the mean F1 of one or several models on the same sentences, from a bootstrap over articles.

    Keys are those of `f1_names`; none for a single article: how it differs from others cannot be told from it alone.
    """
    first = evaluations[0]
    articles = [row.article_id for row in first.rows]
    if len(set(articles)) < 2:
        return {}
    found = f1_intervals([article_counts(item.targets, item.predicted, articles) for item in evaluations])
    return dict(zip(f1_names(first.labels), found, strict=True))


def per_label_table(evaluation: Evaluation, thresholds: Mapping[str, float]) -> dict[str, list[Any]]:
    """Columns: label, F1, precision, recall, support, the four counts, threshold. The UI compares the second one unless told otherwise."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("label", "f1", "precision", "recall", "support", "tp", "fp", "fn", "tn", "threshold")
    }
    for name, scores in zip(evaluation.labels, label_scores(evaluation.targets, evaluation.predicted), strict=True):
        values = (name, scores.f1, scores.precision, scores.recall, scores.support)
        counts = (scores.true_positives, scores.false_positives, scores.false_negatives, scores.true_negatives)
        for column, value in zip(columns.values(), (*values, *counts, thresholds[name]), strict=True):
            column.append(value)
    return columns


def predictions_table(evaluation: Evaluation) -> dict[str, list[Any]]:
    """Columns: id, text, gold, predicted, right, and the score of each label; one row a sentence."""
    columns: dict[str, list[Any]] = {
        "id": [row.id for row in evaluation.rows],
        "text": [row.text for row in evaluation.rows],
        "gold": [" ".join(_names(evaluation.labels, vector)) for vector in evaluation.targets],
        "predicted": [" ".join(_names(evaluation.labels, vector)) for vector in evaluation.predicted],
        "right": [bool(x) for x in (evaluation.targets.astype(bool) == evaluation.predicted).all(1)],
    }
    for i, name in enumerate(evaluation.labels):
        columns[f"score_{name}"] = [round(float(score), 4) for score in evaluation.scores[:, i]]
    return columns


def _names(labels: Sequence[str], vector: np.ndarray) -> list[str]:
    return [name for name, on in zip(labels, vector, strict=True) if on]


def errors_table(evaluation: Evaluation, thresholds: Mapping[str, float], *, most: int = 50) -> dict[str, list[Any]]:
    """The worst errors, the surest ones first: sentences that were given a label, or not, against the gold.

    Columns: id, text, label, error (`missed` or `false alarm`), score, threshold, how far the score is from the gold, gold, predicted.
    """
    distance = np.where(evaluation.predicted == evaluation.targets.astype(bool), -1.0, np.abs(evaluation.targets - evaluation.scores))
    order = np.argsort(-distance, axis=None, kind="stable")[:most]
    columns: dict[str, list[Any]] = {
        name: [] for name in ("id", "text", "label", "error", "score", "threshold", "distance", "gold", "predicted")
    }
    for sentence, label in zip(*np.unravel_index(order, distance.shape), strict=True):
        if distance[sentence, label] < 0:
            break
        row, name = evaluation.rows[sentence], evaluation.labels[label]
        error = "missed" if evaluation.targets[sentence, label] else "false alarm"
        numbers = (float(evaluation.scores[sentence, label]), thresholds[name], float(distance[sentence, label]))
        sets = (" ".join(_names(evaluation.labels, vectors[sentence])) for vectors in (evaluation.targets, evaluation.predicted))
        values = (row.id, row.text, name, error, *(round(number, 4) for number in numbers), *sets)
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    return columns
