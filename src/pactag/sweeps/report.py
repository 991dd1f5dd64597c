"""What the parent run of a sweep holds: a table of trials, the best settings as a config, pictures, and a note."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pactag.overwriting import check_same_kind
from pactag.sweeps.config import LoadedSweep, Setting
from pactag.tracking import RunRecorder, Table, Tracker

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

# The user attribute of a study that names its parent run; the tag of a child that names its trial.
PARENT = "parent_run"
TRIAL = "trial"
BEST = "best.yaml"
TRIALS = "trials"


def write_report(
    tracker: Tracker, parent: RunRecorder, loaded: LoadedSweep, study: optuna.Study, *, wanted: int, pictures: bool = False
) -> None:
    """Bring the parent up to date: after each trial the figures and the table, at the end the pictures as well."""
    trials = study.get_trials(deepcopy=False)
    ended = [trial for trial in trials if trial.state.is_finished()]
    runs = {run.data.tags[TRIAL]: run.info.run_id for run in tracker.children(parent.run_id) if TRIAL in run.data.tags}
    parent.table(Table(TRIALS, trials_table(loaded, ended, runs)))
    complete = [trial for trial in ended if trial.state.name == "COMPLETE"]
    states = [trial.state.name for trial in ended]
    figures = {"sweep/ended": float(states.count("COMPLETE")), "sweep/pruned": float(states.count("PRUNED"))}
    if complete:
        best = study.best_trial
        figures["sweep/best_f1_macro"] = float(best.value or 0.0)
        parent.text(best_config(loaded, best.number, float(best.value or 0.0), best.params), BEST)
        parent.tags({"best_trial": str(best.number), "best_run": runs.get(str(best.number), "")})
        parent.tags({"mlflow.note.content": _note(loaded, study, wanted=wanted, run_id=parent.run_id)})
    parent.metrics(figures, step=len(ended))
    if pictures and complete and loaded.base.tracking.pictures:
        _draw(parent, loaded, study, trials, complete)


def trials_table(loaded: LoadedSweep, trials: list[FrozenTrial], runs: Mapping[str, str]) -> dict[str, list[Any]]:
    """Columns: trial, state, f1_macro, epochs, seconds, one a setting, run_id; f1_macro of a pruned trial is its last."""
    columns: dict[str, list[Any]] = {
        "trial": [trial.number for trial in trials],
        "state": [trial.state.name.lower() for trial in trials],
        "f1_macro": [_value(trial) for trial in trials],
        "epochs": [trial.last_step for trial in trials],
        "seconds": [round(trial.duration.total_seconds(), 1) if trial.duration else None for trial in trials],
    }
    columns |= {name: [trial.params.get(name) for trial in trials] for name in loaded.sweep.space}
    return {**columns, "run_id": [runs.get(str(trial.number)) for trial in trials]}


def best_config(loaded: LoadedSweep, number: int, value: float, settings: Mapping[str, Setting]) -> str:
    """The config of a trial as a file that `pactag train` takes."""
    sweep = loaded.sweep
    config = loaded.trial_config(dict(settings), name=f"{sweep.name}-best")
    found = "".join(f"#   {name}: {setting}\n" for name, setting in settings.items())
    return f"# Trial {number} of the sweep {sweep.name}: macro-F1 {value:.4f} on the validation split with\n{found}\n{config.to_yaml()}"


def check_replaceable(path: Path) -> None:
    """Refuse to write the best settings over anything else, such as the file of the sweep.

    :raises PactagError: when a file stands there that does not begin as `best_config` does.
    """
    check_same_kind(path, re.compile(rb"# Trial \d+ of the sweep "), "best trial of a sweep")


def importances_of(study: optuna.Study) -> dict[str, float]:
    """How much of the difference between the trials each setting explains; none while there is nothing to compare."""
    import optuna

    complete = [trial.value for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if len(set(complete)) < 2:
        return {}
    return {name: float(share) for name, share in optuna.importance.get_param_importances(study).items()}


def _draw(parent: RunRecorder, loaded: LoadedSweep, study: optuna.Study, trials: list[FrozenTrial], complete: list[FrozenTrial]) -> None:
    from pactag.pictures import search

    name, step = loaded.sweep.name, len(trials)
    values = [_value(trial) if trial.state.name == "COMPLETE" else None for trial in trials]
    pruned = [_value(trial) if trial.state.name == "PRUNED" else None for trial in trials]
    parent.image(search.sweep_history(values, pruned, title=f"{name}: every trial"), key="sweep/history", step=step)
    settings = {field: [trial.params.get(field) for trial in complete] for field in loaded.sweep.space}
    logarithmic = [field for field, space in loaded.sweep.space.items() if space.log]
    reached = [float(trial.value or 0.0) for trial in complete]
    slices = search.slices(settings, reached, logarithmic, title=f"{name}: macro-F1 by setting")
    parent.image(slices, key="sweep/settings", step=step)
    if shares := importances_of(study):
        parent.image(search.importances(shares, title=f"{name}: which setting matters"), key="sweep/importance", step=step)


def _value(trial: FrozenTrial) -> float | None:
    if trial.value is not None:
        return float(trial.value)
    return float(trial.intermediate_values[trial.last_step]) if trial.last_step is not None else None


def _note(loaded: LoadedSweep, study: optuna.Study, *, wanted: int, run_id: str) -> str:
    best = study.best_trial
    ended = [trial.state.name for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    counts = f"{ended.count('COMPLETE')} trained to the end, {ended.count('PRUNED')} pruned, {wanted} wanted"
    lines = [
        f"### Sweep {loaded.sweep.name}: validation macro-F1 {best.value:.3f}",
        "",
        f"Best of the trials is number {best.number} ({counts}). The test split decided nothing.",
        "",
        "| setting | best | searched |",
        "|---|---|---|",
    ]
    for name, space in loaded.sweep.space.items():
        searched = ", ".join(map(str, space.ends)) if space.kind == "categorical" else f"{space.ends[0]} to {space.ends[1]}"
        lines.append(f"| `{name}` | {best.params.get(name)} | {searched}{' (log)' if space.log else ''} |")
    return "\n".join([*lines, "", "```", f"pactag sweep best {run_id} -o best.yaml", "pactag train best.yaml", "```"])
