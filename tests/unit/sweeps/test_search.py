"""Sweeps: trials and their runs, pruning, going on after a kill, several processes, and the best config."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from filelock import FileLock, Timeout
from optuna.trial import TrialState
from sqlalchemy import create_engine
from sqlalchemy.event import listens_for

from pactag.config import load_config
from pactag.errors import DivergedError, PactagError
from pactag.sweeps import liveness, search, storage
from pactag.sweeps.config import load_sweep
from pactag.sweeps.report import best_config, importances_of
from pactag.tracking import Tracker
from pactag.tracking.reading import logged_table, logged_text

C = "model.c: {kind: float, low: 0.5, high: 8.0, log: true}"
COUNT = "model.min_count: {kind: int, low: 1, high: 3}"


@pytest.fixture(scope="module")
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture
def sweep_of(tmp_path, config_of, store):
    """Writes and loads a sweep over a small config."""

    def make(name: str, *space: str, kind: str = "tfidf", pictures: bool = False, more: str = "", **changes):
        config = tmp_path / f"{kind}.yaml"
        tracking = {"uri": store, "experiment": "tests", "pictures": pictures}
        data = {**config_of(kind).data.model_dump(mode="json"), "train_share": 0.4}
        config.write_text(config_of(kind, tracking=tracking, data=data, **changes).to_yaml())
        path = tmp_path / f"{name}.yaml"
        lines = [f"name: {name}", f"config: {config}", f"storage: sqlite:///{tmp_path}/{name}.db", "space:"]
        path.write_text("\n".join([*lines, *(f"  {line}" for line in space), more, ""]))
        return load_sweep(path)

    return make


@pytest.fixture(scope="module")
def done(config_of, store, tmp_path_factory):
    """A sweep of four trials that has ended: its parent's id, its study, and how it was loaded."""
    folder = tmp_path_factory.mktemp("sweep")
    tracking = {"uri": store, "experiment": "tests", "pictures": True}
    data = {**config_of("tfidf").data.model_dump(mode="json"), "train_share": 0.4}
    (folder / "base.yaml").write_text(config_of("tfidf", tracking=tracking, data=data).to_yaml())
    path = folder / "four.yaml"
    path.write_text(f"name: four\nconfig: {folder}/base.yaml\nstorage: sqlite:///{folder}/four.db\nspace:\n  {C}\n  {COUNT}\ntrials: 4\n")
    loaded = load_sweep(path)
    run_id, study = search.run_sweep(loaded)
    return run_id, study, loaded


def test_each_trial_is_a_child_run_with_its_settings(done, tracker):
    run_id, study, _ = done
    children = tracker.children(run_id)
    assert [child.data.tags["trial"] for child in children] == ["0", "1", "2", "3"]
    for child, trial in zip(children, study.trials, strict=True):
        assert float(child.data.params["model.c"]) == pytest.approx(trial.params["model.c"])
        assert child.data.tags["group.name"] == "four"


def test_target_is_the_macro_f1_on_the_validation_split_at_the_best_thresholds(done, tracker):
    run_id, study, _ = done
    for child, trial in zip(tracker.children(run_id), study.trials, strict=True):
        # The thresholds that a model keeps are chosen to be steady, not for the peak.
        assert 0 <= trial.value - child.data.metrics["best_dev/f1_macro"] < 0.1


def test_parent_is_whole_and_has_table_pictures_and_best_config(done, tracker):
    run_id, study, _ = done
    parent = tracker.get_run(run_id)
    assert (parent.info.status, parent.data.tags["status"]) == ("FINISHED", "completed")
    assert parent.data.metrics["sweep/best_f1_macro"] == pytest.approx(study.best_value)
    assert logged_table(tracker, run_id, "trials").columns["f1_macro"] == pytest.approx([trial.value for trial in study.trials])
    keys = {item.path.removeprefix("images/").partition("+")[0] for item in tracker.client.list_artifacts(run_id, "images")}
    assert keys == {"sweep~history", "sweep~settings", "sweep~importance"}


def test_best_trial_is_a_plain_config(done, tracker, tmp_path):
    run_id, study, loaded = done
    path = tmp_path / "best.yaml"
    path.write_text(logged_text(tracker, run_id, "best.yaml"))
    config = load_config(path)
    assert config.name == "four-best"
    assert config.model.c == pytest.approx(study.best_params["model.c"])
    assert config.model.min_count == study.best_params["model.min_count"]
    assert (config.save, config.data) == (True, loaded.base.data)
    assert path.read_text() == best_config(loaded, study.best_trial.number, study.best_value, study.best_params)


