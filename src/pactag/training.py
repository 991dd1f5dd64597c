"""A training job: from a run config to a tracked run and a saved model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pactag.calibration import Calibration, out_of_reach
from pactag.config import RunConfig
from pactag.corpus.rows import Corpus, LabelledSentences, Row, by_article, digest_of, labelled_sentences, read_corpus, read_rows
from pactag.errors import ConfigError, CorpusError
from pactag.evaluation import Evaluation, measured
from pactag.learnt_from import models_digest
from pactag.model_card import model_card
from pactag.model_folder import CARD, CONFIG, FORMAT_VERSION, SCHEMA, Manifest, new_folder
from pactag.models import classifier
from pactag.models.base import FitContext, MetricSink, SentenceClassifier
from pactag.processes import is_main, process_count
from pactag.run_contents import Outcome, base_model_tags, log_outcome, log_pictures, log_start, note
from pactag.schema import Schema, load_schema
from pactag.tracking import UNSENT, Tracker
from pactag.unfinished import CHECKPOINTS, History, holding, key_of, unfinished
from pactag.whole_files import in_the_way

_log = logging.getLogger(__name__)
# Disks take 255; an id and the mark of an unfinished folder are put around it.
_LONGEST_NAME = 200

EXAMPLE = {"id": "example", "title": "Port talks", "text": "The pilots threatened to strike on Friday. The port has 14 pilots."}


@dataclass(frozen=True)
class TrainedRun:
    """What a training job leaves behind."""

    run_id: str
    folder: Path | None
    tracking_uri: str
    outcome: Outcome
    # Where the entries are that the tracking store has not taken: it was away.
    unsent: Path | None = None

    @property
    def validation(self) -> Evaluation:
        return self.outcome.validation

    @property
    def test(self) -> Evaluation:
        return self.outcome.test

    @property
    def others(self) -> Mapping[str, Evaluation]:
        return self.outcome.others

    @property
    def fit_seconds(self) -> float:
        return self.outcome.fit_seconds


@dataclass(frozen=True)
class Task:
    """What a training job reads before it begins: the sentences by split, those of `train` being the share that is learnt from.

    `schema_text` is the file as it was read: it may be edited while the job runs, and the model belongs to what it was.
    """

    config: RunConfig
    schema: Schema
    schema_text: str
    corpus: Corpus
    others: Mapping[str, tuple[Row, ...]]
    learnt: tuple[Row, ...]
    sentences: Mapping[str, LabelledSentences]

    @classmethod
    def of(cls, config: RunConfig) -> Task:
        schema = load_schema(config.data.schema_file)
        schema_text = config.data.schema_file.read_bytes().decode("utf-8")
        corpus = read_corpus(config.data.corpus, schema)
        others = {name: tuple(read_rows(path, schema)) for name, path in config.data.also_measure.items()}
        learnt = share_of_articles(corpus["train"], config.data.train_share, config.seed) if config.learns else ()
        context = config.context
        sentences = {
            name: labelled_sentences(rows, schema, preceding=context.preceding, with_title=context.title)
            for name, rows in {**corpus.splits, "train": learnt}.items()
        }
        return cls(config, schema, schema_text, corpus, others, learnt, sentences)

    def key(self, uri: str) -> str:
        """The same for two jobs that would do the same."""
        digests = [self.corpus.digest, *(digest_of({name: rows}) for name, rows in self.others.items())]
        return key_of(self.config.to_yaml(), uri, self.schema_text, models_digest(self.config), *digests)

    def fit(self, context: FitContext) -> SentenceClassifier:
        """Learn; all processes of a job do."""
        kind = classifier(self.config.model.kind)
        train, validation = self.sentences["train"], self.sentences["validation"]
        model = kind.fit(train, validation, config=self.config, labels=self.schema.names, context=context)
        if process_count() > 1 and self.config.model.kind == "encoder":
            from pactag.models.devices import part

            part()
        return model


def join(config: RunConfig) -> None:
    """The part that a further process has in `train`: it learns its share of each step, and neither measures nor writes."""
    if config.model.kind == "encoder":
        from pactag.models.devices import text_of_main

        task = Task.of(config)
        _meet(config)
        folder = text_of_main("")
        task.fit(FitContext(labels=task.schema.names, checkpoints=Path(folder) if folder else None))


def _meet(config: RunConfig) -> None:
    from pactag.models.devices import device_for, meet

    if config.training is not None:
        meet(device_for(config.training))


def train(
    config: RunConfig,
    *,
    progress: Callable[[int, int, str], None] = lambda *_: None,
    watch: MetricSink = lambda *_: None,
    parent: str | None = None,
    tags: Mapping[str, str] | None = None,
    resume: bool | None = None,
) -> TrainedRun:
    """Run a training job.

    :param watch: receives the validation figures by step as they become known; raises `Pruned` to end the run.
    :param tags: further tags of the run.
    :param parent: id of the run of which this one is a part.
    :param progress: called with steps done, steps in all, and a word on how it goes.
    :param resume: with True or False an encoder saves its state after each epoch; with True, the last job of the very same config and data
        that has not ended goes on in its run, and with none, one begins.
    :raises PactagError: for anything the user can mend; the run then stands in the store as FAILED. A model folder is left only where the
        model was whole, and what failed was to log it.
    """
    if not is_main():
        raise ConfigError(
            "this command", "was started as one of several processes", "torchrun and accelerate launch are for `pactag train`"
        )
    task = Task.of(config)
    schema, corpus, learnt = task.schema, task.corpus, task.learnt
    _writable(config)
    # What a run records of the machine is known once the libraries of the kind are there.
    classifier(config.model.kind)
    tracker = Tracker(config.tracking.uri)
    key = task.key(tracker.uri)
    job = unfinished(config.output, key) if resume is not None else None
    if job is not None and not resume:
        _log.warning("an unfinished run of this config stands in %s; this is a new one. `--resume` goes on with the other", job.folder)
        job = None
    if resume:
        # A run is not found again once its config, data or models are others.
        _log.warning("going on with run %s", job.run_id) if job else _log.warning("no unfinished run of this very config: a new one begins")
    run_tags = {**(tags or {}), "kind": config.model.kind, "seed": str(config.seed), "corpus_digest": corpus.digest}
    with (
        holding(job) as held,
        tracker.run(
            experiment=config.tracking.experiment,
            name=config.name,
            params=config.flat(),
            tags=run_tags,
            parent=parent,
            watch_machine=True,
            unsent=config.output / UNSENT,
            resume=job.run_id if job else None,
            seconds_before=job.history().seconds if job else 0.0,
        ) as recorder,
    ):
        if resume is not None and held.job is None:
            held.begin(config.output / CHECKPOINTS / recorder.run_id, key)
        folder_of_job = held.job.folder if held.job is not None else None
        log_start(recorder, config, schema_text=task.schema_text, corpus=corpus, learnt=learnt, others=task.others)
        history = held.job.history() if held.job is not None else History()
        before, started = history.seconds, time.perf_counter()

        def took() -> float:
            return before + time.perf_counter() - started

        def report(figures: Mapping[str, float], step: int) -> None:
            first_told = history.add(figures, step, seconds=took())
            recorder.metrics({f"dev/{name}": value for name, value in figures.items()}, step=step, time_ms=first_told)
            watch(figures, step)

        if process_count() > 1 and config.model.kind == "encoder":
            from pactag.models.devices import text_of_main

            _meet(config)
            text_of_main(str(folder_of_job or ""))
        context = FitContext(
            report=report, progress=progress, labels=schema.names, checkpoints=folder_of_job, saved=lambda: history.took(took())
        )
        model = task.fit(context)
        fit_seconds = took()
        chosen, outcome, tag_rate = _outcome(model, task, fit_seconds)
        folder = config.output / f"{config.name}-{recorder.run_id[:8]}" if config.save else None
        if folder is not None:
            # Before anything is logged: the store may fail, and training took hours.
            parts: Any = {"model": model, "manifest": _manifest(model, task, chosen, outcome, recorder.run_id)}
            parts |= {"config": config, "schema": schema, "schema_text": task.schema_text}
            parts |= {"validation": outcome.validation, "test": outcome.test, "others": outcome.others}
            write_model(folder, **parts, replace=job is not None)
        speed = {"speed/fit_seconds": fit_seconds, "speed/tag_sentences_per_second": tag_rate}
        if learnt:
            speed["speed/fit_sentences_per_second"] = len(learnt) * _epochs_done(config, history) / fit_seconds
        recorder.metrics(speed)
        recorder.tags(base_model_tags(model.base_model))
        log_outcome(recorder, outcome, history=history)
        if config.tracking.pictures:
            log_pictures(recorder, outcome, history=history, model=model, sentences=task.sentences)
        recorder.tags({"mlflow.note.content": note(config, outcome, run_id=recorder.run_id, learnt=len(learnt))})
        if folder is not None:
            recorder.text((folder / CARD).read_text(encoding="utf-8"), CARD)
            recorder.tags({"model_folder": str(folder)})
            recorder.model(folder, example=EXAMPLE)
    return TrainedRun(recorder.run_id, folder, tracker.uri, outcome, recorder.unsent)


def _outcome(model: SentenceClassifier, task: Task, fit_seconds: float) -> tuple[Calibration, Outcome, float]:
    """How logits become labels, chosen on the validation split alone; how that does there and elsewhere; sentences tagged in a second."""
    config, corpus, sentences, labels = task.config, task.corpus, task.sentences, task.schema.names
    targets = sentences["validation"].targets
    logits = model.predict_logits(sentences["validation"].inputs)
    chosen = Calibration.on(logits, targets, config.operating_point, labels)

    def measured_on(rows: Sequence[Row], logits: np.ndarray, targets: np.ndarray) -> Evaluation:
        return measured(tuple(rows), chosen.scores(logits), targets, chosen.thresholds, labels)

    validation = measured_on(corpus["validation"], logits, targets)
    if short := out_of_reach(config.operating_point, targets, validation.predicted, labels):
        told = "operating_point.precision: %s is out of reach on the validation split for %s, which have their highest precision instead"
        _log.warning(told, config.operating_point.precision, ", ".join(short))
    started = time.perf_counter()
    test_logits = model.predict_logits(sentences["test"].inputs)
    tag_rate = len(test_logits) / max(time.perf_counter() - started, 1e-9)
    test = measured_on(corpus["test"], test_logits, sentences["test"].targets)
    others = {}
    for name, rows in task.others.items():
        given = labelled_sentences(rows, task.schema, preceding=config.context.preceding, with_title=config.context.title)
        others[name] = measured_on(rows, model.predict_logits(given.inputs), given.targets)
    return chosen, Outcome(validation, test, others, chosen.thresholds, fit_seconds), tag_rate


def _manifest(model: SentenceClassifier, task: Task, chosen: Calibration, outcome: Outcome, run_id: str) -> Manifest:
    return Manifest(
        format_version=FORMAT_VERSION,
        kind=model.kind,
        labels=task.schema.names,
        thresholds=dict(chosen.thresholds),
        calibration=dict(chosen.scales),
        margins=dict(chosen.margins),
        tokens=model.tokens,
        base_model=model.base_model,
        corpus_digest=task.corpus.digest,
        run_id=run_id,
        metrics={name: round(value, 6) for name, value in outcome.figures().items()},
        pactag_version=version("pactag"),
    )


def check_job(config: RunConfig) -> None:
    """What a job would be refused for once its turn comes: files that are missing or wrong, and a place that cannot be written.

    :raises PactagError: as `train` does.
    """
    _writable(config)
    Task.of(config)


def _writable(config: RunConfig) -> None:
    """Told before a run is opened. Not a matter of the config alone, which studies and seeds give longer names when they copy it."""
    if len(config.name) > _LONGEST_NAME:
        raise ConfigError("name", f"has {len(config.name)} characters", f"The folder of a run takes {_LONGEST_NAME}: shorten it")
    if found := in_the_way(config.output):
        raise ConfigError(f"output {config.output}", found, "Name another folder, which is made when it is missing")


def _epochs_done(config: RunConfig, history: History) -> float:
    """Passes over the training split: fewer than `epochs` after early stopping. The last one may be a part of one."""
    return min(config.training.epochs, len(history.steps)) if config.training else 1


def write_model(
    folder: Path,
    *,
    model: SentenceClassifier,
    manifest: Manifest,
    config: RunConfig,
    schema: Schema,
    schema_text: str,
    validation: Evaluation,
    test: Evaluation,
    others: Mapping[str, Evaluation],
    replace: bool = False,
) -> None:
    """Write a model folder, whole or not at all.

    :param schema_text: the schema file: comments and all belong to what the model was trained for.
    """
    with new_folder(folder, manifest, replace=replace) as place:
        model.save(place)
        (place / CONFIG).write_text(config.to_yaml(), encoding="utf-8")
        (place / SCHEMA).write_bytes(schema_text.encode("utf-8"))
        card = model_card(config=config, schema=schema, manifest=manifest, validation=validation, test=test, others=others)
        (place / CARD).write_text(card, encoding="utf-8")


def share_of_articles(rows: Sequence[Row], share: float, seed: int) -> tuple[Row, ...]:
    """A random share of the articles, whole; for the same seed a smaller share is contained in a larger one.

    :raises CorpusError: when no article is left.
    """
    if share >= 1:
        return tuple(rows)
    articles = list(by_article(rows))
    order = np.random.default_rng(seed).permutation(len(articles))
    chosen = {articles[i] for i in order[: round(share * len(articles))]}
    if not chosen:
        raise CorpusError("data.train_share", f"{share} of {len(articles)} articles is none", "Raise it")
    return tuple(row for row in rows if row.article_id in chosen)
