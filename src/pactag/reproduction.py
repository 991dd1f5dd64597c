"""Training a run again: the same config on the same data and base model, and whether the figures agree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pactag.config import RunConfig, load_config
from pactag.corpus.rows import digest_of, read_corpus, read_rows
from pactag.errors import PactagError, Problem, TrackingError
from pactag.learnt_from import teachers_digest
from pactag.model_folder import CONFIG, SCHEMA
from pactag.models import classifier
from pactag.provenance import MACHINE, RESUMED, provenance
from pactag.run_contents import BASE_MODEL_SHA256, PARTS_SHA256, TEACHERS_SHA256, parts_tags
from pactag.schema import load_schema
from pactag.seeds import GROUP, MACRO, SEEDS, Spread, shown, spreads_of
from pactag.tracking import Table, Tracker
from pactag.tracking.reading import input_digests, logged_text
from pactag.training import TrainedRun, share_of_articles, train

if TYPE_CHECKING:
    from mlflow.entities import Run

# Tags: of the new run, the one it repeats; of both, what came of it.
REPRODUCES = "reproduces"
VERDICT = "reproduction"
# Settings that change nothing in what is learnt.
_IDLE = ("name", "seed", "seeds", "save", "output", "training.checkpoint_steps")
_IDLE_PARTS = ("tracking.", "data.also_measure.")


@dataclass(frozen=True)
class Check:
    """Something that the run recorded, and what stands there now; None where it is not known."""

    name: str
    recorded: str | None
    now: str | None

    @property
    def agrees(self) -> bool:
        return self.recorded == self.now


@dataclass(frozen=True)
class Figure:
    """A metric of both runs. `low` and `high` say where it may lie when the runs are not expected to agree to the last bit."""

    name: str
    recorded: float
    again: float
    low: float | None
    high: float | None

    @property
    def agrees(self) -> bool:
        if self.recorded == self.again:
            return True
        return self.low is not None and self.high is not None and self.low <= self.again <= self.high


@dataclass(frozen=True)
class Plan:
    """A run that can be trained again: its config, and what is the same and what is not."""

    run: Run
    config: RunConfig
    checks: tuple[Check, ...]

    @property
    def exact(self) -> bool:
        """Whether the figures must agree to the last bit: same machine, threads, libraries and committed code, from beginning to end.

        Where there is a GPU they need not: what it adds up, it adds up in no fixed order.
        """
        tags = self.run.data.tags
        whole = not any(name.startswith(RESUMED) for name in tags)
        return all(check.agrees for check in self.checks) and tags.get("git.dirty") == "false" and "gpu" not in tags and whole


@dataclass(frozen=True)
class Reproduction:
    """What came of it: every figure that both runs have, and the parent of the seeds by which they are judged, None where there is none."""

    plan: Plan
    again: TrainedRun
    figures: tuple[Figure, ...]
    spread_of: str | None

    @property
    def identical(self) -> bool:
        return all(figure.recorded == figure.again for figure in self.figures)

    @property
    def agrees(self) -> bool:
        """Whether every macro-F1 lies within the spread, where they need not be identical.

        The F1s of the labels are shown beside them and do not judge: of ten figures one leaves its 95% range in two of five cases.
        """
        if self.identical or self.plan.exact or self.spread_of is None:
            return self.identical
        judged = [figure for figure in self.figures if figure.name.endswith(MACRO) and figure.low is not None]
        return bool(judged) and all(figure.agrees for figure in judged)

    @property
    def verdict(self) -> str:
        if self.identical:
            return "agrees to the last bit"
        if self.plan.exact:
            return "differs, though machine, threads, libraries and commit are the same"
        if self.spread_of is None:
            return "differs, and cannot be judged: no spread over seeds is recorded for this config"
        return "agrees within the spread of the seeds" if self.agrees else "differs by more than the spread of the seeds"

    def to_dict(self) -> dict[str, Any]:
        """For programs, as JSON takes it."""
        figures = [{**asdict(figure), "agrees": figure.agrees} for figure in self.figures]
        return {
            "run_id": self.plan.run.info.run_id,
            "again": self.again.run_id,
            "agrees": self.agrees,
            "verdict": self.verdict,
            "exact": self.plan.exact,
            "spread_of": self.spread_of,
            "checks": [{**asdict(check), "agrees": check.agrees} for check in self.plan.checks],
            "figures": figures,
        }


def plan(tracker: Tracker, run_id: str) -> Plan:
    """Rebuild the config of a run and check what it needs.

    :raises TrackingError: for a run that is not whole or is the parent of others; and when schema, data or base model are not those of the
        run, with both digests, since figures on other data say nothing.
    """
    run = tracker.get_run(run_id)
    tags = run.data.tags
    if tags.get("status") != "completed":
        raise TrackingError(f"run {run_id!r}", "is not whole (no tag status=completed)", "Take a run that ended well")
    if GROUP in tags and "mlflow.parentRunId" not in tags:
        children = ", ".join(child.info.run_id for child in tracker.children(run_id)[:3])
        raise TrackingError(f"run {run_id!r}", "is the parent of several runs", f"Name one of them, such as {children}")
    config = _config(tracker, run)
    problems = [
        Problem(f"run {run_id!r}", f"{check.name} was {check.recorded}, and is {check.now} now", "Bring back what the run was trained on")
        for check in _inputs(tracker, run, config)
        if not check.agrees
    ]
    if problems:
        raise TrackingError.of(problems)
    # The number of threads is known once the libraries of the kind are there.
    classifier(config.model.kind)
    now = provenance()
    recorded = {"commit": "git.commit", "uncommitted changes": "git.dirty", **{name: name for name in MACHINE}}
    return Plan(run, config, tuple(Check(name, tags.get(tag), now.get(tag)) for name, tag in recorded.items()))


def reproduce(tracker: Tracker, planned: Plan, *, progress: Callable[[int, int, str], None] = lambda *_: None) -> Reproduction:
    """Train the run again, as a new run that is tagged with the one it repeats, and compare the figures.

    On the machine, threads, libraries and commit of the run they must be the same to the last bit. Elsewhere each macro-F1 must lie where a
    further seed falls in 95 of 100 cases, by the runs of the same config with several seeds. The model is not saved: it is there already.
    """
    run, config = planned.run, planned.config
    again = train(config, progress=progress, tags={REPRODUCES: run.info.run_id})
    spread_of, spreads = _spread(tracker, run)
    figures = tuple(
        Figure(name, run.data.metrics[name], value, *(spreads[name].next_one if name in spreads and shown(name) else (None, None)))
        for name, value in again.outcome.figures().items()
        if name in run.data.metrics
    )
    if not figures:
        raise TrackingError(
            f"run {run.info.run_id!r}", "has none of the figures that the new run has", "Compare them: pactag compare RUN RUN"
        )
    done = Reproduction(planned, again, figures, spread_of)
    columns: dict[str, list[Any]] = {"figure": [figure.name for figure in figures]}
    columns |= {name: [getattr(figure, name) for figure in figures] for name in ("recorded", "again", "low", "high", "agrees")}
    recorder = tracker.recorder(again.run_id)
    recorder.table(Table("reproduction", columns))
    recorder.tags({VERDICT: done.verdict})
    tracker.recorder(run.info.run_id).tags({VERDICT: f"{done.verdict} (run {again.run_id})"})
    return done


def _config(tracker: Tracker, run: Run) -> RunConfig:
    config = recorded_config(tracker, run.info.run_id)
    experiment = tracker.client.get_experiment(run.info.experiment_id).name
    tracking = config.tracking.model_copy(update={"uri": tracker.uri, "experiment": experiment})
    return config.model_copy(update={"tracking": tracking, "name": f"{config.name}-again", "save": False})


def recorded_config(tracker: Tracker, run_id: str, overrides: Sequence[str] = ()) -> RunConfig:
    """The config that a run was trained with.

    :param overrides: as of `load_config`.
    :raises TrackingError: when the run has none, or one that this version does not read.
    :raises ConfigError: for overrides that cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CONFIG
        path.write_text(logged_text(tracker, run_id, CONFIG), encoding="utf-8")
        try:
            config = load_config(path)
        except PactagError as error:
            found = f"its config is not one of this version ({error.problems[0]})"
            commit = tracker.get_run(run_id).data.tags.get("git.commit", "of the run")
            raise TrackingError(f"run {run_id!r}", found, f"Check out the commit {commit}") from None
        # On their own: a mistake in these is none of the version.
        return load_config(path, overrides) if overrides else config


