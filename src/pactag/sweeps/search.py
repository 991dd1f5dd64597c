"""The search itself: Optuna proposes, a training run answers, and what is known stands in a storage that outlives the process."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pactag.errors import DivergedError, PactagError, TrackingError
from pactag.learnt_from import inputs_digest
from pactag.metrics import best_f1_macro
from pactag.passwords import hidden
from pactag.sweeps.config import Choice, FloatRange, LoadedSweep, Setting
from pactag.sweeps.liveness import PROCESS, Signs, is_dead, this_process
from pactag.sweeps.report import PARENT, TRIAL, write_report
from pactag.sweeps.storage import in_turn, open_storage, optuna_library, told
from pactag.tracking import Pruned, RunRecorder, Tracker, sqlite_file
from pactag.training import train

if TYPE_CHECKING:
    import optuna

FINGERPRINT = "fingerprint"
# Digest of what the trials learn from.
INPUTS = "inputs"
_OTHER = {FINGERPRINT: "over another space or another config", INPUTS: "on other data"}


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: trials that ended by what became of them, and those that run in other processes."""

    complete: int
    pruned: int
    elsewhere: int
    best: float | None

    @property
    def ended(self) -> int:
        return self.complete + self.pruned


def run_sweep(
    loaded: LoadedSweep, *, trials: int | None = None, progress: Callable[[str, int, int, str], None] = lambda *_: None
) -> tuple[str, optuna.Study]:
    """Run trials until the sweep has as many as it wants; call it again, or several times at once, to go on.

    A trial whose process was killed is given up by the next process on that machine, by those on others after two hours of silence. Each
    trial is a child run of one parent, which has the table and the pictures.

    :param trials: instead of the number in the file.
    :param progress: called with the name of the trial, steps done, steps in all, and a word.
    :raises PactagError: for a storage that holds a sweep over another space, and as `train` does.

    Returns the id of the parent run, and the study.
    """
    sweep, wanted = loaded.sweep, trials or loaded.sweep.trials
    tracker = Tracker(loaded.base.tracking.uri)
    with in_turn(sweep.storage_url, sweep.name):
        study = open_study(loaded)
        parent = _parent(tracker, loaded, study)
    status = "FAILED"
    try:
        while (trial := _next_trial(tracker, parent, loaded, study, wanted=wanted)) is not None:
            _one_trial(loaded, study, trial, parent.run_id, progress)
            write_report(tracker, parent, loaded, study, wanted=wanted)
        status = "FINISHED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        # The process that ends last closes the parent.
        if not state_of(study).elsewhere:
            _close(tracker, parent, loaded, study, status=status, wanted=wanted)
    return parent.run_id, study


def open_study(loaded: LoadedSweep, *, must_exist: bool = False) -> optuna.Study:
    """The study of a sweep in its storage, made when it is new.

    :raises PactagError: when the storage cannot be opened, holds a sweep over another space or on other data, or, with `must_exist`, which
        is for looking at what is there, holds nothing yet.
    """
    library, sweep = optuna_library(), loaded.sweep
    path = sqlite_file(sweep.storage_url)
    run_it = f"Run the sweep first: pactag sweep {loaded.path}"
    if must_exist and path is not None and not path.exists():
        raise PactagError(sweep.storage_url, "does not exist", run_it)
    digests = {FINGERPRINT: loaded.fingerprint, INPUTS: inputs_digest(loaded.base)}
    pruner = library.pruners.NopPruner()
    if sweep.pruning is not None:
        # Epochs count from 1, and the pruner looks from the given step on.
        pruner = library.pruners.MedianPruner(sweep.pruning.startup_trials, n_warmup_steps=sweep.pruning.warmup_epochs + 1)
    with told(sweep.storage_url):
        storage = open_storage(sweep.storage_url)
        parts = {"study_name": sweep.name, "storage": storage, "pruner": pruner, "sampler": _sampler(loaded, 0)}
        study: optuna.Study
        if not must_exist:
            study = library.create_study(**parts, direction="maximize", load_if_exists=True)
            if _failed(study) and _digests_of(study) != digests:
                # Corrected before anything was learnt: it begins anew, for Optuna keeps the ranges of trials that failed.
                library.delete_study(study_name=sweep.name, storage=storage)
                study = library.create_study(**parts, direction="maximize")
        else:
            try:
                study = library.load_study(**parts)
            except KeyError:
                raise PactagError(f"storage {sweep.storage_url}", f"holds no sweep {sweep.name!r}", run_it) from None
    for name, now in digests.items():
        known = study.user_attrs.get(name)
        if known is None and not must_exist:
            study.set_user_attr(name, now)
        elif known not in (None, now) and not (name == INPUTS and must_exist):
            found = f"holds a sweep {sweep.name!r} {_OTHER[name]}"
            raise PactagError(f"storage {sweep.storage_url}", found, "Give this one another name or storage, or take the changes back")
    return study


def _digests_of(study: optuna.Study) -> dict[str, str]:
    return {name: study.user_attrs[name] for name in (FINGERPRINT, INPUTS) if name in study.user_attrs}


def _failed(study: optuna.Study) -> bool:
    """Whether a study has nothing but trials that failed. One without any may be another process's that begins."""
    found = state_of(study)
    return bool(study.get_trials(deepcopy=False)) and not found.ended and not found.elsewhere