def test_ended_sweep_is_not_run_again(done):
    run_id, _, loaded = done
    again, study = search.run_sweep(loaded)
    assert (again, len(study.trials)) == (run_id, 4)


def test_more_trials_go_on_under_the_same_parent(sweep_of, tracker):
    loaded = sweep_of("grows", C, more="trials: 1")
    first, _ = search.run_sweep(loaded)
    second, study = search.run_sweep(loaded, trials=2)
    assert (second, len(study.trials), len(tracker.children(first))) == (first, 2, 2)
    assert study.trials[0].params != study.trials[1].params


def test_importances_need_something_to_compare(sweep_of):
    assert importances_of(search.open_study(sweep_of("nothing", C))) == {}


def test_same_seed_proposes_the_same_whatever_the_process(sweep_of, monkeypatch):
    proposals = []
    for name in ("one", "two"):
        loaded = sweep_of(name, C)
        study = search.open_study(loaded)
        study.sampler = search._sampler(loaded, 7)
        proposals.append(search._suggested(study.ask(), "model.c", loaded))
    assert proposals[0] == proposals[1]


@pytest.mark.parametrize(("epochs", "state", "trained"), [(3, "PRUNED", [1, 2]), (2, "COMPLETE", [1, 2])])
def test_trial_below_the_median_is_pruned_before_its_last_epoch(
    sweep_of, tracker, monkeypatch, epochs: int, state: str, trained: list[int]
):
    """With rates that learn nothing against ones that learn, told by figures that the test makes up."""
    loaded = sweep_of(
        f"prunes-{epochs}",
        "training.learning_rate: {kind: float, low: 1.0e-5, high: 1.0e-3}",
        kind="encoder",
        more="\n".join(["trials: 3", f"set: [training.epochs={epochs}]", "pruning: {startup_trials: 2, warmup_epochs: 1}"]),
    )
    seen = []

    def made_up(config, *, watch, parent, tags, **_):
        with tracker.run(experiment="tests", name=config.name, params={}, tags=tags, parent=parent) as recorder:
            for epoch in range(1, epochs + 1):
                seen.append((config.name, epoch))
                watch({"f1_macro": 0.1 if config.name.endswith("002") else 0.5}, 10 * epoch)
        return real(recorder)

    real = _a_trained_run
    monkeypatch.setattr(search, "train", made_up)
    run_id, study = search.run_sweep(loaded)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", state]
    assert [epoch for name, epoch in seen if name.endswith("002")] == trained
    assert [child.data.tags["status"] for child in tracker.children(run_id)] == [
        "completed",
        "completed",
        "pruned" if state == "PRUNED" else "completed",
    ]


def _a_trained_run(recorder):
    from types import SimpleNamespace

    import numpy as np

    return SimpleNamespace(validation=SimpleNamespace(targets=np.array([[1], [0]]), scores=np.array([[0.9], [0.1]])))


def test_failed_trial_ends_the_sweep_as_failed(sweep_of, tracker, monkeypatch):
    def fail(*_):
        raise PactagError("trial", "made to fail", "Nothing")

    monkeypatch.setattr("pactag.calibration.fit_scales", fail)
    loaded = sweep_of("fails-as-a-whole", C)
    with pytest.raises(PactagError, match="made to fail"):
        search.run_sweep(loaded)
    study = search.open_study(loaded)
    assert [trial.state.name for trial in study.trials] == ["FAIL"]
    assert tracker.get_run(study.user_attrs["parent_run"]).info.status == "FAILED"


def test_trial_that_diverges_is_given_up_and_the_sweep_goes_on(sweep_of, tracker, monkeypatch):
    loaded = sweep_of("diverges", C, more="trials: 2")

    def made_up(config, *, parent, tags, **_):
        with tracker.run(experiment="tests", name=config.name, params={}, tags=tags, parent=parent) as recorder:
            if tags["trial"] == "0":
                raise DivergedError("training", "diverged at step 10 or before")
        return _a_trained_run(recorder)

    monkeypatch.setattr(search, "train", made_up)
    run_id, study = search.run_sweep(loaded)
    assert [trial.state.name for trial in study.trials] == ["PRUNED", "COMPLETE"]
    assert [child.info.status for child in tracker.children(run_id)] == ["FAILED", "FINISHED"]


def test_storage_of_another_space_is_refused(sweep_of):
    search.open_study(sweep_of("kept", C))
    with pytest.raises(PactagError, match="holds a sweep 'kept' over another space"):
        search.open_study(sweep_of("kept", COUNT))


