"""Studies: one question, a few variants of a config, several seeds, one table. `experiments/<study>/study.yaml` says which."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pactag.config import DataConfig, RunConfig, load_config
from pactag.errors import ConfigError, Problem
from pactag.learnt_from import inputs_digest
from pactag.model_folder import file_sha256
from pactag.tracking import UNSENT, Tracker
from pactag.training import TrainedRun, check_job, train
from pactag.whole_files import write_whole
from pactag.yaml_files import read_yaml, validation_problems

RESULTS = "results.csv"
# Columns: digests of the settings of a run, of what it learnt from, and of the further files that it was measured on, by which a change
# since is told. Older rows have none.
_SETTINGS, _INPUTS, _MEASURED = "settings", "inputs", "measured"


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
    path: Path,
    *,
    also_measure: Mapping[str, Path],
    results: Path | None = None,
    progress: Callable[[str, int, int, str], None] = lambda *_: None,
) -> list[dict[str, str]]:
    """Train every variant with every seed and write a table, a row a run, as soon as it is known.

    Runs whose row is there already are not repeated, so that a study goes on where it stopped. What one call trains stands under one parent
    run in MLflow.

    :param also_measure: further labelled files by name; the figures of runs that are trained get columns of their own.
    :param results: the table; by default `results.csv` beside the study. With a new one everything is trained.
    :param progress: called with the name of the run, steps done, steps in all, and a word.
    :raises ConfigError: for a variant whose rows come from another config or other data than it has now, for a further file that other
        rows were measured on as it was before, and while another process runs the study: each would write the table without the rows of the
        other.
    """
    results = results or path.parent / RESULTS
    with _alone(results):
        return _run(path, results, also_measure, progress)


def _run(
    path: Path, results: Path, also_measure: Mapping[str, Path], progress: Callable[[str, int, int, str], None]
) -> list[dict[str, str]]:
    study = load_study(path)
    jobs = [(variant, seed, _config(variant, seed, also_measure)) for variant in study.variants for seed in study.seeds]
    rows = read_results(results)
    _as_they_were(results, jobs, rows)
    done = {(row["variant"], row["seed"]) for row in rows}
    waiting = [job for job in jobs if (job[0].name, str(job[1])) not in done]
    if not waiting:
        return rows
    first = waiting[0][2]
    tracker = Tracker(first.tracking.uri)
    tags = {"study": path.parent.name, "mlflow.note.content": study.question}
    # What ends the last of them is told before the first. Those that read the same files differ in nothing that is asked.
    for config in {config.data.model_dump_json(): config for _, _, config in waiting}.values():
        check_job(config)
    name, unsent = f"study {path.parent.name}", first.output / UNSENT
    with tracker.run(experiment=first.tracking.experiment, name=name, params={}, tags=tags, unsent=unsent) as parent:
        for variant, seed, config in waiting:
            name = f"{variant.name}, seed {seed}"
            # Once more: files may have been edited since the run before.
            _as_they_were(results, [job for job in jobs if job[0] is variant], rows)
            # Of what is there now: files may be edited while it trains.
            digests = _digests(config)
            run = train(config, progress=lambda d, t, word, name=name: progress(name, d, t, word), parent=parent.run_id)  # type: ignore[misc]
            rows.append({**_row(variant, seed, run), **digests})
            _write(results, rows)
    return rows


def read_results(path: Path) -> list[dict[str, str]]:
    """The rows of a `results.csv`; none when there is no file.

    :raises ConfigError: for a file that is no table with the columns `variant` and `seed`, and for figures that are no numbers.
    """
    if not path.exists():
        return []
    try:
        table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
        rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(str(path), f"cannot be read ({error})", "Save it as CSV in UTF-8, with commas") from None
    missing = [name for name in ("variant", "seed") if name not in (table.fieldnames or ())]
    if missing:
        has = ", ".join(map(repr, table.fieldnames or ())) or "nothing"
        raise ConfigError(str(path), f"has no column {', '.join(map(repr, missing))}; it has {has[:200]}", "Save it as CSV with commas")
    first: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows, start=2):
        if (before := first.setdefault((row["variant"], row["seed"]), number)) != number:
            found = f"has seed {row['seed']} of {row['variant']!r}, as line {before} does"
            raise ConfigError(f"{path}:{number}", found, "Take one of the two rows out")
        if None in row or None in row.values():
            found = f"has {'more' if None in row else 'fewer'} cells than there are columns"
            raise ConfigError(f"{path}:{number}", found, "Put names that hold a comma in double quotes, or take the row out")
        wrong = [name for name, cell in row.items() if name and "/" in name and cell and not _is_number(cell)]
        if wrong:
            found = f"{row[wrong[0]]!r} under {wrong[0]!r} is no number"
            raise ConfigError(f"{path}:{number}", found, "Take the row out: `pactag study run` makes it again")
    return rows


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


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


def _digests(config: RunConfig) -> dict[str, str]:
    return {
        _SETTINGS: _settings(config),
        _INPUTS: inputs_digest(config),
        _MEASURED: " ".join("=".join(item) for item in _measured(config).items()),
    }


def _measured(config: RunConfig) -> dict[str, str]:
    """Digests of the further files that a run is measured on, by their names, in which no space may stand."""
    return {name: file_sha256(path)[:12] for name, path in sorted(config.data.also_measure.items()) if path.is_file()}


def _as_they_were(results: Path, jobs: list[tuple[Variant, int, RunConfig]], rows: list[dict[str, str]]) -> None:
    """Refuse rows of other settings, and, where a variant is not done, of other inputs: those of one that is done may be gone since."""
    known = {(row["variant"], row["seed"]): row for row in rows}
    waiting = {variant.name for variant, seed, _ in jobs if (variant.name, str(seed)) not in known}
    problems = {}
    for variant, seed, config in jobs:
        row = known.get((variant.name, str(seed)), {})
        found = ""
        if row.get(_SETTINGS, "") not in ("", _settings(config)):
            found = "was changed since its rows were written"
        elif variant.name in waiting and row.get(_INPUTS, "") not in ("", inputs_digest(config)):
            found = "has rows from other sentences, another schema, base model or teacher than are there now"
        if found:
            problems[variant.name] = Problem(f"variant {variant.name!r}", found, f"Rename the variant, or remove its rows from {results}")
    problems |= _measured_otherwise(results, [config for variant, _, config in jobs if variant.name in waiting], rows)
    if problems:
        raise ConfigError.of(problems.values())


def _measured_otherwise(results: Path, waiting: list[RunConfig], rows: list[dict[str, str]]) -> dict[str, Problem]:
    """One table compares all its rows: none of those that are to come is measured on another file of the same name."""
    problems = {}
    for name, digest in {item for config in waiting for item in _measured(config).items()}:
        others = [
            row
            for row in rows
            if any(item.startswith(f"{name}=") and item != f"{name}={digest}" for item in row.get(_MEASURED, "").split())
        ]
        if others:
            found = f"is another file than the one that {len(others)} rows of {results} were measured on"
            problems[f"--measure {name}"] = Problem(f"--measure {name}", found, "Give it another name, or write a new table with --results")
    return problems


@contextlib.contextmanager
def _alone(results: Path) -> Iterator[None]:
    if not results.parent.is_dir():
        raise ConfigError(str(results), f"there is no folder {results.parent}", "Make it first")
    lock = FileLock(results.with_name(f".{results.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(str(results.parent), "is being run by another process", "Wait for it, or end it") from None
    except OSError as error:
        raise ConfigError(str(results.parent), f"cannot be written ({error.strerror})", "Check the path and its permissions") from None
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


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
