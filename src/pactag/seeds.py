"""One config, several seeds: a run for each under one parent, which says how much of a result is chance in training."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from pactag.config import RunConfig
from pactag.errors import ConfigError, CorpusError
from pactag.model_folder import CONFIG
from pactag.processes import process_count
from pactag.tracking import UNSENT, RunRecorder, Table, Tracker
from pactag.training import Task, TrainedRun, train
from pactag.unfinished import CHECKPOINTS, History, Job, holding, unfinished
from pactag.whole_files import write_whole

CONFIDENCE = 0.95
# Tags of the parent, by which others find it; children have them as well.
GROUP = "group"
SEEDS = "seeds"
# How the names of the macro-F1s of a run end.
MACRO = "/f1_macro"
_RUNS = "runs.json"


@dataclass(frozen=True)
class Spread:
    """One figure over the seeds: the mean, the standard deviation, and the 95% interval of the mean."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def deviation(self) -> float:
        return stdev(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """Student's interval of the mean; with few seeds it is wide, and rightly so."""
        half = _quantile(len(self.values)) * self.deviation / len(self.values) ** 0.5
        return self.mean - half, self.mean + half

    @property
    def next_one(self) -> tuple[float, float]:
        """Where a run with a further seed falls in 95 of 100 cases. Source: Hahn and Meeker, Statistical intervals, 1991, section 4.2."""
        half = _quantile(len(self.values)) * self.deviation * (1 + 1 / len(self.values)) ** 0.5
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class SeedRun:
    """The run of one seed: its model folder, and every final figure by its name in MLflow."""

    run_id: str
    folder: Path | None
    figures: Mapping[str, float]

    @classmethod
    def of(cls, run: TrainedRun) -> SeedRun:
        return cls(run.run_id, run.folder, run.outcome.figures())


@dataclass(frozen=True)
class SeedRuns:
    """The parent's id, the runs by seed, and the spread of every final figure by its name in MLflow."""

    run_id: str
    runs: Mapping[int, SeedRun]
    spreads: Mapping[str, Spread]


def train_seeds(
    config: RunConfig, *, progress: Callable[[str, int, int, str], None] = lambda *_: None, resume: bool | None = None
) -> SeedRuns:
    """Train a config that has `seeds`.

    :param progress: called with the name of the run, steps done, steps in all, and a word.
    :param resume: as of `train`; seeds that are done are not trained again.
    :raises PactagError: as `train` does; the parent then ends as FAILED.
    """
    if process_count() > 1:
        raise ConfigError("seeds", "are not trained by several processes at once", "Train one at a time: --set seeds=null --set seed=1")
    seeds = config.seeds or (config.seed,)
    tracker = Tracker(config.tracking.uri)
    tags = {"kind": config.model.kind, GROUP: SEEDS, "group.name": config.name}
    key = Task.of(config).key(tracker.uri)
    job = unfinished(config.output, key) if resume else None
    with (
        holding(job) as held,
        tracker.run(
            experiment=config.tracking.experiment,
            name=f"{config.name}, {len(seeds)} seeds",
            params=config.flat(),
            tags=tags,
            unsent=config.output / UNSENT,
            resume=job.run_id if job else None,
            seconds_before=job.history().seconds if job else 0.0,
        ) as parent,
    ):
        if resume is not None and held.job is None:
            held.begin(config.output / CHECKPOINTS / parent.run_id, key)
        parent.text(config.to_yaml(), CONFIG)
        runs = _done(held.job)
        history = held.job.history() if held.job is not None else History()
        before, started = history.seconds, time.perf_counter()
        for seed in seeds:
            if seed not in runs:
                if runs and Task.of(config).key(tracker.uri) != key:
                    found = "is not what the first seed had: its data, schema, base or teachers were changed meanwhile"
                    raise CorpusError(f"seed {seed}", found, "Take the change back and --resume, or train all seeds anew")
                one = of_seed(config, seed)
                run = train(
                    one,
                    progress=lambda d, t, word, name=one.name: progress(name, d, t, word),  # type: ignore[misc]
                    parent=parent.run_id,
                    resume=resume,
                )
                runs[seed] = SeedRun.of(run)
                _keep(held.job, runs)
                history.took(before + time.perf_counter() - started)
        runs = {seed: runs[seed] for seed in seeds}
        spreads = spreads_of([run.figures for run in runs.values()])
        _log(parent, config, runs, spreads)
    return SeedRuns(parent.run_id, runs, spreads)


def of_seed(config: RunConfig, seed: int) -> RunConfig:
    """The config of the run of one seed."""
    return config.model_copy(update={"seed": seed, "seeds": None, "name": f"{config.name}-seed{seed}"})


def _done(job: Job | None) -> dict[int, SeedRun]:
    """The runs that a job has had before it was cut off."""
    path = job.folder / _RUNS if job is not None else None
    if path is None or not path.is_file():
        return {}
    known = json.loads(path.read_text(encoding="utf-8"))
    return {
        int(seed): SeedRun(run["run_id"], Path(run["folder"]) if run["folder"] else None, run["figures"]) for seed, run in known.items()
    }


def _keep(job: Job | None, runs: Mapping[int, SeedRun]) -> None:
    if job is not None:
        content = {
            seed: {"run_id": run.run_id, "folder": str(run.folder) if run.folder else None, "figures": dict(run.figures)}
            for seed, run in runs.items()
        }
        write_whole(job.folder / _RUNS, json.dumps(content) + "\n")


def spreads_of(figures: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """The spread of each figure, from the figures of every run."""
    return {name: Spread(tuple(run[name] for run in figures)) for name in figures[0]}


def shown(name: str) -> bool:
    """Whether a figure belongs into a table for people: macro-F1 and the F1 of each label."""
    return name.endswith((MACRO, "/f1"))


def _log(parent: RunRecorder, config: RunConfig, runs: Mapping[int, SeedRun], spreads: Mapping[str, Spread]) -> None:
    metrics: dict[str, float] = {}
    for name, spread in spreads.items():
        part, _, rest = name.partition("/")
        # The mean under the figure's own name, so that a parent stands beside single runs in every chart.
        metrics[name] = spread.mean
        if shown(name) and part != "best_dev":
            low, high = spread.interval
            metrics |= {f"{part}_std/{rest}": spread.deviation, f"{part}_low/{rest}": low, f"{part}_high/{rest}": high}
    parent.metrics(metrics)
    columns: dict[str, list[object]] = {"figure": list(spreads)}
    columns |= {"mean": [s.mean for s in spreads.values()], "std": [s.deviation for s in spreads.values()]}
    columns |= {end: [s.interval[i] for s in spreads.values()] for i, end in enumerate(("low", "high"))}
    columns |= {f"seed {seed}": [s.values[i] for s in spreads.values()] for i, seed in enumerate(runs)}
    parent.table(Table("seeds", columns))
    parent.tags({"mlflow.note.content": _note(config, runs, spreads)})
    if config.tracking.pictures:
        from pactag.pictures.search import seed_spread

        wanted = {name.removeprefix("test/"): s for name, s in spreads.items() if name.startswith("test/") and shown(name)}
        values, intervals = {name: s.values for name, s in wanted.items()}, {name: s.interval for name, s in wanted.items()}
        title = f"{config.name}: F1 on the test split, {len(runs)} seeds, mean and its 95% interval"
        parent.image(seed_spread(values, intervals, title=title), key="test/seeds")


def _note(config: RunConfig, runs: Mapping[int, SeedRun], spreads: Mapping[str, Spread]) -> str:
    macro = spreads["test/f1_macro"]
    low, high = macro.interval
    lines = [
        f"### {config.name}, seeds {', '.join(map(str, runs))}: test macro-F1 {macro.mean:.3f} ± {macro.deviation:.3f}",
        "",
        f"Mean and standard deviation over {len(runs)} seeds; 95% interval of the mean {low:.3f} to {high:.3f}. Metrics are means.",
        "",
        f"| figure | mean | std | {' | '.join(f'seed {seed}' for seed in runs)} |",
        f"|---|---:|---:|{'---:|' * len(runs)}",
    ]
    for name, spread in spreads.items():
        if shown(name) and not name.startswith("best_dev/"):
            lines.append(f"| {name} | {spread.mean:.3f} | {spread.deviation:.3f} | {' | '.join(f'{v:.3f}' for v in spread.values)} |")
    return "\n".join(lines)


def _quantile(count: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, count - 1))
