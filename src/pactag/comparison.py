"""Runs side by side, on the same test sentences: what differs between them, and how far that goes beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pactag.errors import PactagError, Problem, TrackingError
from pactag.evaluation import f1_names
from pactag.significance import CONFIDENCE, RESAMPLES, article_counts, bootstrap_intervals, f1_scores, permutation_p_values
from pactag.tracking import Tracker
from pactag.tracking.reading import digest_of_test_data, logged_table

SENTENCES_SHOWN = 20
_SCORE = "score_"


@dataclass(frozen=True)
class RecordedRun:
    """What a run predicted for its test split. Arrays have shape `(sentences, labels)`, labels in schema order."""

    run_id: str
    name: str
    started: int
    digest: str
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    targets: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray
    params: Mapping[str, str]

    @property
    def short(self) -> str:
        """Name and the start of the id: what a person tells two runs apart by."""
        return f"{self.name} ({self.run_id[:8]})"

    @property
    def articles(self) -> tuple[str, ...]:
        """The article of each sentence."""
        return tuple(name.rpartition(":")[0] for name in self.ids)

    def labels_of(self, vector: np.ndarray) -> tuple[str, ...]:
        """The names behind a row of targets or predictions."""
        return tuple(name for name, on in zip(self.labels, vector, strict=True) if on)


@dataclass(frozen=True)
class Figure:
    """One F1 of both runs, with the interval and the two-sided p-value of `run - baseline`. `name` is that of the metric in MLflow."""

    name: str
    baseline: float
    run: float
    difference: float
    low: float
    high: float
    p: float

    @property
    def title(self) -> str:
        return "macro-F1" if self.name == "f1_macro" else self.name.removesuffix("/f1")


@dataclass(frozen=True)
class ChangedParam:
    """A parameter that differs; None where a run does not have it."""

    name: str
    baseline: str | None
    run: str | None


@dataclass(frozen=True)
class SentenceDifference:
    """A sentence that the runs score differently, and the label whose score differs most.

    `change` is unchanged, mended, broken, or still wrong (in another way).
    """

    id: str
    text: str
    gold: tuple[str, ...]
    baseline: tuple[str, ...]
    run: tuple[str, ...]
    label: str
    baseline_score: float
    run_score: float
    change: str


@dataclass(frozen=True)
class Pair:
    """One run against the baseline. `figures` has macro-F1 first, then each label.

    `mended` sentences have all labels right in the run and not in the baseline, `broken` ones the other way round; `still_wrong` counts
    those that changed from one mistake to another.
    """

    baseline: RecordedRun
    run: RecordedRun
    figures: tuple[Figure, ...]
    mended: int
    broken: int
    still_wrong: int
    params: tuple[ChangedParam, ...]
    sentences: tuple[SentenceDifference, ...]

    @property
    def macro(self) -> Figure:
        return self.figures[0]

    @property
    def changed(self) -> int:
        return self.mended + self.broken + self.still_wrong

    @property
    def worse(self) -> bool:
        """Macro-F1 is worse beyond chance: p below 0.05 and the whole interval below 0."""
        return self.macro.p < 1 - CONFIDENCE and self.macro.high < 0

    @property
    def better(self) -> bool:
        """Macro-F1 is better beyond chance: p below 0.05 and the whole interval above 0."""
        return self.macro.p < 1 - CONFIDENCE and self.macro.low > 0

    @property
    def verdict(self) -> str:
        return "better beyond chance" if self.better else "worse beyond chance" if self.worse else "no difference beyond chance"

    @property
    def summary(self) -> str:
        """The macro-F1 in one line."""
        macro = self.macro
        return f"macro-F1 {macro.difference:+.3f} [{macro.low:+.3f}, {macro.high:+.3f}], p = {macro.p:.3g}: {self.verdict}"


@dataclass(frozen=True)
class Comparison:
    """Every further run against the first."""

    baseline: RecordedRun
    pairs: tuple[Pair, ...]

    def to_dict(self) -> dict[str, Any]:
        """The comparison for programs, as JSON takes it."""
        runs = [
            {
                "run_id": pair.run.run_id,
                "name": pair.run.name,
                "verdict": pair.verdict,
                "figures": [asdict(figure) for figure in pair.figures],
                "changed": {"mended": pair.mended, "broken": pair.broken, "still_wrong": pair.still_wrong},
                "params": [asdict(param) for param in pair.params],
                "sentences": [asdict(sentence) for sentence in pair.sentences],
            }
            for pair in self.pairs
        ]
        base = self.baseline
        counts = {"sentences": len(base.ids), "articles": len(set(base.articles))}
        return {"baseline": {"run_id": base.run_id, "name": base.name}, "test_digest": base.digest, **counts, "runs": runs}


def read_runs(tracker: Tracker, names: Sequence[str]) -> list[RecordedRun]:
    """The runs of a store, by run id, `runs:/<id>`, `models:/<name>@<alias>` or `latest`.

    :raises TrackingError: with every run that is missing, not whole, or holds no usable test predictions.
    """
    runs: list[RecordedRun] = []
    problems: list[Problem] = []
    for name in names:
        try:
            runs.append(_read(tracker, tracker.run_id_of(name)))
        except TrackingError as error:
            problems += error.problems
    if problems:
        raise TrackingError.of(problems)
    return runs


def compare(runs: Sequence[RecordedRun], *, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compare every further run with the first.

    :raises PactagError: for fewer than two runs, a run given twice, or a test split of a single article.
    :raises TrackingError: for runs that were measured on different test data, with both digests.
    """
    if len(runs) < 2:
        raise PactagError("runs to compare", f"{len(runs)} given", "Name two or more")
    baseline, *others = runs
    problems = [problem for run in others for problem in _apart(baseline, run)]
    ids = [run.run_id for run in others]
    problems += [Problem(f"run {one!r}", "is given twice", "Name each run once") for one in dict.fromkeys(ids) if ids.count(one) > 1]
    if problems:
        raise TrackingError.of(problems)
    if len(set(baseline.articles)) < 2:
        raise PactagError(f"run {baseline.run_id!r}", "was measured on one article", "Chance can be judged on two or more")
    return Comparison(baseline, tuple(_pair(baseline, run, resamples, seed) for run in others))


