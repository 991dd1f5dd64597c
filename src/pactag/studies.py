"""Studies: one question, a few variants of a config, several seeds, one table. `experiments/<study>/study.yaml` says which."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pactag.config import DataConfig, RunConfig, load_config
from pactag.errors import ConfigError, Problem
from pactag.tracking import UNSENT, Tracker
from pactag.training import TrainedRun, train
from pactag.whole_files import write_whole
from pactag.yaml_files import read_yaml, validation_problems

RESULTS = "results.csv"
# Column: digest of what a run was trained with, by which a variant that was changed since is told. Older rows have none.
_SETTINGS = "settings"


class Variant(BaseModel):
    """One line of the table: a config and what is changed in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    config: Path = Field(description="config file, relative to the working folder")
    set: tuple[str, ...] = Field((), description="overrides, such as training.learning_rate=3e-5")


class Study(BaseModel):
    """`study.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    seeds: tuple[int, ...] = Field((1, 2, 3), min_length=1)
    variants: tuple[Variant, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Study:
        # A row is known by both: with the same twice, figures of two runs would count as one variant's.
        for what, values in (("seeds", self.seeds), ("names of variants", [variant.name for variant in self.variants])):
            if len(set(values)) < len(values):
                raise ValueError(f"{what} must differ from each other, found {list(values)}")
        return self


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over seeds; the deviation of a single seed is 0."""

    mean: float
    deviation: float
    seeds: int


def load_study(path: Path) -> Study:
    """Read a study file.

    :raises ConfigError: with every problem of it.
    """
    content = read_yaml(path, ConfigError)
    try:
        return Study.model_validate(content.data)
    except ValidationError as error:
        raise ConfigError.of(validation_problems(error, content, Study)) from None


def run_study(
    path: Path, *, also_measure: Mapping[str, Path], progress: Callable[[str, int, int, str], None] = lambda *_: None
) -> list[dict[str, str]]:
    """Train every variant with every seed and write `results.csv` beside the study, a row a run, as soon as it is known.

    Runs whose row is there already are not repeated, so that a study goes on where it stopped. All runs of a study stand under one
    parent run in MLflow.

    :param also_measure: further labelled files by name; their figures get columns of their own.
    :param progress: called with the name of the run, steps done, steps in all, and a word.
    :raises ConfigError: for a variant whose rows come from another config than it has now.
    """
    study = load_study(path)
    jobs = [(variant, seed, _config(variant, seed, also_measure)) for variant in study.variants for seed in study.seeds]
    results = path.parent / RESULTS
    rows = read_results(results)
    _as_they_were(results, jobs, rows)
    done = {(row["variant"], row["seed"]) for row in rows}
    waiting = [job for job in jobs if (job[0].name, str(job[1])) not in done]
    if not waiting:
        return rows
    first = waiting[0][2]
    tracker = Tracker(first.tracking.uri)
    tags = {"study": path.parent.name, "mlflow.note.content": study.question}
    name, unsent = f"study {path.parent.name}", first.output / UNSENT
    with tracker.run(experiment=first.tracking.experiment, name=name, params={}, tags=tags, unsent=unsent) as parent:
        for variant, seed, config in waiting:
            name = f"{variant.name}, seed {seed}"
            run = train(config, progress=lambda d, t, word, name=name: progress(name, d, t, word), parent=parent.run_id)  # type: ignore[misc]
            rows.append({**_row(variant, seed, run), _SETTINGS: _settings(config)})
            _write(results, rows)
    return rows


def read_results(path: Path) -> list[dict[str, str]]:
    """The rows of a `results.csv`; none when there is no file."""
    if not path.exists():
        return []
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def spread(rows: list[dict[str, str]], variant: str, column: str) -> Spread | None:
    """Mean and deviation of a column over the seeds of a variant; None where no row has a value there."""
    values = [float(row[column]) for row in rows if row["variant"] == variant and row.get(column)]
    if not values:
        return None
    return Spread(mean(values), stdev(values) if len(values) > 1 else 0.0, len(values))


def _config(variant: Variant, seed: int, also_measure: Mapping[str, Path]) -> RunConfig:
    # Models are not kept unless a variant asks for it.
    config = load_config(variant.config, ["save=false", *variant.set, f"seed={seed}", "seeds=null"])
    try:
        data = DataConfig.model_validate({**dict(config.data), "also_measure": {**config.data.also_measure, **also_measure}})
    except ValidationError as error:
        raise ConfigError.of(Problem("--measure", item["msg"].removeprefix("Value error, ")) for item in error.errors()) from None
    # A variant may be called "1/8 of the articles", a run and its folder may not.
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{config.name}-{variant.name}-{seed}")
    return config.model_copy(update={"data": data, "name": name})


def _settings(config: RunConfig) -> str:
    """A digest of what decides the figures. Defaults are left out, so that a setting that pactag gains later changes none."""
    idle: dict[str, Any] = {"name": True, "save": True, "output": True, "tracking": True, "data": {"also_measure"}}
    chosen = config.model_dump(mode="json", exclude_defaults=True, exclude=idle)
    text = json.dumps({**chosen, "kind": config.model.kind}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _as_they_were(results: Path, jobs: list[tuple[Variant, int, RunConfig]], rows: list[dict[str, str]]) -> None:
    known = {(row["variant"], row["seed"]): row.get(_SETTINGS) for row in rows}
    changed = [
        variant.name
        for variant, seed, config in jobs
        if (recorded := known.get((variant.name, str(seed)))) and recorded != _settings(config)
    ]
    if changed:
        found, fix = "was changed since its rows were written", f"Rename the variant, or remove its rows from {results}"
        raise ConfigError.of(Problem(f"variant {name!r}", found, fix) for name in dict.fromkeys(changed))


def _row(variant: Variant, seed: int, run: TrainedRun) -> dict[str, str]:
    row = {"variant": variant.name, "seed": str(seed), "run_id": run.run_id, "fit_seconds": f"{run.fit_seconds:.0f}"}
    for part, evaluation in {"validation": run.validation, "test": run.test, **run.others}.items():
        wanted = ["f1_macro", *(f"{name}/{figure}" for name in evaluation.labels for figure in ("f1", "precision", "recall", "ece"))]
        row |= {f"{part}/{name}": f"{evaluation.figures[name]:.4f}" for name in wanted}
    return row


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())