def test_best_of_nothing_is_told(sweep_of):
    loaded = sweep_of("empty", C)
    with pytest.raises(PactagError, match="does not exist"):
        search.open_study(loaded, must_exist=True)
    with pytest.raises(PactagError, match="has no trial that was trained to the end"):
        search.best_settings(loaded, search.open_study(loaded))


def test_killed_trial_is_given_up_and_the_sweep_goes_on(sweep_of, tracker):
    loaded = sweep_of("killed", C, more="trials: 1")
    study = search.open_study(loaded)
    parent = search._parent(tracker, loaded, study)
    trial = study.ask()
    trial.set_user_attr(liveness.PROCESS, _process_that_is_gone())
    run = tracker.start(experiment="tests", name="killed-000", tags={"trial": "0"}, parent=parent.run_id)
    run_id, study = search.run_sweep(loaded)
    assert run_id == parent.run_id
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]
    assert tracker.get_run(run.run_id).info.status == "KILLED"


def test_trial_that_died_meanwhile_is_still_wanted(sweep_of, tracker, monkeypatch):
    loaded = sweep_of("died", C, more="trials: 2")

    def train_while_another_dies(config, *, real=search.train, **options):
        monkeypatch.setattr(search, "train", real)
        search.open_study(loaded).ask().set_user_attr(liveness.PROCESS, _process_that_is_gone())
        return real(config, **options)

    monkeypatch.setattr(search, "train", train_while_another_dies)
    run_id, study = search.run_sweep(loaded)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert tracker.get_run(run_id).data.tags["status"] == "completed"


def test_sweep_goes_on_with_the_same_data_only(sweep_of, monkeypatch):
    search.open_study(sweep_of("grown", C))
    monkeypatch.setattr(search, "inputs_digest", lambda _: "another")
    with pytest.raises(PactagError, match="holds a sweep 'grown' on other data"):
        search.open_study(sweep_of("grown", C))
    search.open_study(sweep_of("grown", C), must_exist=True)


@pytest.mark.parametrize(
    ("minutes", "dead"), [(None, False), (30, False), (180, True)], ids=["of a version without signs", "heard of", "silent"]
)
def test_process_of_another_machine_counts_as_running_while_it_gives_signs(minutes: int | None, dead: bool):
    signs = {} if minutes is None else {liveness.ALIVE: (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()}
    trial = SimpleNamespace(user_attrs={liveness.PROCESS: "elsewhere 1 0.00", **signs})
    assert liveness.is_dead(trial) is dead


def test_trial_that_was_given_up_meanwhile_ends_without_harm(sweep_of, tracker, monkeypatch):
    loaded = sweep_of("given-up", C, more="trials: 1")

    def given_up(config, *, watch, parent, tags, **_):
        with tracker.run(experiment="tests", name=config.name, params={}, tags=tags, parent=parent):
            if tags["trial"] == "0":
                search.open_study(loaded).tell(0, state=TrialState.FAIL)
                watch({"f1_macro": 0.5}, 10)
        return _a_trained_run(None)

    monkeypatch.setattr(search, "train", given_up)
    run_id, study = search.run_sweep(loaded)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]
    assert [child.data.tags["status"] for child in tracker.children(run_id)] == ["pruned", "completed"]


def test_looking_at_a_sweep_makes_none(sweep_of):
    search.open_study(sweep_of("there", C))
    other = sweep_of("there", C)
    absent = replace(other, sweep=other.sweep.model_copy(update={"name": "absent", "storage": other.sweep.storage_url}))
    with pytest.raises(PactagError, match="holds no sweep 'absent'"):
        search.open_study(absent, must_exist=True)
    # Nothing was written: it may begin with another space.
    search.open_study(absent)


def test_password_of_a_storage_is_in_no_artifact(sweep_of, tracker):
    loaded = sweep_of("secret", C, more="trials: 1")
    loaded.path.write_text(loaded.path.read_text() + "# was postgresql://me:hunter2@host/sweeps\n")
    run_id, _ = search.run_sweep(loaded)
    assert "postgresql://me:***@host/sweeps" in logged_text(tracker, run_id, "sweep.yaml")


