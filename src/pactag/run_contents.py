"""What a training run holds in MLflow, besides its config and its model: data, environment, figures, tables, pictures, and a note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pactag.config import RunConfig
from pactag.corpus.rows import Corpus, LabelledSentences, Row, by_article, digest_of
from pactag.evaluation import Evaluation, errors_table, f1_names, per_label_table, predictions_table
from pactag.learnt_from import teachers_digest
from pactag.metrics import label_scores
from pactag.model_folder import CONFIG, SCHEMA, BaseModelInfo
from pactag.models.base import SentenceClassifier
from pactag.provenance import command_line, installed_packages, uncommitted_changes
from pactag.tracking import TESTING, LoggedInput, RunRecorder, Table
from pactag.unfinished import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The context of further data sets that a run is measured on.
MEASURED = "measured"
BASE_MODEL = "base_model"
BASE_MODEL_SHA256 = "base_model.sha256"
PARTS_SHA256 = "parts.sha256"
TEACHERS_SHA256 = "teachers.sha256"


@dataclass(frozen=True)
class Outcome:
    """What came of a fit: `others` holds the evaluations on the files of `data.also_measure` by name."""

    validation: Evaluation
    test: Evaluation
    others: Mapping[str, Evaluation]
    thresholds: Mapping[str, float]
    fit_seconds: float

    @property
    def measured(self) -> dict[str, Evaluation]:
        """The evaluations on data that nothing was chosen on."""
        return {"test": self.test, **self.others}

    def figures(self) -> dict[str, float]:
        """Every final figure by its name in MLflow."""
        parts = {"best_dev": self.validation, **self.measured}
        return {f"{part}/{name}": value for part, evaluation in parts.items() for name, value in evaluation.figures.items()}


def log_start(
    recorder: RunRecorder,
    config: RunConfig,
    *,
    schema_text: str,
    corpus: Corpus,
    learnt: Sequence[Row],
    others: Mapping[str, Sequence[Row]],
) -> None:
    """What is known before the fit: data, config, schema, environment; of a soup, its parts in place of training data."""
    contexts = {"train": "training", "validation": "validation", "test": TESTING}
    used = {**corpus.splits, "train": learnt}
    if not config.learns:
        del used["train"], contexts["train"]
    inputs = [
        LoggedInput(split, str(config.data.corpus / f"{split}.jsonl"), context, digest_of({split: used[split]}), used[split])
        for split, context in contexts.items()
    ]
    inputs += [
        LoggedInput(name, str(config.data.also_measure[name]), MEASURED, digest_of({name: rows}), rows) for name, rows in others.items()
    ]
    recorder.inputs(inputs)
    recorder.tags({f"sentences.{name}": str(len(rows)) for name, rows in {**used, **others}.items()})
    recorder.tags(parts_tags(config))
    if (teachers := teachers_digest(config)) is not None:
        recorder.tags({TEACHERS_SHA256: teachers})
    recorder.text(config.to_yaml(), CONFIG)
    recorder.text(schema_text, SCHEMA)
    recorder.text(f"{command_line()}\n", "environment/command.txt")
    recorder.text(installed_packages(), "environment/packages.txt")
    if changes := uncommitted_changes():
        recorder.text(changes, "environment/uncommitted.diff")


def log_outcome(recorder: RunRecorder, outcome: Outcome, *, history: History) -> None:
    """Figures and tables. Called before the model is logged, to which MLflow links them."""
    recorder.metrics(outcome.figures())
    if not history.steps:
        # A kind that is fitted in one go stands in the charts of `dev/` as well.
        recorder.metrics({f"dev/{name}": outcome.validation.figures[name] for name in f1_names(outcome.validation.labels)})
    for part, evaluation in outcome.measured.items():
        per_label = per_label_table(evaluation, outcome.thresholds)
        recorder.table(Table(f"{part}_per_label", per_label))
        recorder.table(Table(f"{part}_confusion", {name: per_label[name] for name in ("label", "tp", "fp", "fn", "tn")}))
        recorder.table(Table(f"{part}_predictions", predictions_table(evaluation)))
        recorder.table(Table(f"{part}_worst_errors", errors_table(evaluation, outcome.thresholds)))


def log_pictures(
    recorder: RunRecorder,
    outcome: Outcome,
    *,
    history: History,
    model: SentenceClassifier,
    sentences: Mapping[str, LabelledSentences],
) -> None:
    """Pictures under keys that are the same in every run, so that the UI shows them side by side."""
    from pactag.pictures import evaluation as pictures

    for part, found in outcome.measured.items():
        where = "test split" if part == "test" else part
        labels = found.labels
        recorder.image(pictures.confusion(found.targets, found.predicted, labels, title=f"Confusion, {where}"), key=f"{part}/confusion")
        curves = pictures.precision_recall(found.targets, found.scores, outcome.thresholds, labels, title=f"Precision and recall, {where}")
        recorder.image(curves, key=f"{part}/precision recall")
        recorder.image(pictures.reliability(found.targets, found.scores, labels, title=f"Reliability, {where}"), key=f"{part}/reliability")
    if history.steps:
        from pactag.pictures.training import learning_curve

        loss, macro = history.of_name("loss"), history.of_name("f1_macro")
        curve = learning_curve(history.steps, loss, macro, title="Learning curve, validation split")
        recorder.image(curve, key="dev/learning curve")
    recorder.image(_lengths(model, sentences), key="data/input length")


def base_model_tags(info: BaseModelInfo | None) -> dict[str, str]:
    """Name and digest of the encoder that a model starts from; none for models without one."""
    return {BASE_MODEL: info.name, BASE_MODEL_SHA256: info.sha256} if info else {}


def parts_tags(config: RunConfig) -> dict[str, str]:
    """The digests of the trained models that a soup is made of, in the order of the config; none for other kinds."""
    if config.model.kind != "soup":
        return {}
    from pactag.models.soup import weights_digests

    return {PARTS_SHA256: " ".join(weights_digests(config.model))}


def note(config: RunConfig, outcome: Outcome, *, run_id: str, learnt: int) -> str:
    """The description at the top of the run's page, in Markdown."""
    test = outcome.test
    others = "".join(f" On `{name}`: **{found.figures['f1_macro']:.3f}**." for name, found in outcome.others.items())
    lines = [
        f"### {config.name}: test macro-F1 {test.figures['f1_macro']:.3f}",
        "",
        f"Kind `{config.model.kind}`, seed {config.seed}. Validation macro-F1 {outcome.validation.figures['f1_macro']:.3f}.{others}",
        "",
        "| label | precision | recall | F1 | sentences |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, scores in zip(test.labels, label_scores(test.targets, test.predicted), strict=True):
        lines.append(f"| {name} | {scores.precision:.3f} | {scores.recall:.3f} | {scores.f1:.3f} | {scores.support} |")
    source = f"Learnt from {learnt:,} sentences of `{config.data.corpus}` in {outcome.fit_seconds:.0f} s"
    if config.model.kind == "soup":
        source = "The mean of the weights of " + ", ".join(f"`{folder}`" for folder in config.model.models)
    lines += [
        "",
        f"{source}; measured on {len(test.rows):,} sentences of {len(by_article(test.rows))} articles.",
        "",
        "```",
        f"pactag compare models:/pactag@champion {run_id}",
        f"pactag reproduce {run_id}",
        "```",
    ]
    return "\n".join(lines)


def _lengths(model: SentenceClassifier, sentences: Mapping[str, LabelledSentences]) -> Figure:
    from pactag.pictures.training import length_histogram

    splits = {split: sentences[split].inputs for split in ("train", "test") if len(sentences[split])}
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is not None and model.tokens is not None:
        lengths = {split: tokenizer.lengths(inputs) for split, inputs in splits.items()}
        return length_histogram(lengths, unit="tokens", limit=model.tokens.max_tokens, title="Length of the inputs")
    words = {split: np.array([len(item.text.split()) for item in inputs]) for split, inputs in splits.items()}
    return length_histogram(words, unit="words", limit=None, title="Length of the inputs")