def state_of(study: optuna.Study) -> Progress:
    """How far a study is."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    states = [trial.state for trial in trials]
    values = [trial.value for trial in trials if trial.state == TrialState.COMPLETE and trial.value is not None]
    return Progress(
        complete=states.count(TrialState.COMPLETE),
        pruned=states.count(TrialState.PRUNED),
        elsewhere=states.count(TrialState.RUNNING),
        best=max(values, default=None),
    )


def best_settings(loaded: LoadedSweep, study: optuna.Study) -> tuple[int, float, Mapping[str, Setting]]:
    """Number, validation macro-F1 and settings of the best trial.

    :raises PactagError: when no trial was trained to the end.
    """
    if state_of(study).best is None:
        raise PactagError(
            f"sweep {loaded.sweep.name!r}", "has no trial that was trained to the end", f"Go on with: pactag sweep {loaded.path}"
        )
    trial = study.best_trial
    return trial.number, float(trial.value or 0.0), trial.params


def _next_trial(tracker: Tracker, parent: RunRecorder, loaded: LoadedSweep, study: optuna.Study, *, wanted: int) -> optuna.Trial | None:
    """A trial of this process; None once so many have ended or are under way: two processes do not both begin the last one."""
    with in_turn(loaded.sweep.storage_url, loaded.sweep.name):
        # Whoever goes on counts what is alive: a trial whose process was killed is one that is still wanted.
        _give_up_the_dead(tracker, parent, study)
        state = state_of(study)
        if state.ended + state.elsewhere >= wanted:
            return None
        trial = study.ask()
        trial.set_user_attr(PROCESS, this_process())
        Signs(trial).give()
        return trial


def _one_trial(
    loaded: LoadedSweep, study: optuna.Study, trial: optuna.Trial, parent: str, progress: Callable[[str, int, int, str], None]
) -> None:
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    # Drawn from the number of the trial: a sweep that goes on after a kill, or in several processes, does not draw the same twice.
    study.sampler = _sampler(loaded, trial.number)
    name = f"{loaded.sweep.name}-{trial.number:03d}"
    signs = Signs(trial)
    epochs, last = 0, math.inf

    def watch(figures: Mapping[str, float], step: int) -> None:
        nonlocal epochs
        epochs += 1
        try:
            trial.report(figures["f1_macro"], epochs)
        except UpdateFinishedTrialError:
            # Another process took its silence for an end, and its place is given to a new trial.
            raise Pruned from None
        # At its last epoch nothing is saved by giving it up.
        if epochs < last and trial.should_prune():
            raise Pruned

    def step(done: int, total: int, word: str) -> None:
        signs.give()
        progress(name, done, total, word)

    try:
        settings = {field: _suggested(trial, field, loaded) for field in loaded.sweep.space}
        config = loaded.trial_config(settings, name=name, save=False)
        last = math.ceil(config.training.epochs) if config.training else 1
        run = train(config, progress=step, watch=watch, parent=parent, tags={TRIAL: str(trial.number)})
    except (Pruned, DivergedError):
        # Settings under which training diverges are the worst ones, not a reason to end the search.
        study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        raise
    else:
        validation = run.validation
        study.tell(trial, best_f1_macro(validation.targets, validation.scores), skip_if_finished=True)


def _suggested(trial: optuna.Trial, name: str, loaded: LoadedSweep) -> Setting:
    space = loaded.sweep.space[name]
    if isinstance(space, Choice):
        chosen: Setting = trial.suggest_categorical(name, list(space.choices))
        return chosen
    if isinstance(space, FloatRange):
        return float(trial.suggest_float(name, space.low, space.high, log=space.log))
    return int(trial.suggest_int(name, space.low, space.high, log=space.log, step=space.step))


def _sampler(loaded: LoadedSweep, number: int) -> optuna.samplers.BaseSampler:
    sweep = loaded.sweep
    # The constant liar keeps processes that run at once apart from each other.
    sampler: optuna.samplers.BaseSampler = optuna_library().samplers.TPESampler(
        seed=(sweep.seed * 1_000_003 + number) % 2**32, n_startup_trials=sweep.startup_trials, constant_liar=True
    )
    return sampler


def _parent(tracker: Tracker, loaded: LoadedSweep, study: optuna.Study) -> RunRecorder:
    """The parent run of the study: the one it has, if that is still there, or a new one."""
    known = study.user_attrs.get(PARENT)
    if known is not None:
        with contextlib.suppress(TrackingError):
            if tracker.get_run(known).info.lifecycle_stage == "active":
                recorder = tracker.recorder(known)
                recorder.resume()
                recorder.tags({"status": "running"})
                return recorder
    sweep = loaded.sweep
    tags = {"kind": loaded.base.model.kind, "group": "sweep", "group.name": sweep.name}
    recorder = tracker.start(experiment=loaded.base.tracking.experiment, name=f"sweep {sweep.name}", tags=tags)
    recorder.params({name: value for name, value in loaded.base.flat().items() if name not in sweep.space})
    recorder.text(hidden(loaded.path.read_text(encoding="utf-8")), "sweep.yaml")
    study.set_user_attr(PARENT, recorder.run_id)
    return recorder


def _give_up_the_dead(tracker: Tracker, parent: RunRecorder, study: optuna.Study) -> None:
    """End the trials, and their runs, whose process on this machine is gone."""
    from optuna.trial import TrialState

    gone = [trial.number for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)) if is_dead(trial)]
    if not gone:
        return
    runs = tracker.children(parent.run_id)
    for number in gone:
        study.tell(number, state=TrialState.FAIL)
        for run in runs:
            if run.data.tags.get(TRIAL) == str(number) and run.info.status == "RUNNING":
                tracker.recorder(run.info.run_id).end("KILLED")


def _close(tracker: Tracker, parent: RunRecorder, loaded: LoadedSweep, study: optuna.Study, *, status: str, wanted: int) -> None:
    if status == "FINISHED":
        write_report(tracker, parent, loaded, study, wanted=wanted, pictures=True)
        parent.tags({"status": "completed"})
    parent.end(status)