def _inputs(tracker: Tracker, run: Run, config: RunConfig) -> list[Check]:
    """Schema, data and base model: what the run had, and what is there now."""
    run_id = run.info.run_id
    schema = load_schema(config.data.schema_file)
    recorded, present = (
        digest_text(text) for text in (logged_text(tracker, run_id, SCHEMA), config.data.schema_file.read_text(encoding="utf-8"))
    )
    checks = [Check(f"the schema {config.data.schema_file}", recorded, present)]
    corpus = read_corpus(config.data.corpus, schema)
    rows = {**corpus.splits, "train": share_of_articles(corpus["train"], config.data.train_share, config.seed)}
    if not config.learns:
        del rows["train"]
    rows |= {name: read_rows(path, schema) for name, path in config.data.also_measure.items()}
    digests = input_digests(tracker, run_id)
    checks += [Check(f"the digest of {name}", digests.get(name), digest_of({name: found})[:32]) for name, found in rows.items()]
    known = run.data.tags.get(BASE_MODEL_SHA256)
    if PARTS_SHA256 in run.data.tags:
        checks.append(Check("the digests of the weights of its parts", run.data.tags[PARTS_SHA256], parts_tags(config)[PARTS_SHA256]))
    if TEACHERS_SHA256 in run.data.tags:
        checks.append(Check("the digest of its teachers", run.data.tags[TEACHERS_SHA256], teachers_digest(config)))
    base = getattr(config.model, "base", None)
    if known is not None and base is not None:
        from pactag.models.pretrained import load_pretrained

        checks.append(
            Check(f"the digest of the base model {base}", known, load_pretrained(base, getattr(config.model, "revision", None)).info.sha256)
        )
    return checks