def _read(tracker: Tracker, run_id: str) -> RecordedRun:
    run = tracker.get_run(run_id)
    if run.data.tags.get("status") != "completed":
        raise TrackingError(f"run {run_id!r}", "is not whole (no tag status=completed)", "Take a run that ended well")
    columns = logged_table(tracker, run_id, "test_predictions").columns
    labels = tuple(name.removeprefix(_SCORE) for name in columns if name.startswith(_SCORE))
    missing = [name for name in ("id", "text", "gold", "predicted") if name not in columns]
    if missing or not labels:
        wanted = ", ".join(missing) or f"{_SCORE}<label>"
        raise TrackingError(f"run {run_id!r}", f"its table test_predictions has no column {wanted}", "Train again with this pactag")
    return RecordedRun(
        run_id=run_id,
        name=str(run.info.run_name),
        started=int(run.info.start_time),
        digest=digest_of_test_data(tracker, run_id),
        labels=labels,
        ids=tuple(columns["id"]),
        texts=tuple(columns["text"]),
        targets=_encoded(columns["gold"], labels),
        predicted=_encoded(columns["predicted"], labels),
        scores=np.array([columns[f"{_SCORE}{name}"] for name in labels], dtype=float).T,
        params=dict(run.data.params),
    )


def _encoded(cells: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    return np.array([[name in cell.split() for name in labels] for cell in cells], dtype=bool).reshape(len(cells), len(labels))


def _apart(baseline: RecordedRun, run: RecordedRun) -> list[Problem]:
    """What keeps two runs from being compared."""
    where = f"run {run.run_id!r}"
    if run.run_id == baseline.run_id:
        return [Problem(where, "is compared with itself", "Name two different runs")]
    if run.digest != baseline.digest:
        found = f"was measured on test data {run.digest}, run {baseline.run_id!r} on {baseline.digest}"
        return [Problem(where, found, "Train one of them again on the data of the other")]
    if run.labels != baseline.labels:
        found = f"has the labels {', '.join(run.labels)}, run {baseline.run_id!r} has {', '.join(baseline.labels)}"
        return [Problem(where, found, "Compare runs of one schema")]
    if run.ids != baseline.ids or not np.array_equal(run.targets, baseline.targets):
        found = f"its table test_predictions has other sentences than that of run {baseline.run_id!r}, though the digests agree"
        return [Problem(where, found, "One of the tables was altered: train again")]
    return []


def _pair(baseline: RecordedRun, run: RecordedRun, resamples: int, seed: int) -> Pair:
    first, second = (article_counts(item.targets, item.predicted, item.articles) for item in (baseline, run))
    f1 = zip(f1_scores(first.sum(0)), f1_scores(second.sum(0)), strict=True)
    intervals = bootstrap_intervals(first, second, resamples=resamples, seed=seed)
    p_values = permutation_p_values(first, second, resamples=resamples, seed=seed)
    figures = tuple(
        Figure(name, float(before), float(after), float(after - before), interval.low, interval.high, p)
        for name, (before, after), interval, p in zip(f1_names(run.labels), f1, intervals, p_values, strict=True)
    )
    changes = _changes(baseline, run)
    params = tuple(
        ChangedParam(name, baseline.params.get(name), run.params.get(name))
        for name in sorted({*baseline.params, *run.params})
        if baseline.params.get(name) != run.params.get(name)
    )
    return Pair(
        baseline=baseline,
        run=run,
        figures=figures,
        mended=changes.count("mended"),
        broken=changes.count("broken"),
        still_wrong=changes.count("still wrong"),
        params=params,
        sentences=_most_different(baseline, run, changes),
    )


def _changes(baseline: RecordedRun, run: RecordedRun) -> list[str]:
    """For each sentence: unchanged, mended, broken, or still wrong in another way."""
    was_right = (baseline.predicted == baseline.targets).all(1)
    is_right = (run.predicted == run.targets).all(1)
    same = (baseline.predicted == run.predicted).all(1)
    words = np.select([same, is_right & ~was_right, was_right & ~is_right], ["unchanged", "mended", "broken"], "still wrong")
    return [str(word) for word in words]


def _most_different(baseline: RecordedRun, run: RecordedRun, changes: Sequence[str]) -> tuple[SentenceDifference, ...]:
    gap = np.abs(run.scores - baseline.scores)
    furthest = gap.max(1)
    order = [i for i in np.argsort(-furthest, kind="stable")[:SENTENCES_SHOWN] if furthest[i] > 0]
    return tuple(
        SentenceDifference(
            id=run.ids[i],
            text=run.texts[i],
            gold=run.labels_of(run.targets[i]),
            baseline=run.labels_of(baseline.predicted[i]),
            run=run.labels_of(run.predicted[i]),
            label=run.labels[label],
            baseline_score=float(baseline.scores[i, label]),
            run_score=float(run.scores[i, label]),
            change=changes[i],
        )
        for i in order
        for label in [int(gap[i].argmax())]
    )