def test_turns_on_a_server_are_locks_of_the_server(monkeypatch):
    """SQLite stands in for the server, with functions of the names that PostgreSQL has."""
    called = []

    def engine(url, **options):
        made = create_engine("sqlite://", **options)

        @listens_for(made, "connect")
        def _(connection, record):
            connection.create_function("hashtext", 1, hash)
            for name in ("pg_advisory_lock", "pg_advisory_unlock"):
                connection.create_function(name, 1, lambda key, name=name: called.append(name))

        made.dialect.name = "postgresql"
        return made

    monkeypatch.setattr("sqlalchemy.create_engine", engine)
    with storage.in_turn("postgresql://host/sweeps", "a"):
        assert called == ["pg_advisory_lock"]
    assert called == ["pg_advisory_lock", "pg_advisory_unlock"]


def test_server_that_cannot_be_reached_is_told():
    with (
        pytest.raises(PactagError, match=r"storage postgresql://me:\*\*\*@localhost:1/x: cannot be opened"),
        storage.in_turn("postgresql://me:secret@localhost:1/x", "a"),
    ):
        pass


@pytest.mark.parametrize(("minutes", "dead"), [(0, False), (10, True)], ids=["about to say who it is", "killed before it said so"])
def test_trial_that_nobody_claims_is_dead_after_a_while(minutes: int, dead: bool):
    trial = SimpleNamespace(user_attrs={}, datetime_start=datetime.now() - timedelta(minutes=minutes))
    assert liveness.is_dead(trial) is dead


def test_this_process_is_not_gone():
    assert liveness.is_gone(liveness.this_process()) is False


# What stands for a fit: real ones would only import their libraries for half a minute.
WORKER = """
import os, sys, time
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from pactag.sweeps import search
from pactag.sweeps.config import load_sweep
from pactag.tracking import Tracker

here = Path(sys.argv[1]).parent

def fit(config, *, parent, tags, **_):
    with Tracker(config.tracking.uri).run(experiment="tests", name=config.name, params={}, tags=tags, parent=parent):
        # Neither goes on before the other has begun.
        here.joinpath(f"began-{os.getpid()}").touch()
        while len(list(here.glob("began-*"))) < 2:
            time.sleep(0.05)
    return SimpleNamespace(validation=SimpleNamespace(targets=np.array([[1], [0]]), scores=np.array([[0.9], [0.1]])))

search.train = fit
search.run_sweep(load_sweep(Path(sys.argv[1])))
"""


def test_trial_is_taken_while_no_other_process_looks_for_the_dead(sweep_of, monkeypatch):
    loaded = sweep_of("in-turn", C)
    held = []

    def said(number: str) -> str:
        lock = FileLock(loaded.sweep.storage_url.removeprefix("sqlite:///") + ".lock", timeout=0)
        with contextlib.suppress(Timeout), lock:
            held.append(False)
            return number
        held.append(True)
        return number

    monkeypatch.setattr(search, "this_process", lambda process=liveness.this_process(): said(process))
    search.run_sweep(loaded, trials=1)
    assert held == [True]


def test_two_processes_share_a_sweep(sweep_of, tracker):
    loaded = sweep_of("shared", C, more="trials: 4")
    command = [sys.executable, "-c", WORKER, str(loaded.path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    study = search.open_study(loaded)
    parent = study.user_attrs["parent_run"]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4
    assert len({trial.user_attrs[liveness.PROCESS] for trial in study.trials}) == 2
    assert len(tracker.children(parent)) == 4
    assert len({trial.params["model.c"] for trial in study.trials}) == 4
    assert tracker.get_run(parent).data.tags["status"] == "completed"


def _process_that_is_gone() -> str:
    import platform

    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    born = liveness.this_process().rsplit(" ", 1)[1]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.05)
    return f"{platform.node()} {process.pid} {born}"


def test_sweep_whose_trials_all_failed_can_be_corrected_under_its_name(sweep_of, monkeypatch):
    def failing(*_, **__):
        raise PactagError("memory", "is short", "Free some")

    wrong = sweep_of("corrected", "model.c: {kind: float, low: 0.5, high: 1.0}", more="trials: 1")
    with monkeypatch.context() as patch:
        patch.setattr(search, "train", failing)
        with pytest.raises(PactagError, match="is short"):
            search.run_sweep(wrong)
    right = sweep_of("corrected", "model.c: {kind: categorical, choices: [1.0, 2.0]}", more="trials: 1")
    _, study = search.run_sweep(right)
    assert [trial.params["model.c"] in (1.0, 2.0) for trial in study.trials] == [True]


def test_storage_below_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PactagError, match=r"storage sqlite:.*cannot be made"), storage.in_turn(f"sqlite:///{tmp_path}/file/s.db", "s"):
        pass