def digest_text(text: str) -> str:
    """SHA-256 of a text, cut to what the digests of data have."""
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:32]


def _spread(tracker: Tracker, run: Run) -> tuple[str | None, Mapping[str, Spread]]:
    """The parent of the newest seeds of the same config, and the spread of their figures."""
    parents = tracker.search(run.info.experiment_id, f"tags.{GROUP} = '{SEEDS}' and tags.status = 'completed'")
    for parent in parents:
        if "mlflow.parentRunId" in parent.data.tags or _learning(parent) != _learning(run):
            continue
        children = [_on_same_data(tracker, child, run) for child in tracker.children(parent.info.run_id) if _is_like(child, run)]
        common = set.intersection(*(set(metrics) for metrics in children)) if len(children) > 1 else set()
        if common:
            return parent.info.run_id, spreads_of([{name: metrics[name] for name in sorted(common)} for metrics in children])
    return None, {}


def _is_like(child: Run, run: Run) -> bool:
    """Whether the run of a seed is whole, and had the data of another run: a corpus may have grown since under the same path."""
    own, other = child.data.tags, run.data.tags
    return bool(own.get("status") == "completed" and own.get("corpus_digest") == other.get("corpus_digest"))


def _on_same_data(tracker: Tracker, child: Run, run: Run) -> dict[str, float]:
    """The metrics of a seed, without those on a further file that has its name in the other run alone, and is another file here."""
    own, other = (input_digests(tracker, each.info.run_id) for each in (child, run))
    return {name: value for name, value in child.data.metrics.items() if own.get(part := name.partition("/")[0]) == other.get(part)}


def _learning(run: Run) -> dict[str, str]:
    """The parameters that decide what is learnt, the seed left out."""
    return {name: value for name, value in run.data.params.items() if name not in _IDLE and not name.startswith(_IDLE_PARTS)}
